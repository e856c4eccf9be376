"""A browser, and servers to visit with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import PROGRAM, started
from tests.support.credentials import write_credentials
from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

TEMPLATES = Path(__file__).parents[2] / "model_templates"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium."""
    if PROGRAM is None:
        pytest.skip("there is no Chromium; make browser installs it")
    with started() as running:
        yield running


@pytest.fixture(scope="session")
def cancer() -> Iterator[Server]:
    """A binary model of thirty numbers, which explains itself."""
    with serve(TEMPLATES / "xgboost_binary", *ONE_WORKER) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Server]:
    """A server with an empty store, open to this machine."""
    with serve(None, "--store", str(tmp_path / "store"), *ONE_WORKER) as server:
        yield server


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks who calls."""
    root = tmp_path_factory.mktemp("guarded")
    scopes = {"watcher": "observe", "asker": "predict", "boss": "predict, observe, admin"}
    path = write_credentials(root, scopes)
    flags = ("--credentials", str(path), "--store", str(root / "store"))
    with serve(TEMPLATES / "xgboost_binary", *flags, *ONE_WORKER) as server:
        yield server
