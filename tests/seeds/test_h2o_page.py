"""H2O's page about the scorer of a deployment, line by line: what its client sends for each line.

The real client is run by tests/clients; here stand its calls, as they come over the wire. The
model is the page's: eight columns of text, the distance of a flight, and intervals.
"""

import base64
import json
import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from tests.support.http_calls import Part, Reply, call, form
from tests.support.issuers import ISSUER, key_set, token
from tests.support.models import ONE_WORKER, Model, served
from tests.support.scorers import FLIGHT, TYPED, detail, flights
from tests.support.serving import Server, serve

JSON = "application/json"
UID = "822fcf3d-6d4c-4948-a71b-2d0b46db82a9"
OTHER = "92aa5dee-5b6b-4a28-a19f-0156ae0bde34"
DEPLOYMENTS = "/deployer/v2/workspaces/w/deployments"
CLIENT_TIMEOUT_S = 5.0
PASSPHRASE = "correct horse"
FIELDS = [
    *("Origin", "Dest", "fDayofMonth", "fYear"),
    *("UniqueCarrier", "fDayOfWeek", "fMonth", "IsDepDelayed"),
]
PAYLOAD: dict[str, Any] = {"fields": FIELDS, "rows": [["text"] * len(FIELDS)] * 3}
METADATA = """\
name: flights
type: inference
targetType: regression
inferenceModel:
  targetName: Distance
prediction_intervals:
  method: split_conformal
  level: 0.9
  residuals: residuals.csv
"""
RESIDUALS = "residual\n-9\n1\n-2\n3\n-4\n5\n-6\n7\n-8\n"


def distances() -> Model:
    """Return the model of the page."""
    generator = np.random.default_rng(5)
    rows = pd.DataFrame({name: generator.choice(["a", "b", "c"], 200) for name in FIELDS})
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(encoder, HistGradientBoostingRegressor(max_iter=5))
    model.fit(rows, 700 + 90 * (rows["Origin"] == "a") + generator.normal(size=200))
    files: dict[str, str | bytes] = {
        "model.pkl": pickle.dumps(model),
        "model-metadata.yaml": METADATA,
        "residuals.csv": RESIDUALS,
    }
    return Model(files)


@dataclass(frozen=True, slots=True)
class Scorer:
    """A deployment as the client calls it.

    Attributes:
        server: The server.
        uid: The deployment's id, the first segment of all paths.
        headers: What the client signs its calls with.
    """

    server: Server
    uid: str
    headers: tuple[tuple[str, str], ...] = ()

    def get(self, path: str) -> Reply:
        """GET a path below the deployment."""
        return call(self.server.url, "GET", f"/{self.uid}/{path}", headers=dict(self.headers))

    def post(self, path: str, payload: Any) -> Reply:
        """POST a payload below the deployment."""
        headers = {"Content-Type": JSON, **dict(self.headers)}
        body = json.dumps(payload)
        return call(self.server.url, "POST", f"/{self.uid}/{path}", body=body, headers=headers)

    def got(self, path: str) -> Any:
        """Return the JSON of a GET that is answered."""
        return found(self.get(path))

    def scored(self, payload: Any, path: str = "model/score") -> Any:
        """Return the JSON of a POST that is answered."""
        return found(self.post(path, payload))


def found(reply: Reply) -> Any:
    assert (reply.status, reply.headers["Content-Type"]) == (200, JSON), reply.text
    return reply.json()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two deployments: the page's, and one that can say what columns contribute."""
    root = tmp_path_factory.mktemp("models")
    distances().write(root / UID)
    flights().write(root / OTHER)
    with serve(None, "--models", str(root), *ONE_WORKER) as running:
        yield running


@pytest.fixture(scope="module")
def scorer(server: Server) -> Scorer:
    return Scorer(server, UID)


@pytest.fixture(scope="module")
def other(server: Server) -> Scorer:
    return Scorer(server, OTHER)


media_server = served(TYPED, *ONE_WORKER)


