"""Models that callers load: each worker's memory follows what all of them know."""

from pathlib import Path

import pytest

from drum_like.config.model_settings import LoadSettings
from drum_like.contracts.sagemaker.errors import CapacityError
from drum_like.contracts.sagemaker.named_models import NamedModels
from drum_like.errors import ConflictError, LoadError, NotFoundError
from drum_like.inference.loading import predict_limiter
from drum_like.registry.loader import Loader
from drum_like.system.shared_text import SharedText
from tests.support.sagemaker import METADATA, SUM


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        SUM.plus(**{"model-metadata.yaml": METADATA}).write(tmp_path / name)
    return tmp_path


def worker(shared: SharedText, root: Path, limit: int = 2) -> NamedModels:
    loader = Loader(LoadSettings(), {}, None, predict_limiter(1))
    return NamedModels(shared, loader.named, root, limit)


def test_what_one_worker_unloads_leaves_the_memory_of_the_other(root: Path) -> None:
    shared = SharedText()
    first, second = worker(shared, root), worker(shared, root)
    first.load("one", "a")
    held = second.service("one")

    first.unload("one")

    assert second.in_memory() == 1
    second.drop()
    assert second.in_memory() == 0
    assert held.info.name == "one"
    with pytest.raises(NotFoundError):
        second.service("one")


def test_dropping_keeps_what_is_loaded(root: Path) -> None:
    models = worker(SharedText(), root)
    models.load("one", "a")
    before = models.service("one")

    models.drop()

    assert models.service("one") is before


def test_a_name_and_the_room_are_looked_at_over_all_workers(root: Path) -> None:
    shared = SharedText()
    first, second = worker(shared, root), worker(shared, root)
    first.load("one", "a")

    with pytest.raises(ConflictError):
        second.load("one", "b")
    second.load("two", "b")
    with pytest.raises(CapacityError):
        first.load("three", "a")


def test_what_does_not_load_is_not_remembered(root: Path) -> None:
    models = worker(SharedText(), root)
    (root / "a" / "custom.py").write_text("raise ValueError\n")

    for _ in range(2):
        with pytest.raises(LoadError):
            models.load("one", "a")

    assert (models.all(), models.in_memory()) == ({}, 0)
