"""The real Python client of H2O MLOps against real servers; `make clients` runs it."""

import base64
import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import serve

pytest.importorskip("h2o_mlops", reason="make clients installs it")

import httpx

from tests.clients.h2o_clients import IS_OLD, Deployed, deployed, named_here

TEMPLATES = Path(__file__).parents[2] / "model_templates"
PASSPHRASE = "correct horse"
BINARY = "xgboost_binary"
ONE_WORKER = ("--max-workers", "1")

SLOW = """
import time

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    time.sleep(data["wait_s"].max())
    return data.rename(columns={"wait_s": "Predictions"})
"""


@pytest.fixture(scope="module", params=[None, PASSPHRASE], ids=["open", "passphrase"])
def binary(request: pytest.FixtureRequest) -> Iterator[Deployed]:
    env = {} if request.param is None else {"DRUM_LIKE_PASSPHRASE": request.param}
    with serve(TEMPLATES / BINARY, *ONE_WORKER, env=env) as server:
        yield deployed(server, request.param)


@pytest.fixture(scope="module")
def media() -> Iterator[Deployed]:
    with serve(TEMPLATES / "media", *ONE_WORKER) as server:
        yield deployed(server)


def sample(template: str) -> dict[str, Any]:
    """Return the sample of a template as a payload of text."""
    with (TEMPLATES / template / "sample.csv").open(newline="") as file:
        fields, *rows = csv.reader(file)
    return {"fields": fields, "rows": rows}


def refusal(call: Any, *arguments: Any, **named: Any) -> httpx.HTTPStatusError:
    """Return the error that the client raises."""
    with pytest.raises(httpx.HTTPStatusError) as raised:
        call(*arguments, **named)
    return raised.value


def test_the_state_comes_from_the_control_plane(binary: Deployed) -> None:
    """A05, H07."""
    if IS_OLD:
        pytest.skip("the scorer of this version asks no control plane")
    binary.scorer.wait_for_ready(timeout=10, interval=1)
    binary.scorer.raise_for_error()

    assert binary.scorer.is_ready
    assert binary.scorer.state == "ENDPOINT_STATE_READY"


def test_deployments_are_listed_and_shown(binary: Deployed) -> None:
    client = binary.scorer._client  # noqa: SLF001 - it is made without a cloud
    deployer, parent = client._backend.deployer, "workspaces/w"  # noqa: SLF001 - as above

    listed = deployer.deployment.list_deployments(parent=parent).deployments
    shown, stated = ("name_1", "name_2") if IS_OLD else ("name", "name")
    one = deployer.deployment.get_deployment(**{shown: listed[0].name}).deployment
    name = f"{one.name}/status"
    status = deployer.status.get_deployment_status(**{stated: name}).deployment_status
    several = deployer.status.batch_get_deployment_statuses(parent=parent, names=[name])

    assert [found.display_name for found in listed] == ["Breast cancer, XGBoost"]
    assert one.name == listed[0].name
    assert one.single.deployment_composition.experiment_id == binary.call("schema")["id"]
    if not IS_OLD:
        assert deployer.deployment.count_deployments(parent=parent).count == "1"
    assert getattr(status.state, "value", status.state) == "HEALTHY"
    assert several.deployment_statuses == [status]


def test_the_addresses_are_those_of_one_segment(binary: Deployed) -> None:
    base = f"{binary.server.url}/822fcf3d"

    assert binary.scorer.api_base_url == base
    assert binary.scorer.schema_endpoint == f"{base}/model/schema"
    assert repr(binary.scorer).count(base) == 5


def test_readiness(binary: Deployed) -> None:
    """A03, A04."""
    assert binary.call("readiness") == "Ready"
    assert binary.call("is_reachable") is True


def test_a_wrong_credential_is_refused_everywhere() -> None:
    """G02, G03."""
    env = {"DRUM_LIKE_PASSPHRASE": PASSPHRASE}
    with serve(TEMPLATES / BINARY, *ONE_WORKER, env=env) as server:
        scorer = deployed(server, PASSPHRASE).scorer
        methods = ("readiness", "capabilities", "schema", "sample_request")

        errors = [
            refusal(getattr(scorer, named_here(m)), auth_value=v)
            for m in methods
            for v in ("no", None)
        ]

        assert [error.response.status_code for error in errors] == [401] * 8
        assert all("Unauthorized" in str(error) for error in errors)
        assert getattr(scorer, named_here("is_reachable"))(auth_value="wrong") is False