@pytest.fixture(scope="module")
def media(media_server: Server) -> Scorer:
    return Scorer(media_server, UID)


def endpoints(server: Server, uid: str) -> dict[str, Any]:
    """Return the control plane's description of a deployment's scorer."""
    told = found(server.get(f"{DEPLOYMENTS}/{uid}/metadata"))["deploymentMetadata"]
    interface: dict[str, Any] = told["scoringInterface"]
    return interface


# Scorers of a workspace.


def test_every_deployment_of_a_workspace_is_listed(server: Server) -> None:
    listed = found(server.get(DEPLOYMENTS))["deployments"]

    names = [one["name"].rpartition("/")[2] for one in listed]
    assert set(names) == {UID, OTHER}


@pytest.mark.parametrize("uid", [UID, OTHER])
def test_every_deployment_has_an_endpoint_for_scores(server: Server, uid: str) -> None:
    assert endpoints(server, uid)["score"]["uri"] == f"{server.url}/{uid}/model/score"


def test_one_deployment_is_found_by_its_id(server: Server) -> None:
    one = found(server.get(f"{DEPLOYMENTS}/{UID}"))["deployment"]

    assert one["name"] == f"workspaces/w/deployments/{UID}"


@pytest.mark.parametrize(
    ("key", "path"),
    [
        pytest.param("capabilities", "model/capabilities", id="capabilities"),
        pytest.param("sampleRequest", "model/sample_request", id="sample-request"),
        pytest.param("score", "model/score", id="score"),
    ],
)
def test_a_scorer_has_endpoints_that_are_told(server: Server, key: str, path: str) -> None:
    assert endpoints(server, UID)[key]["uri"] == f"{server.url}/{UID}/{path}"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "readyz", id="readiness"),
        pytest.param("GET", "model/schema", id="schema"),
        pytest.param("POST", "model/media-score", id="media"),
        pytest.param("POST", "model/contribution", id="contributions"),
    ],
)
def test_a_scorer_has_endpoints_that_follow_from_its_base(
    server: Server, method: str, path: str
) -> None:
    base = "/".join(endpoints(server, UID)["score"]["uri"].split("/")[:4])

    assert base == f"{server.url}/{UID}"
    assert call(base, method, f"/{UID}/{path}").status not in (404, 405)


# Credentials and patience.


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, key: RSAPrivateKey) -> Iterator[Server]:
    """A server that takes a passphrase, and access tokens of one issuer."""
    root = tmp_path_factory.mktemp("closed")
    (root / "keys.json").write_text(json.dumps(key_set({"first": key}, "first")))
    entries = (
        f"- {{name: phrase, passphrase: {PASSPHRASE}}}\n"
        f"- {{name: login, issuer: {ISSUER}, audience: scorer, jwks: keys.json}}\n"
    )
    (root / "credentials.yaml").write_text(entries, encoding="utf-8")
    directory = flights().write(root / "model")
    with serve(directory, "--credentials", str(root / "credentials.yaml"), *ONE_WORKER) as running:
        yield running


def signed(server: Server, value: str) -> Scorer:
    return Scorer(server, UID, (("Authorization", f"Bearer {value}"),))


CALLS = pytest.mark.parametrize(
    "path",
    [
        *("model/capabilities", "model/schema", "model/sample_request"),
        *("model/score", "model/contribution"),
    ],
)


def asked(scorer: Scorer, path: str) -> Reply:
    """Call an endpoint as the method of the client does."""
    if path in ("model/score", "model/contribution"):
        return scorer.post(path, {**FLIGHT, "requestShapleyValueType": "ORIGINAL"})
    return scorer.get(path)


@CALLS
def test_a_passphrase_opens_an_endpoint(closed: Server, path: str) -> None:
    assert asked(signed(closed, PASSPHRASE), path).status == 200


@CALLS
def test_an_access_token_opens_an_endpoint(closed: Server, key: RSAPrivateKey, path: str) -> None:
    assert asked(signed(closed, token(key)), path).status == 200


