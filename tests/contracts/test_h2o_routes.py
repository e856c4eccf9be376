"""The scorer of H2O MLOps: where it is found, and what it tells about a model (rows A and B)."""

import json
from pathlib import Path
from typing import Any

import pytest
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from tests.support.artifacts import native_lightgbm, onnx_tensor, sklearn_classifier
from tests.support.http_calls import call
from tests.support.models import ONE_WORKER, REG, served
from tests.support.scorers import FLIGHT, TYPED, detail, flights, score, scores
from tests.support.serving import Server, serve

CAPABILITIES = {
    *("SCORE", "SCORE_PREDICTION_INTERVAL", "CONTRIBUTION_ORIGINAL", "CONTRIBUTION_TRANSFORMED"),
    *("MEDIA", "TEST_TIME_AUGMENTATION"),
}
STARTS = ["", "/822fcf3d", "/model"]

scorer = served(flights(), *ONE_WORKER)
typed = served(TYPED, *ONE_WORKER)
prefixed = served(flights(), *ONE_WORKER, env={"URL_PREFIX": "/pre"})


def test_readyz_is_the_bare_word(scorer: Server) -> None:
    """A01: the client compares the text as it comes."""
    replies = [scorer.get(f"{start}/readyz") for start in STARTS]

    assert [(reply.status, reply.body) for reply in replies] == [(200, b"Ready")] * 3


def test_readyz_of_a_model_that_did_not_load(tmp_path: Path) -> None:
    """A02, H03: and a model that does not load is a lasting fault for the other routes."""
    (tmp_path / "custom.py").write_text("import nosuchmodule\n", encoding="utf-8")
    flags = ("--target-type", "regression", "--with-error-server", *ONE_WORKER)
    with serve(tmp_path, *flags) as broken:
        ready = broken.get("/dep/readyz")
        scored = score(broken, FLIGHT)
        state = broken.get("/deployer/v2/workspaces/w/deployments/d/metadata")

    assert (ready.status, ready.body) == (503, b"Not ready")
    assert "nosuchmodule" in detail(scored, 500)
    assert scored.headers["x-request-id"] == scored.headers["X_Request_ID"]
    interface = state.json()["deploymentMetadata"]["scoringInterface"]
    assert interface["defaultEndpointState"] == "ENDPOINT_STATE_ERROR"


@pytest.mark.parametrize("path", ["id", "capabilities", "schema", "sample_request"])
def test_every_start_of_a_path_is_the_same_model(scorer: Server, path: str) -> None:
    """A06 to A09: bare, below a segment, below `model`, with a slash at the end; no redirect."""
    paths = [f"{start}/model/{path}{end}" for start in STARTS for end in ("", "/")]

    replies = [scorer.get(path) for path in paths]

    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1


@pytest.mark.parametrize("start", STARTS)
def test_scores_are_the_same_at_every_start(scorer: Server, start: str) -> None:
    """A06, A08."""
    replies = [score(scorer, FLIGHT, f"{start}/model/score{end}") for end in ("", "/")]

    assert [reply.status for reply in replies] == [200, 200]
    assert {reply.body for reply in replies} == {score(scorer, FLIGHT).body}


def test_routes_stand_below_a_url_prefix(prefixed: Server) -> None:
    replies = [score(prefixed, FLIGHT, f"/pre{start}/model/score") for start in STARTS]

    assert [reply.status for reply in replies] == [200] * 3
    assert "not found" in detail(prefixed.get("/pre/model/unknown"), 404)
    assert prefixed.get("/model/id").status == 404


@pytest.mark.parametrize("start", STARTS)
def test_an_unknown_path_of_the_scorer_is_404_in_its_form(scorer: Server, start: str) -> None:
    """A10, H01, H02."""
    assert "not found" in detail(scorer.get(f"{start}/model/unknown"), 404)


@pytest.mark.parametrize("segment", ["v1", "chat"])
def test_segments_of_other_contracts_name_no_model(scorer: Server, segment: str) -> None:
    assert scorer.get(f"/{segment}/model/schema").message.startswith("ERROR: 404")


def test_segments_of_contracts_that_need_a_store_name_no_model_beside_one(tmp_path: Path) -> None:
    with serve(None, "--store", str(tmp_path / "store"), "--max-workers", "1") as server:
        for segment in ("api", "auth", "models", "v1", "v2"):
            assert server.get(f"/{segment}/model/schema").status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        pytest.param("PUT", "/dep/model/score", {"GET", "HEAD", "OPTIONS", "POST"}, id="put"),
        pytest.param("DELETE", "/model/score", {"GET", "HEAD", "OPTIONS", "POST"}, id="delete"),
        pytest.param("POST", "/dep/model/schema", {"GET", "HEAD", "OPTIONS"}, id="post"),
    ],
)
def test_a_wrong_method_is_405_and_names_the_right_ones(
    scorer: Server, method: str, path: str, allowed: set[str]
) -> None:
    """A11."""
    reply = call(scorer.url, method, path)

    detail(reply, 405)
    assert set(reply.headers["Allow"].split(", ")) == allowed


