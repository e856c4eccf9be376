"""Deployments as H2O's clients read them, and refusals of the cloud's other calls."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_calls import call
from tests.support.serving import Server, serve

TEMPLATE = Path(__file__).parents[2] / "model_templates/xgboost_binary"
ONE = "/deployer/v2/workspaces/w/deployments/d"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve(TEMPLATE, "--max-workers", "1") as running:
        yield running


def test_a_deployment_has_what_clients_read_unasked(server: Server) -> None:
    found = server.get(ONE).json()["deployment"]
    kinds = server.get("/deployer/v2/artifactCompositions").json()["artifactCompositions"]
    status = server.get(f"{ONE}/status").json()["deploymentStatus"]

    composition = found["single"]["deploymentComposition"]
    assert found["creator"].startswith("users/")
    assert found["createTime"] == found["updateTime"] == status["updateTime"]
    assert found["security"] == {"disabledSecurity": {}}
    assert [kind["runtime"]["name"] for kind in kinds] == [composition["runtime"]]
    assert kinds[0]["deployableArtifactType"]["name"] == composition["deployableArtifactType"]
    assert kinds[0]["modelType"]["streaming"] is False


def test_a_deployment_tells_that_a_secret_is_asked_and_not_which() -> None:
    env = {"DRUM_LIKE_PASSPHRASE": "correct horse"}
    with serve(TEMPLATE, "--max-workers", "1", env=env) as asking:
        found = asking.get(ONE, Authorization="Bearer correct horse")

    assert found.json()["deployment"]["security"] == {
        "passphrase": {"passphrase": "", "hashAlgorithm": "PBKDF2"}
    }
    assert "horse" not in found.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", ONE),
        ("PATCH", ONE),
        ("POST", f"{ONE}:pause"),
        ("GET", "/deployer/v2/workspaces/w/endpoints"),
        ("GET", "/monitoring/v2/workspaces/w/deployments/d/experiments/d/aggregates"),
        ("POST", "/storage/ai.h2o.storage.ExperimentService/GetExperiment"),
        ("GET", "/v1/users/ann"),
        ("GET", "/v1/workspaces"),
    ],
)
def test_a_control_plane_is_refused_with_the_reason(server: Server, method: str, path: str) -> None:
    reply = call(server.url, method, path)

    assert reply.status == 501
    assert reply.json().keys() == {"detail"}
    assert "no control plane" in reply.json()["detail"]