@CALLS
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((), id="nothing"),
        pytest.param((("Authorization", "Bearer wrong"),), id="another"),
    ],
)
def test_an_endpoint_stays_closed(
    closed: Server, path: str, headers: tuple[tuple[str, str], ...]
) -> None:
    detail(asked(Scorer(closed, UID, headers), path), 401)


@CALLS
def test_an_answer_comes_within_the_patience_of_the_client(other: Scorer, path: str) -> None:
    began = time.monotonic()

    assert asked(other, path).status == 200
    assert time.monotonic() - began < CLIENT_TIMEOUT_S


# State, capabilities, schema.


def test_the_state_is_the_word_ready(scorer: Scorer) -> None:
    reply = scorer.get("readyz")

    assert (reply.status, reply.body) == (200, b"Ready")


def test_a_scorer_is_ready_for_the_control_plane(server: Server) -> None:
    assert endpoints(server, UID)["defaultEndpointState"] == "ENDPOINT_STATE_READY"


def test_capabilities_are_those_of_the_page(scorer: Scorer) -> None:
    assert sorted(scorer.got("model/capabilities")) == ["SCORE", "SCORE_PREDICTION_INTERVAL"]


@pytest.mark.parametrize("word", ["SCORE", "CONTRIBUTION_ORIGINAL", "CONTRIBUTION_TRANSFORMED"])
def test_a_model_of_trees_can_tell_contributions(other: Scorer, word: str) -> None:
    assert word in other.got("model/capabilities")


def test_a_model_with_a_column_of_files_takes_media(media: Scorer) -> None:
    assert "MEDIA" in media.got("model/capabilities")


def test_no_model_announces_augmentation_at_test_time(
    scorer: Scorer, other: Scorer, media: Scorer
) -> None:
    """The page has the word; no model of this server is asked so."""
    told = [one.got("model/capabilities") for one in (scorer, other, media)]

    assert all("TEST_TIME_AUGMENTATION" not in words for words in told)


@pytest.mark.parametrize("name", FIELDS)
def test_the_schema_has_a_column_of_text(scorer: Scorer, name: str) -> None:
    assert {"name": name, "dataType": "Str"} in scorer.got("model/schema")["schema"]["inputFields"]


def test_the_schema_has_the_columns_in_their_order(scorer: Scorer) -> None:
    schema = scorer.got("model/schema")["schema"]

    assert [field["name"] for field in schema["inputFields"]] == FIELDS


def test_the_schema_has_the_output(scorer: Scorer) -> None:
    schema = scorer.got("model/schema")["schema"]

    assert schema["outputFields"] == [{"name": "Distance", "dataType": "Float64"}]


def test_the_schema_has_the_id_of_the_model(scorer: Scorer, other: Scorer) -> None:
    """Of several models each one has its own."""
    ids = [one.got("model/schema")["id"] for one in (scorer, other)]

    assert all(isinstance(id_, str) and id_ for id_ in ids)
    assert ids[0] != ids[1]


def test_a_deployment_shows_that_id_as_its_experiment(server: Server, scorer: Scorer) -> None:
    one = found(server.get(f"{DEPLOYMENTS}/{UID}"))["deployment"]

    composition = one["single"]["deploymentComposition"]
    assert composition["experimentId"] == scorer.got("model/schema")["id"]


# Scores.


def test_a_sample_request_has_the_columns_and_a_row(scorer: Scorer) -> None:
    """Cells are categories of the training where the page has a word for any text."""
    sample = scorer.got("model/sample_request")

    assert (list(sample), sample["fields"]) == (["fields", "rows"], FIELDS)
    (row,) = sample["rows"]
    assert [isinstance(cell, str) for cell in row] == [True] * len(FIELDS)


def test_a_column_of_any_text_has_the_word_text(media: Scorer) -> None:
    sample = media.got("model/sample_request")

    assert dict(zip(sample["fields"], sample["rows"][0], strict=True))["word"] == "text"


def test_a_sample_request_is_scored(scorer: Scorer) -> None:
    answer = scorer.scored(scorer.got("model/sample_request"))

    assert len(answer["score"]) == 1


