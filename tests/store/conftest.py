"""A fresh store a test, on every database."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from drum_like.store.location import Place
from drum_like.store.store import Store, open_store
from tests.support.stores import DATABASES, place_on


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_on(request.param, tmp_path / "store") as found:
        yield found


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with closing(open_store(place)) as opened:
        yield opened
