"""The model calls of the MLRun module, on use cases that the script has made, with two workers."""

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

from drum_like.store.ecosystem_entities import RunStatus
from drum_like.store.location import Place as StorePlace
from drum_like.store.store import open_store
from tests.support.http_calls import Reply, call
from tests.support.projects import project, run
from tests.support.serving import Server, environment, serve

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "seed_mlrun_use_cases.py"
API = "/api/v1/mlrun-runtime"
FRAMEWORKS = {"sklearn", "xgboost", "lightgbm", "onnx"}
COLLECTIONS = [
    "mlrun_configurations",
    "mlrun_feature_pipelines",
    "mlrun_feature_sets",
    "mlrun_training_runs",
    "mlrun_k8s_deployments",
]
MODEL_KEYS = {
    "run_id",
    "model_id",
    "adapter_id",
    "project_id",
    "configuration_id",
    "framework",
    "problem_type",
    "target_field",
    "status",
    "metrics",
    "artifact_uri",
    "deployment_id",
    "deployed",
    "invocations_url",
    "created_at",
    "elapsed_seconds",
}


@dataclass(frozen=True)
class Place:
    """The directories of a store and of the runs' output."""

    store: Path
    output: Path

    def seed(self, *flags: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        command = [sys.executable, str(SCRIPT), "--store", str(self.store)]
        return subprocess.run(
            [*command, "--output", str(self.output), *flags],
            check=False,
            capture_output=True,
            env={**environment(), **environ},
            text=True,
        )

    def rows(self, project: str) -> dict[str, int]:
        """Return the number of a project's rows in each table."""
        with closing(sqlite3.connect(self.store / "store.db")) as connection:
            return {
                table: connection.execute(
                    f"SELECT count(*) FROM {table} WHERE project_id = ?",
                    (project,),
                ).fetchone()[0]
                for table in (*COLLECTIONS, "activities")
            }

    def who_deleted(self) -> list[str]:
        """Return the users of all deletions."""
        query = "SELECT user_name FROM activities WHERE activity = 'DELETE_MLRUN_CONFIGURATION'"
        with closing(sqlite3.connect(self.store / "store.db")) as connection:
            return [user for (user,) in connection.execute(query)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("use_cases")
    found = Place(root / "store", root / "mlrun")
    done = found.seed("--use-case", "all", "--deploy", "lightgbm")
    assert done.returncode == 0, done.stderr
    with closing(open_store(StorePlace(found.store))) as store:
        (one,) = store.projects.configurations("customer_personality")
        store.projects.add_run(one.id, run("catboost", RunStatus.FAILED))
    return found


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[Server]:
    flags = ("--store", str(place.store), "--max-workers", "2", "--allow-code-uploads")
    with serve(None, *flags) as running:
        yield running


def models(server: Server, query: str) -> dict[str, Any]:
    reply = server.get(f"{API}/models{query}")
    assert reply.status == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def delete(server: Server, path: str, **headers: str) -> Reply:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(server.url, "DELETE", f"{API}/{path}", headers=names)


def configuration_id(server: Server, project: str) -> str:
    (found,) = server.get(f"{API}/configurations?project_id={project}").json()["configurations"]
    return str(found["_id"])


def test_the_models_of_a_project_are_its_successful_runs(server: Server) -> None:
    found = models(server, "?project_id=customer_personality")

    assert (found["project_id"], found["count"]) == ("customer_personality", 4)
    assert {one["framework"] for one in found["models"]} == FRAMEWORKS
    for one in found["models"]:
        assert one.keys() == MODEL_KEYS
        assert one["status"] == "succeeded"
        assert one["model_id"] == f"customer_personality_{one['framework']}_v1"
        assert one["artifact_uri"] == f"store://models/customer_personality/{one['model_id']}:1"
        assert one["metrics"]["accuracy"] > 0.4
        assert one["invocations_url"] == f"{server.url}/invocations"
        assert one["deployed"] == (one["deployment_id"] is not None)
    deployed = [one["framework"] for one in found["models"] if one["deployed"]]
    assert deployed == ["lightgbm"]
    times = [one["created_at"] for one in found["models"]]
    assert times == sorted(times, reverse=True)


def test_an_unknown_project_has_no_models(server: Server) -> None:
    assert models(server, "?project_id=nobody") == {
        "project_id": "nobody",
        "count": 0,
        "models": [],
    }


def test_without_a_project_all_models_are_listed(server: Server) -> None:
    assert models(server, "")["count"] == 8


@pytest.mark.parametrize("framework", sorted(FRAMEWORKS))
@pytest.mark.parametrize("case", ["spend_risk", "customer_personality"])
def test_each_run_leaves_a_program_that_scores(
    server: Server, place: Place, case: str, framework: str
) -> None:
    name = f"{case}_{framework}_v1"
    program = place.output / name / "score_model.py"

    done = subprocess.run(
        [sys.executable, program, server.url], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["model_id"] == name
    (prediction,) = answer["predictions"]
    if case == "spend_risk":
        assert prediction["label"] == int(prediction["probability"] >= 0.5)
    else:
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("framework", sorted(FRAMEWORKS))
@pytest.mark.parametrize(
    ("case", "row", "key"),
    [
        ("spend_risk", {"amount_sum": 24500, "declined_count": 4}, "probability"),
        ("customer_personality", {"gender": "F", "dependents": 2}, "probabilities"),
    ],
    ids=["spend_risk", "customer_personality"],
)
def test_a_row_may_lack_features(
    server: Server, case: str, row: dict[str, Any], key: str, framework: str
) -> None:
    body = {"model_id": f"{case}_{framework}_v1", "instances": [row]}

    reply = server.post("/invocations", json.dumps(body), "application/json")

    assert reply.status == 200, reply.text
    (prediction,) = reply.json()["predictions"]
    found = prediction[key] if key == "probability" else max(prediction[key].values())
    assert 0 < found < 1


def test_twins_agree_on_the_row_of_their_programs(server: Server, place: Place) -> None:
    """The ONNX model is the pipeline of scikit-learn, written in another format."""
    answers = []
    for framework in ("sklearn", "onnx"):
        program = place.output / f"customer_personality_{framework}_v1" / "score_model.py"
        done = subprocess.run(
            [sys.executable, program, server.url], check=True, capture_output=True, text=True
        )
        answers.append(json.loads(done.stdout)["predictions"][0]["probabilities"])

    assert answers[0] == pytest.approx(answers[1], abs=1e-5)


def test_a_configuration_is_shown(server: Server) -> None:
    found = server.get(f"{API}/configurations/{configuration_id(server, 'spend_risk')}/").json()

    assert found["pipeline_name"] == "spend_risk_pipeline"
    assert (found["target_field"], found["state"], found["version"]) == (
        "is_high_risk",
        "active",
        1,
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "models", 405),
        ("GET", "configurations/nobody", 404),
        ("GET", "configurations/a%00b", 404),
        ("DELETE", "configurations/nobody", 404),
        ("GET", "nothing", 404),
        ("DELETE", "configurations", 422),
        ("DELETE", "configurations?project_id=spend_risk&pipeline_name=x", 404),
    ],
)
def test_mistakes_are_said_in_one_form(server: Server, method: str, path: str, status: int) -> None:
    reply = call(server.url, method, f"{API}/{path}")

    assert reply.status == status
    assert list(reply.json()) == ["detail"]


def test_a_credential_says_who_deletes_and_who_may_not(tmp_path: Path) -> None:
    place = Place(tmp_path / "store", tmp_path / "mlrun")
    with closing(open_store(StorePlace(place.store))) as store:
        project(store, "p", n_runs=1)
    credentials = tmp_path / "credentials.yaml"
    credentials.write_text(
        "- {name: boss, api_key: key-of-the-boss}\n"
        "- {name: reader, api_key: key-of-a-reader, scopes: [predict, observe]}\n"
    )
    path = "configurations?project_id=p&pipeline_name=main_pipeline"

    flags = ("--store", str(place.store), "--credentials", str(credentials))
    with serve(None, *flags, "--max-workers", "1") as server:
        statuses = [
            delete(server, path).status,
            delete(server, path, X_API_Key="key-of-a-reader", X_User="boss").status,
            delete(server, path, X_API_Key="key-of-the-boss", X_User="ann").status,
        ]

    assert statuses == [401, 403, 200]
    assert place.who_deleted() == ["boss"]


def test_a_second_seeding_is_refused(place: Place) -> None:
    done = place.seed("--use-case", "spend_risk", "--skip-training")

    assert done.returncode == 1
    assert "--reset" in done.stderr
    assert place.rows("spend_risk")["mlrun_training_runs"] == 4


def test_what_is_missing_is_said_before_anything_is_made(tmp_path: Path) -> None:
    """A module of that name that cannot be found: `-S` would hide more than this one."""
    place = Place(tmp_path / "store", tmp_path / "mlrun")
    blocker = "import sys; sys.modules['skl2onnx'] = None"
    (tmp_path / "sitecustomize.py").write_text(blocker, encoding="utf-8")

    done = place.seed("--use-case", "spend_risk", PYTHONPATH=str(tmp_path))

    assert done.returncode == 1
    assert "pip install skl2onnx" in done.stderr
    assert "Traceback" not in done.stderr
    assert not place.store.exists()
    assert not place.output.exists()


def test_a_model_that_fails_leaves_nothing_and_the_next_seeding_is_whole(tmp_path: Path) -> None:
    place = Place(tmp_path / "store", tmp_path / "mlrun")
    place.output.mkdir()
    in_the_way = place.output / "spend_risk_onnx_v1"
    in_the_way.write_text("no directory", encoding="utf-8")

    failed = place.seed("--use-case", "spend_risk")
    rows = place.rows("spend_risk") if (place.store / "store.db").exists() else {}
    in_the_way.unlink()
    made = place.seed("--use-case", "spend_risk")

    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert not any(rows.values())
    assert made.returncode == 0, made.stderr
    assert place.rows("spend_risk")["mlrun_training_runs"] == 4


def test_what_a_killed_seeding_has_left_is_replaced(tmp_path: Path) -> None:
    place = Place(tmp_path / "store", tmp_path / "mlrun")
    assert place.seed("--use-case", "spend_risk", "--skip-training").returncode == 0
    with sqlite3.connect(place.store / "store.db") as connection:
        connection.execute("DELETE FROM activities")

    done = place.seed("--use-case", "spend_risk", "--skip-training")
    again = place.seed("--use-case", "spend_risk", "--skip-training")

    assert done.returncode == 0, done.stderr
    assert place.rows("spend_risk")["mlrun_configurations"] == 1
    assert "--reset" in again.stderr


def test_a_dry_run_changes_nothing(place: Place) -> None:
    before = place.rows("spend_risk")

    done = place.seed("--use-case", "spend_risk", "--dry-run", "--reset")

    assert done.returncode == 0
    assert place.rows("spend_risk") == before


def test_a_deletion_takes_its_project_and_says_so(server: Server, place: Place) -> None:
    other = place.rows("customer_personality")
    found = configuration_id(server, "spend_risk")

    reply = delete(server, f"configurations/{found}", X_User="ann")
    again = delete(server, f"configurations/{found}", X_User="ann")

    counts = dict(zip(COLLECTIONS, (1, 1, 1, 4, 1), strict=True))
    message = "Removed 1 configuration, 1 pipeline(s), 1 feature set(s), 4 run(s), 1 deployment(s)."
    assert reply.status == 200
    assert reply.json() == {
        "deleted": True,
        "configuration_id": found,
        "project_id": "spend_risk",
        "counts": counts,
        "message": message,
    }
    assert again.status == 404
    assert place.rows("spend_risk") == dict.fromkeys(COLLECTIONS, 0) | {"activities": 2}
    assert place.rows("customer_personality") == other
    with closing(sqlite3.connect(place.store / "store.db")) as connection:
        (noted,) = connection.execute(
            "SELECT user_name, document FROM activities WHERE activity LIKE 'DELETE%'"
        ).fetchall()
    assert noted[0] == "ann"
    assert json.loads(noted[1])["counts"] == counts
    assert json.loads(noted[1])["message"] == message


def test_a_use_case_is_made_again_after_its_deletion(server: Server, place: Place) -> None:
    for flags in (("--skip-training",), ("--skip-k8s",)):
        done = place.seed("--use-case", "spend_risk", "--reset", *flags)
        assert done.returncode == 0, done.stderr

    assert models(server, "?project_id=spend_risk")["count"] == 4
    with closing(sqlite3.connect(place.store / "store.db")) as connection:
        noted = [
            json.loads(document)["succeeded"]
            for (document,) in connection.execute(
                "SELECT document FROM activities WHERE activity = 'SEED_MLRUN_USE_CASE' "
                "AND project_id = 'spend_risk' ORDER BY id"
            )
        ]
    assert noted == [4, 0, 4]
    assert place.rows("spend_risk")["mlrun_configurations"] == 1
    query = "configurations?project_id=spend_risk&pipeline_name=spend_risk_pipeline"
    assert delete(server, query).json()["message"] == (
        "Removed 1 configuration, 1 pipeline(s), 1 feature set(s), 4 run(s)."
    )