def test_the_payload_of_the_page_is_scored(scorer: Scorer) -> None:
    answer = scorer.scored(PAYLOAD)

    assert list(answer) == ["id", "fields", "score"]
    assert answer["fields"] == ["Distance"]
    ((first,), (second,), (third,)) = answer["score"]
    assert first == second == third
    assert isinstance(first, str)
    assert 600 < float(first) < 900


def test_the_id_of_the_scores_is_that_of_the_schema(scorer: Scorer) -> None:
    assert scorer.scored(PAYLOAD)["id"] == scorer.got("model/schema")["id"]


def test_intervals_come_beside_the_scores(scorer: Scorer) -> None:
    answer = scorer.scored({**PAYLOAD, "requestPredictionIntervals": True})

    intervals = answer["predictionIntervals"]
    assert intervals["fields"] == ["Distance.lower", "Distance.upper"]
    for (score,), (lower, upper) in zip(answer["score"], intervals["rows"], strict=True):
        assert float(lower) < float(score) < float(upper)


@pytest.mark.parametrize("kind", ["ORIGINAL", "TRANSFORMED"])
def test_contributions_come_beside_the_scores(other: Scorer, kind: str) -> None:
    answer = other.scored({**FLIGHT, "requestShapleyValueType": kind})

    told = answer["featureShapleyContributions"]
    (group,) = told["contributionGroups"]
    assert len(group["contributions"]) == len(answer["score"]) == 1
    assert len(group["contributions"][0]) == len(told["features"])


@pytest.mark.parametrize("kind", ["ORIGINAL", "TRANSFORMED"])
def test_contributions_that_a_model_cannot_tell_are_an_error(scorer: Scorer, kind: str) -> None:
    reply = scorer.post("model/score", {**PAYLOAD, "requestShapleyValueType": kind})

    assert kind in detail(reply, 400)


@pytest.mark.parametrize("kind", ["ORIGINAL", "TRANSFORMED"])
def test_contributions_come_alone(other: Scorer, kind: str) -> None:
    payload = {**FLIGHT, "requestShapleyValueType": kind}

    alone = other.scored(payload, "model/contribution")

    beside = other.scored(payload)["featureShapleyContributions"]
    assert "score" not in alone
    assert beside["contributionGroups"] == alone["contributionGroups"]
    assert beside["features"] == alone["features"]


# Files.


def cell(answer: Any, row: int) -> str:
    """Return the cell that the hook found in the column 'file' of a row."""
    told = json.loads(answer["score"][0][-1])
    return str(told["rows"][row][told["columns"].index("'file'")])


def test_a_file_is_scored_as_base64_in_a_cell(media: Scorer) -> None:
    encoded = base64.b64encode(b"first").decode()

    answer = media.scored({"fields": ["file"], "rows": [[encoded]]})

    assert cell(answer, 0) == "b'first'"


@pytest.mark.parametrize("row", [0, 1, 2])
def test_files_are_scored_by_their_names(media: Scorer, row: int) -> None:
    contents = [b"first", b"second", b"third"]
    names = [f"file_name{at}" for at in (1, 2, 3)]
    payload = {"fields": ["file"], "media_fields": ["file"], "rows": [[name] for name in names]}
    files = [Part("files", content, name) for name, content in zip(names, contents, strict=True)]
    body, kind = form(Part("scoreMediaRequest", json.dumps(payload), None), *files)

    answer = found(media.server.post(f"/{UID}/model/media-score", body, kind))

    assert len(answer["score"]) == 3
    assert cell(answer, row) == repr(contents[row])


def test_media_fields_are_columns_of_the_payload(media: Scorer) -> None:
    payload = {"fields": ["word"], "media_fields": ["file"], "rows": [["file_name1"]]}
    request = Part("scoreMediaRequest", json.dumps(payload), None)
    body, kind = form(request, Part("files", b"first", "file_name1"))

    assert "'file'" in detail(media.server.post(f"/{UID}/model/media-score", body, kind), 400)
