"""Servers that several modules of route tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.campaigns import write_models
from tests.support.models import (
    BINARY,
    ECHO,
    MULTICLASS,
    MULTILABEL,
    ONE_WORKER,
    REG,
    STEERED,
    TEXT,
    served,
)
from tests.support.more_models import TRANSFORM, UNSTRUCTURED
from tests.support.serving import serve
from tests.support.wallaroo_api import Api

reg = served(REG, *ONE_WORKER, scope="session")
steered = served(STEERED, *ONE_WORKER, scope="session")
binary = served(BINARY, *ONE_WORKER, scope="session")
text = served(TEXT, *ONE_WORKER, scope="session")
echo = served(ECHO, *ONE_WORKER, scope="session")
multiclass = served(MULTICLASS, *ONE_WORKER, scope="session")
multilabel = served(MULTILABEL, *ONE_WORKER, scope="session")
unstructured = served(UNSTRUCTURED, *ONE_WORKER, scope="session")
transform = served(TRANSFORM, *ONE_WORKER, scope="session")


@pytest.fixture(scope="session")
def store_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The Wallaroo contract of a server with an empty store and one worker."""
    root = tmp_path_factory.mktemp("store")
    with serve(None, "--store", str(root), *ONE_WORKER) as server:
        yield Api(server)


@pytest.fixture(scope="session")
def ecosystem_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the models of ecosystem.ai's page."""
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """A client that keeps its connections."""
    with requests.Session() as opened:
        yield opened
