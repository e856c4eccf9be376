"""ecosystem.ai's page about scoring, line by line: each call by the curl that the page shows.

The page's three ports are one server here. The models are the page's, trained on rows that a
script draws, so that their numbers are near to the page's.
"""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.use_cases.cases import SPEND_RISK
from scripts.use_cases.training import train
from tests.support.campaigns import LABELS, decision_that
from tests.support.curl import curl
from tests.support.ecosystem_bodies import CALL, CUSTOMER, PERSONALITY, SPEND, SPENDER
from tests.support.http_calls import Reply
from tests.support.serving import Server, environment, serve

ROOT = Path(__file__).parents[2]
SEEDING = ("scripts/seed_mlrun_use_cases.py", "--use-case", "customer_personality")
API = "api/v1/mlrun-runtime"
PROJECT = "customer_personality"
FRAMEWORKS = ("sklearn", "xgboost", "lightgbm", "onnx")
COLLECTIONS = {
    "mlrun_configurations": 1,
    "mlrun_feature_pipelines": 1,
    "mlrun_feature_sets": 1,
    "mlrun_training_runs": 4,
    "mlrun_k8s_deployments": 1,
}
RISK = {"model_id": SPEND, "instances": [SPENDER]}
PERSON = {"model_id": PERSONALITY, "instances": [CUSTOMER]}
PATHS = pytest.mark.parametrize("path", ["invocations", "invocate"])


@dataclass(frozen=True, slots=True)
class Page:
    """The server that the page's calls reach, and its files.

    Attributes:
        server: The server of all ports.
        store: The directory of its store.
        output: Where the training runs write.
    """

    server: Server
    store: Path
    output: Path

    def scored(self, path: str, content: Any) -> Reply:
        """Send a scoring call as the page does."""
        return curl(
            f"{self.server.url}/{path}",
            *("-H", "content-type: application/json", "-d", json.dumps(content)),
        )

    def models(self) -> list[dict[str, Any]]:
        """Return the models of the project."""
        reply = curl(f"{self.server.url}/{API}/models?project_id={PROJECT}")
        assert reply.status == 200, reply.text
        found: list[dict[str, Any]] = reply.json()["models"]
        return found

    def rows(self) -> dict[str, int]:
        """Return the number of the project's rows in each collection."""
        with closing(sqlite3.connect(self.store / "store.db")) as connection:
            return {
                name: connection.execute(
                    f"SELECT count(*) FROM {name} WHERE project_id = ?", (PROJECT,)
                ).fetchone()[0]
                for name in COLLECTIONS
            }

    def deletions(self) -> list[tuple[str, Any]]:
        """Return the user and the document of each deletion that was written down."""
        query = (
            "SELECT user_name, document FROM activities"
            " WHERE activity = 'DELETE_MLRUN_CONFIGURATION'"
        )
        with closing(sqlite3.connect(self.store / "store.db")) as connection:
            return [(user, json.loads(text)) for user, text in connection.execute(query)]