def test_the_clients_own_token_is_sent_for_oidc() -> None:
    """G07: the server knows it as a credential; that it checks signatures, its own tests show."""
    env = {"DRUM_LIKE_PASSPHRASE": PASSPHRASE}
    with serve(TEMPLATES / BINARY, *ONE_WORKER, env=env) as server:
        scorer = deployed(server, PASSPHRASE, oidc=True).scorer

        assert getattr(scorer, named_here("readiness"))() == "Ready"


def test_capabilities_and_schema(binary: Deployed) -> None:
    """B02, B06, B07."""
    schema = binary.call("schema")

    assert "SCORE" in binary.call("capabilities")
    assert len(schema["schema"]["inputFields"]) == 30
    assert {field["dataType"] for field in schema["schema"]["inputFields"]} <= {
        *("Bool", "Int32", "Int64", "Float32", "Float64", "Str", "Time64"),
    }


def test_the_sample_request_scores(binary: Deployed) -> None:
    """B10, B11, C01."""
    payload = binary.call("sample_request")

    answer = binary.call("score", payload)

    assert answer["id"] == binary.call("schema")["id"]
    assert answer["fields"] == ["diagnosis.benign", "diagnosis.malignant"]
    assert [len(row) for row in answer["score"]] == [2]


def test_rows_are_scored_as_predict_scores_them(binary: Deployed) -> None:
    """C02, C03, C33: text and numbers alike."""
    payload = sample(BINARY)
    numbers = {**payload, "rows": [[float(cell) for cell in row] for row in payload["rows"]]}
    headers = {} if binary.auth is None else {"Authorization": f"Bearer {binary.auth}"}
    csv_rows = (TEMPLATES / BINARY / "sample.csv").read_text()
    predicted = binary.server.post("/predict/", csv_rows, "text/csv", **headers).json()

    answers = [binary.call("score", rows) for rows in (payload, numbers)]

    expected = [[row["benign"], row["malignant"]] for row in predicted["predictions"]]
    assert [[list(map(float, row)) for row in found["score"]] for found in answers] == [
        expected
    ] * 2


def test_columns_in_any_order_with_others_between(binary: Deployed) -> None:
    """C04 to C06."""
    payload = sample(BINARY)
    mixed = {
        "fields": ["extra", *payload["fields"][::-1]],
        "rows": [["x", *row[::-1]] for row in payload["rows"]],
        "index": [0],
    }

    assert binary.call("score", mixed) == binary.call("score", payload)


def test_what_an_answer_holds_can_be_chosen(binary: Deployed) -> None:
    """C26, C29, C31, C34."""
    payload = sample(BINARY)
    first, second = payload["fields"][:2]
    keys = {"includeFieldsInOutput": [second, first, "id"], "idField": "id"}

    answer = binary.call("score", payload | keys)
    bare = binary.call("score", payload | {"noFieldNamesInOutput": True})

    assert answer["fields"][:3] == [first, second, "id"]
    assert answer["score"][0][:2] == payload["rows"][0][:2]
    assert bare.keys() == {"id", "score"}


def test_no_rows(binary: Deployed) -> None:
    """C07."""
    assert binary.call("score", sample(BINARY) | {"rows": []})["score"] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"rows": [["1"] * 31]}, "row 0", id="long-row"),
        pytest.param({"requestShapleyValueType": "BOTH"}, "ORIGINAL", id="kind"),
        pytest.param({"fields": []}, "`fields`", id="no-fields"),
    ],
)
def test_the_client_shows_why_a_request_was_refused(
    binary: Deployed, change: dict[str, Any], said: str
) -> None:
    """C16, E04, H01."""
    error = refusal(binary.call, "score", sample(BINARY) | change)

    assert error.response.status_code == 400
    assert said in str(error)


@pytest.mark.parametrize("kind", ["ORIGINAL", "TRANSFORMED"])
def test_contributions_add_up_to_log_odds(binary: Deployed, kind: str) -> None:
    """E01, E02, E06, E08, E09: of the last column, alone as beside the scores."""
    payload = sample(BINARY) | {"requestShapleyValueType": kind}

    answer = binary.call("score", payload)
    alone = binary.call("score_contributions", payload)

    assert answer["featureShapleyContributions"] == alone
    assert f"CONTRIBUTION_{kind}" in binary.call("capabilities")
    assert alone["features"] == [*(f"contrib_{name}" for name in payload["fields"]), "contrib_bias"]
    (group,) = alone["contributionGroups"]
    totals = [sum(map(float, row)) for row in group["contributions"]]
    chances = [float(row[-1]) for row in answer["score"]]
    assert [1 / (1 + math.exp(-total)) for total in totals] == pytest.approx(chances, rel=1e-4)


