"""Directories with hooks, for several tests of inference."""

from pathlib import Path
from typing import Any

import pytest

from drum_like.inference.model_service import ModelService
from tests.support.explained import Hooked, opened


@pytest.fixture
def hooked(tmp_path: Path) -> Hooked:
    """Return a function that opens a directory with hooks, and with what `opened` takes."""

    def serve(hooks: str, model: Any = None, metadata: str = "", **settings: Any) -> ModelService:
        (tmp_path / "custom.py").write_text(hooks)
        return opened(tmp_path, model, metadata, **settings)

    return serve