def seeded(store: Path, output: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Make the use case by the page's command; the flags say where to."""
    command = [sys.executable, *SEEDING, "--store", str(store), "--output", str(output), *flags]
    return subprocess.run(
        command, check=False, capture_output=True, cwd=ROOT, env=environment(), text=True
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    root = tmp_path_factory.mktemp("page")
    store, models, output = root / "store", root / "models", root / "mlrun"
    done = seeded(store, output, "--deploy", "lightgbm")
    assert done.returncode == 0, done.stderr
    train(SPEND_RISK, "xgboost", models / SPEND)
    flags = ("--models", str(models), "--store", str(store), "--allow-code-uploads")
    with serve(None, *flags, "--max-workers", "1") as server:
        yield Page(server, store, output)


# Scoring: the trainer's and the model server's port have /invocations, the runtime's /invocate.


@PATHS
def test_the_risk_of_a_spender_is_a_label_and_a_probability(page: Page, path: str) -> None:
    reply = page.scored(path, RISK)

    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    answer = reply.json()
    assert list(answer) == ["model_id", "framework", "predictions"]
    assert (answer["model_id"], answer["framework"]) == (SPEND, "xgboost")
    (prediction,) = answer["predictions"]
    assert list(prediction) == ["label", "probability"]
    assert (type(prediction["label"]), prediction["label"]) == (int, 1)
    assert prediction["probability"] == pytest.approx(0.87, abs=0.1)


@PATHS
def test_a_personality_is_a_label_and_a_probability_for_each(page: Page, path: str) -> None:
    answer = page.scored(path, PERSON).json()

    assert list(answer) == ["model_id", "framework", "predictions"]
    assert (answer["model_id"], answer["framework"]) == (PERSONALITY, "lightgbm")
    (prediction,) = answer["predictions"]
    assert list(prediction) == ["label", "probabilities"]
    assert prediction["label"] == "Industrious"
    assert sum(prediction["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize("label", ["Industrious", "Intentional", "Experiential", "Enthusiastic"])
def test_each_personality_has_a_probability(page: Page, label: str) -> None:
    (prediction,) = page.scored("invocations", PERSON).json()["predictions"]

    assert 0 < prediction["probabilities"][label] < 1
    assert prediction["probabilities"].keys() == set(LABELS)


def test_probabilities_of_several_classes_come_largest_first(page: Page) -> None:
    (prediction,) = page.scored("invocations", PERSON).json()["predictions"]

    values = list(prediction["probabilities"].values())
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("content", [RISK, PERSON], ids=["two-classes", "several-classes"])
def test_every_path_takes_the_same_payload(page: Page, content: Any) -> None:
    answers = [page.scored(path, content).json() for path in ("invocations", "invocate")]

    assert answers[0] == answers[1]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_program_of_a_training_run_scores(page: Page, framework: str) -> None:
    name = f"{PROJECT}_{framework}_v1"
    program = page.output / name / "score_model.py"

    done = subprocess.run(
        [sys.executable, str(program), page.server.url],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["model_id"] == name


# Scoring through the runtime.


@PATHS
def test_a_campaign_is_answered_with_one_result(page: Page, path: str) -> None:
    reply = page.scored(path, CALL)

    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    answer = reply.json()
    assert (answer["id"], answer["in_params"]) == (CALL["campaign"], CALL["in_params"])
    (result,) = answer["final_result"]
    assert (result["rank"], result["result"]["offer"]) == (1, "Industrious")


def test_a_call_is_written_down_as_presented(page: Page) -> None:
    answer = page.scored("invocate", CALL).json()

    logged = decision_that(page.store, answer["uuid"], lambda _: True).presented.document

    assert (logged["type"], logged["final_result"]) == ("presented", answer["final_result"])
    told = logged["api_params"]
    assert (told["subcampaign"], told["channel"], told["resultcount"]) == ("lightgbm", "web", 1)
    assert logged["in_params"] == CALL["in_params"]


def test_a_call_is_written_down_as_accepted(page: Page) -> None:
    answer = page.scored("invocate", CALL).json()

    logged = decision_that(page.store, answer["uuid"], lambda one: one.accepted is not None)

    assert logged.accepted is not None
    best = answer["final_result"][0]["result"]
    assert logged.accepted.document["response"]["offers_accepted"] == [best]


@pytest.mark.parametrize("table", ["ecosystemruntime", "ecosystemruntime_response"])
def test_rows_are_in_the_collections_of_the_page(page: Page, table: str) -> None:
    uuid = page.scored("invocate", CALL).json()["uuid"]
    decision_that(page.store, uuid, lambda one: one.accepted is not None)

    with closing(sqlite3.connect(page.store / "store.db")) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()

    assert count > 0


# Models of a project.


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_run_that_succeeded_is_listed(page: Page, framework: str) -> None:
    (run,) = [one for one in page.models() if one["framework"] == framework]

    name = f"{PROJECT}_{framework}_v1"
    assert (run["project_id"], run["model_id"], run["status"]) == (PROJECT, name, "succeeded")
    assert run["artifact_uri"].startswith(f"store://models/{PROJECT}/{name}:")


def test_the_deployment_of_a_run_is_named_if_there_is_one(page: Page) -> None:
    deployments = {one["framework"]: one["deployment_id"] for one in page.models()}

    assert {name for name, found in deployments.items() if found is not None} == {"lightgbm"}


# Deleting a configuration; the last test makes the use case again.


@dataclass(frozen=True, slots=True)
class Deleted:
    """A configuration that was deleted.

    Attributes:
        before: The rows of its project before.
        after: The rows of its project after.
        reply: What the deletion answered.
    """

    before: dict[str, int]
    after: dict[str, int]
    reply: Reply


@pytest.fixture(scope="module")
def deleted(page: Page) -> Deleted:
    before = page.rows()
    url = f"{page.server.url}/{API}/configurations"
    (found,) = curl(f"{url}?project_id={PROJECT}").json()["configurations"]
    reply = curl("-X", "DELETE", "-H", "X-User: ann", f"{url}/{found['_id']}")
    return Deleted(before, page.rows(), reply)


@pytest.mark.parametrize(("collection", "count"), COLLECTIONS.items(), ids=COLLECTIONS)
def test_a_deletion_takes_the_rows_of_a_collection(
    deleted: Deleted, collection: str, count: int
) -> None:
    assert (deleted.before[collection], deleted.after[collection]) == (count, 0)


@pytest.mark.parametrize(("collection", "count"), COLLECTIONS.items(), ids=COLLECTIONS)
def test_a_deletion_counts_the_rows_of_a_collection(
    deleted: Deleted, collection: str, count: int
) -> None:
    assert deleted.reply.status == 200
    assert deleted.reply.json()["counts"][collection] == count


def test_a_deletion_says_in_words_what_it_removed(deleted: Deleted) -> None:
    """The page's example has no deployment; this one has."""
    said = "Removed 1 configuration, 1 pipeline(s), 1 feature set(s), 4 run(s)"

    assert deleted.reply.json()["message"] == f"{said}, 1 deployment(s)."


def test_a_deletion_is_written_down_with_its_user(page: Page, deleted: Deleted) -> None:
    ((user, document),) = page.deletions()

    assert (user, document["counts"]) == ("ann", deleted.reply.json()["counts"])


@pytest.mark.usefixtures("deleted")
def test_what_is_deleted_is_gone(page: Page) -> None:
    listed = curl(f"{page.server.url}/{API}/configurations?project_id={PROJECT}")

    assert listed.json()["configurations"] == []
    assert page.models() == []


@pytest.mark.usefixtures("deleted")
def test_a_use_case_is_made_again_by_the_script(page: Page) -> None:
    """And without a deployment the words are the page's own."""
    done = seeded(page.store, page.output)
    url = f"{page.server.url}/{API}/configurations"

    assert done.returncode == 0, done.stderr
    assert {one["framework"] for one in page.models()} == set(FRAMEWORKS)
    reply = curl("-X", "DELETE", f"{url}?project_id={PROJECT}&pipeline_name={PROJECT}_pipeline")
    assert reply.json()["message"] == (
        "Removed 1 configuration, 1 pipeline(s), 1 feature set(s), 4 run(s)."
    )