def test_contributions_need_a_kind_and_a_model_that_has_them(
    binary: Deployed, media: Deployed
) -> None:
    """E04, E11, E13."""
    bare = refusal(binary.call, "score_contributions", sample(BINARY))
    kind = {"requestShapleyValueType": "ORIGINAL"}
    unable = refusal(media.call, "score_contributions", sample("media") | kind)

    assert [error.response.status_code for error in (bare, unable)] == [400, 501]


def test_intervals_stand_beside_the_scores(tmp_path: Path) -> None:
    """D01 to D04."""
    (tmp_path / "custom.py").write_text(
        "def load_model(code_dir):\n    return 'model'\n\n"
        "def score(data, model, **kwargs):\n    return data[['a']]\n"
    )
    (tmp_path / "r.csv").write_text("\n".join(["residual", *map(str, range(-4, 5)), ""]))
    (tmp_path / "model-metadata.yaml").write_text(
        "name: x\ntype: inference\ntargetType: regression\ninferenceModel:\n  targetName: y\n"
        "prediction_intervals:\n  method: split_conformal\n  level: 0.9\n  residuals: r.csv\n"
    )
    payload = {"fields": ["a"], "rows": [["1.5"], ["2"]], "requestPredictionIntervals": True}
    with serve(tmp_path, *ONE_WORKER) as server:
        able = deployed(server)
        found = able.call("score", payload)
        none = able.call("score", payload | {"rows": []})

        assert "SCORE_PREDICTION_INTERVAL" in able.call("capabilities")

    fields = ["y.lower", "y.upper"]
    rows = [["-2.5", "5.5"], ["-2.0", "6.0"]]
    assert found["predictionIntervals"] == {"fields": fields, "rows": rows}
    assert none["predictionIntervals"] == {"fields": fields, "rows": []}


def test_intervals_that_a_model_does_not_have_are_refused(binary: Deployed) -> None:
    """D04."""
    payload = sample(BINARY) | {"requestPredictionIntervals": True}

    assert refusal(binary.call, "score", payload).response.status_code == 400


def test_an_empty_payload_is_refused(binary: Deployed) -> None:
    """C21."""
    assert refusal(binary.call, "score", {}).response.status_code == 400


def test_images_by_name_and_in_cells(media: Deployed, tmp_path: Path) -> None:
    """F01, F02, F11: the two options of the page give the same."""
    payload = sample("media")
    names = [f'digit "{at}" ü.png' for at in range(len(payload["rows"]))]
    paths = [str(tmp_path / name) for name in names]
    for path, row in zip(paths, payload["rows"], strict=True):
        Path(path).write_bytes(base64.b64decode(row[0]))
    upload = {"fields": ["image"], "rows": [[name] for name in names]}

    found = [
        media.call("score_media", {**upload, key: ["image"]}, paths)
        for key in ("media_fields", "mediaFields")
    ]

    assert found == [media.call("score", payload)] * 2
    assert "MEDIA" in media.call("capabilities")


def test_a_request_that_is_wrapped_already(media: Deployed, tmp_path: Path) -> None:
    """F03."""
    (tmp_path / "a.png").write_bytes(base64.b64decode(sample("media")["rows"][0][0]))
    request = {"fields": ["image"], "rows": [["a.png"]], "media_fields": ["image"]}

    answer = media.call(
        "score_media", {"scoreMediaRequest": request, "more": "x"}, [str(tmp_path / "a.png")]
    )

    assert len(answer["score"]) == 1


def test_uploads_that_do_not_fit(media: Deployed, binary: Deployed, tmp_path: Path) -> None:
    """F04, F06, F10."""
    (tmp_path / "a.png").write_bytes(b"x")
    paths = [str(tmp_path / "a.png")]
    other = {"fields": ["image"], "rows": [["b.png"]], "media_fields": ["image"]}

    unnamed = refusal(media.call, "score_media", other, paths)
    empty = refusal(media.call, "score_media", other, [])
    unable = refusal(binary.call, "score_media", other, paths)

    found = [error.response.status_code for error in (unnamed, empty, unable)]
    assert found == [400, 415, 501]
    assert "'b.png'" in str(unnamed)


def test_a_slow_answer_is_the_clients_timeout_only(tmp_path: Path) -> None:
    """H06."""
    (tmp_path / "custom.py").write_text(SLOW)
    with serve(tmp_path, *ONE_WORKER, "--target-type", "regression") as server:
        slow = deployed(server)
        with pytest.raises(httpx.ReadTimeout):
            slow.call("score", {"fields": ["wait_s"], "rows": [["3"]]}, timeout=0.5)

        answer = slow.call("score", {"fields": ["wait_s"], "rows": [["0"]]}, timeout=30)

    assert answer["score"] == [["0.0"]]
