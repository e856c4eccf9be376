"""URL_PREFIX moves every route (rows R-22 to R-24)."""

from pathlib import Path

import pytest

from tests.support.models import ONE_WORKER, REG, served
from tests.support.serving import Server, start_failure

ROWS = "a\n1\n2\n"

prefixed = served(REG, *ONE_WORKER, env={"URL_PREFIX": "/pre/fix"})
slashed_prefix = served(REG, *ONE_WORKER, env={"URL_PREFIX": "/pre/"})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/pre/fix/ping/", 200),
        ("/pre/fix/ping", 200),
        ("/pre/fix/", 200),
        ("/pre/fix", 200),
        ("/pre/fix/info/", 200),
        ("/", 404),
        ("/ping/", 404),
        ("/info/", 404),
    ],
)
def test_a_url_prefix_moves_every_route(prefixed: Server, path: str, status: int) -> None:
    """R-22."""
    assert prefixed.get(path).status == status


def test_a_prefixed_server_predicts(prefixed: Server) -> None:
    """R-22."""
    assert prefixed.csv(ROWS, "/pre/fix/predict/").json() == {"predictions": [1.0, 2.0]}
    assert prefixed.csv(ROWS).status == 404


def test_a_prefix_moves_the_routes_of_a_runtime(prefixed: Server) -> None:
    reply = prefixed.post("/pre/fix/invocate", "{}", "application/json")
    shared = prefixed.post("/pre/fix/invocations", '{"campaign": "x"}', "application/json")

    assert "uuid" in reply.json()
    assert "uuid" in shared.json()
    assert prefixed.post("/invocate", "{}", "application/json").status == 404


@pytest.mark.parametrize(("path", "status"), [("/pre/ping/", 200), ("/pre", 200), ("/ping/", 404)])
def test_a_url_prefix_may_end_in_a_slash(slashed_prefix: Server, path: str, status: int) -> None:
    """R-23."""
    assert slashed_prefix.get(path).status == status


def test_a_url_prefix_must_start_with_a_slash(tmp_path: Path) -> None:
    """R-24."""
    done = start_failure(REG.write(tmp_path), *REG.flags, env={"URL_PREFIX": "pre"})

    assert done.returncode == 1
    assert "must start with a slash" in done.stderr