def test_the_id_is_that_of_the_schema_and_of_the_scores(scorer: Server) -> None:
    """B01, C01."""
    reply = scorer.get("/dep/model/id")

    found = {scorer.get("/model/schema").json()["id"], score(scorer, FLIGHT).json()["id"]}
    assert found == {reply.text}
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert scorer.get("/info/").json()["sha256"] == reply.text


def test_capabilities_are_known_words(scorer: Server) -> None:
    """B02, B05: no calibration data, no intervals."""
    found = scorer.get("/model/capabilities").json()

    assert "SCORE" in found
    assert set(found) < CAPABILITIES
    assert len(set(found)) == len(found)
    assert "SCORE_PREDICTION_INTERVAL" not in found
    assert "MEDIA" not in found


def test_the_schema_comes_from_the_artifact(scorer: Server) -> None:
    """B06, B07, B09."""
    found = scorer.get("/dep/model/schema").json()

    assert found["properties"] == {"scoringType": "REGRESSION"}
    assert found["schema"] == {
        "inputFields": [
            {"name": "delay", "dataType": "Float64"},
            {"name": "stops", "dataType": "Int64"},
            {"name": "carrier", "dataType": "Str"},
        ],
        "outputFields": [{"name": "Distance", "dataType": "Float64"}],
    }
    shown = scorer.get("/info/").json()["schema"]
    assert [field.pop("type") for field in shown["inputFields"]] == [
        *("number", "integer", "category"),
    ]
    assert shown == found["schema"]


def test_the_schema_comes_from_the_metadata_where_hooks_score(typed: Server) -> None:
    """B07: and a column that may hold files announces MEDIA."""
    found = typed.get("/model/schema").json()["schema"]

    assert [(field["name"], field["dataType"]) for field in found["inputFields"]] == [
        ("whole", "Int64"),
        ("short", "Int32"),
        ("real", "Float64"),
        ("flag", "Bool"),
        ("word", "Str"),
        ("day", "Time64"),
        ("file", "Bytes"),
        ("loose", "Str"),
    ]
    assert found["inputFields"][6]["example"] == "aGVsbG8="
    assert typed.get("/model/capabilities").json() == ["SCORE", "MEDIA"]


def test_the_sample_request_is_typed_and_scores(scorer: Server) -> None:
    """B10, B11."""
    reply = scorer.get("/dep/model/sample_request")

    fields = ["delay", "stops", "carrier"]
    assert reply.json() == {"fields": fields, "rows": [["0", "0", "AA"]]}
    assert len(scores(scorer, reply.text)) == 1


def test_the_sample_request_of_every_type_scores(typed: Server) -> None:
    """B10, B11."""
    reply = typed.get("/model/sample_request")

    row = ["0", "0", "0", "true", "text", "2018-01-01", "aGVsbG8=", "text"]
    assert reply.json()["rows"] == [row]
    assert len(scores(typed, reply.text)) == 1


@pytest.mark.parametrize(
    ("trained", "outputs"),
    [
        pytest.param(sklearn_classifier, ["target.no", "target.yes"], id="sklearn"),
        pytest.param(native_lightgbm, ["target.no", "target.yes"], id="lightgbm"),
        pytest.param(lambda: onnx_tensor(2), ["target.no", "target.yes"], id="onnx"),
    ],
)
def test_classifiers_have_an_output_a_class_and_no_intervals(
    tmp_path: Path, trained: Any, outputs: list[str]
) -> None:
    """B03, B04, B08."""
    model = trained().model
    with serve(model.write(tmp_path), *model.flags, *ONE_WORKER) as server:
        found = server.get("/model/schema").json()
        capabilities = server.get("/model/capabilities").json()
        sample = server.get("/model/sample_request").text
        answer = score(server, sample).json()

    assert [field["name"] for field in found["schema"]["outputFields"]] == outputs
    labels = [name.removeprefix("target.") for name in outputs]
    assert found["properties"] == {"scoringType": "BINOMIAL", "scoringResponseLabels": labels}
    assert answer["fields"] == outputs
    assert sum(map(float, answer["score"][0])) == pytest.approx(1)
    assert "SCORE_PREDICTION_INTERVAL" not in capabilities
    assert trained is not onnx_tensor or not any("CONTRIBUTION" in word for word in capabilities)


def test_a_model_that_does_not_tell_its_columns_has_no_sample(reg: Server) -> None:
    found = reg.get("/model/schema").json()["schema"]

    assert found["inputFields"] == []
    assert "inputSchema" in detail(reg.get("/model/sample_request"), 501)
    assert scores(reg, {"fields": ["a"], "rows": [["1.5"]]}) == [["1.5"]]


@pytest.mark.parametrize("name", ["unstructured", "transform"])
def test_models_without_scores_say_so(request: pytest.FixtureRequest, name: str) -> None:
    server: Server = request.getfixturevalue(name)

    assert name in detail(server.get("/model/capabilities"), 501)
    assert name in detail(score(server, FLIGHT), 501)


def test_the_control_plane_tells_where_a_deployment_is(scorer: Server) -> None:
    """A05."""
    found = scorer.get("/deployer/v2/workspaces/w/deployments/d/metadata").json()

    assert found == {
        "deploymentMetadata": {
            "name": "workspaces/w/deployments/d/metadata",
            "scoringInterface": {
                "score": {"uri": f"{scorer.url}/d/model/score"},
                "sampleRequest": {"uri": f"{scorer.url}/d/model/sample_request"},
                "capabilities": {"uri": f"{scorer.url}/d/model/capabilities"},
                "defaultEndpointState": "ENDPOINT_STATE_READY",
            },
        }
    }


def test_a_wrong_passphrase_is_one_401(tmp_path: Path) -> None:
    """G08: a batch client repeats GETs that are answered 403 or 404, but not this one."""
    retry = Retry(total=3, status_forcelist=[403, 404, 502, 503, 504], backoff_factor=0)
    env = {"DRUM_LIKE_PASSPHRASE": "correct horse"}
    with serve(REG.write(tmp_path), *REG.flags, *ONE_WORKER, env=env) as server, Session() as calls:
        calls.mount("http://", HTTPAdapter(max_retries=retry))
        reply = calls.get(
            f"{server.url}/dep/model/capabilities",
            headers={"Authorization": "Bearer wrong"},
            timeout=10,
        )

    assert reply.status_code == 401
    assert list(reply.json()) == ["detail"]
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert reply.raw.retries is not None
    assert reply.raw.retries.history == ()


def test_a_body_over_the_limit_is_413(tmp_path: Path) -> None:
    """H05."""
    flags = (*REG.flags, *ONE_WORKER, "--max-body-mb", "1")
    with serve(REG.write(tmp_path), *flags) as small:
        reply = score(small, json.dumps({"fields": ["a"], "rows": [["x" * (1 << 20)]]}))

    detail(reply, 413)


def test_no_file_of_the_server_is_scored(scorer: Server) -> None:
    """H04, C22."""
    reply = scorer.get("/dep/model/score?file=/etc/passwd")

    assert "root" not in detail(reply, 400)


def test_a_segment_is_the_name_of_one_of_many_models(tmp_path: Path) -> None:
    for name in ("near", "far"):
        flights().write(tmp_path / name)

    with serve(None, "--models", str(tmp_path), *ONE_WORKER) as server:
        near = score(server, FLIGHT, "/near/model/score")
        readiness = [server.get(f"/{name}/readyz").status for name in ("far", "nobody")]
        unknown = server.get("/nobody/model/schema")
        bare = score(server, FLIGHT)

    assert (near.status, near.json()["fields"]) == (200, ["Distance"])
    assert readiness == [200, 404]
    assert "nobody" in detail(unknown, 404)
    told = detail(bare, 404)
    assert "/NAME/model/score" in told
    assert "far, near" in told
    assert "predict" not in told


def test_deployments_are_the_models(tmp_path: Path) -> None:
    for name in ("near", "far"):
        flights().write(tmp_path / name)
    root = "/deployer/v2/workspaces/w/deployments"
    names = "&".join(f"names=workspaces/w/deployments/{name}/status" for name in ("near", "no"))

    with serve(None, "--models", str(tmp_path), *ONE_WORKER) as server:
        listed = server.get(root).json()
        pages = [server.get(f"{root}?pageSize=1&pageToken={token}").json() for token in ("", "1")]
        count = server.get(f"{root}:count").json()
        one = server.get(f"{root}/near").json()["deployment"]
        status = server.get(f"{root}/near/status").json()["deploymentStatus"]
        several = server.get(f"{root}/status:batchGet?{names}").json()
        where = server.get(f"{root}/metadata:batchGet?{names}").json()
        missing, filtered = server.get(f"{root}/no"), server.get(f"{root}?filter=a")

    assert [found["displayName"] for found in listed["deployments"]] == ["far", "near"]
    assert listed["nextPageToken"] == ""
    assert [page["deployments"][0]["displayName"] for page in pages] == ["far", "near"]
    assert [page["nextPageToken"] for page in pages] == ["1", ""]
    assert count == {"count": "2"}
    assert one["name"] == "workspaces/w/deployments/near"
    assert status["state"] == "HEALTHY"
    assert several["deploymentStatuses"] == [status]
    assert where["deploymentsMetadata"][0]["name"].endswith("/near/metadata")
    assert several["errors"].keys() == where["errors"].keys()
    assert "no" in detail(missing, 404)
    detail(filtered, 400)
