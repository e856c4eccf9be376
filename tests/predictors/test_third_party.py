"""A plugin of somebody else's, built and installed as docs/write-a-predictor.md prints it."""

import os
from pathlib import Path

import pytest

from tests.support.plugins import files_of, install, python, write

PAGE = "write-a-predictor.md"

SCORE = """
import sys
from pathlib import Path
import pandas as pd
from drum_like.api import NativeFrame, Target, TargetType
from drum_like.model.artifact import find_artifact, load_artifact, predictor_for
from drum_like.model.directory import ModelDirectory

model = load_artifact(find_artifact(ModelDirectory(Path(sys.argv[1]))))
predictor = predictor_for(model)
rows = pd.DataFrame({"garden": [10, 20], "extra": ["x", "y"], "rooms": [3, 4]})
frame = predictor.schema.conform(NativeFrame(rows))
prediction = predictor.predict(frame, Target(TargetType.REGRESSION))
print(predictor.framework, type(model).__name__, prediction.values.tolist())
"""

PICKLE = """
import pickle, sys
from pathlib import Path
import tinymodel

path = Path(sys.argv[1])
path.write_bytes(pickle.dumps(tinymodel.Line({"rooms": 2.0, "garden": 0.5})))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(files_of(PAGE), tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(source, tmp_path_factory.mktemp("installed"))


def test_page_prints_every_file() -> None:
    assert sorted(files_of(PAGE)) == [
        "model/price.line",
        "pyproject.toml",
        "tinymodel.py",
        "tinymodel_drum.py",
        "tinymodel_files.py",
    ]


def test_native_file_is_served(source: Path, installed: Path) -> None:
    done = python("-c", SCORE, source / "model", path=installed)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "tinymodel Line [11.0, 18.0]"


def test_pickle_is_served(installed: Path, tmp_path: Path) -> None:
    written = python("-c", PICKLE, tmp_path / "model.pkl", path=installed)
    assert written.returncode == 0, written.stderr

    done = python("-c", SCORE, tmp_path, path=installed)

    assert done.stdout.strip() == "tinymodel Line [11.0, 18.0]"


def test_file_is_nobodys_without_the_plugin(source: Path) -> None:
    done = python("-c", SCORE, source / "model")

    assert "Could not find model artifact file in: model" in done.stderr


def test_pickle_of_a_framework_that_is_missing_says_so(installed: Path, tmp_path: Path) -> None:
    python("-c", PICKLE, tmp_path / "model.pkl", path=installed)

    done = python("-c", SCORE, tmp_path)

    assert "model.pkl needs the module 'tinymodel', which does not import" in done.stderr
    assert "Install the package that has it" in done.stderr


def test_plugin_whose_framework_is_missing_says_so(source: Path, tmp_path: Path) -> None:
    """Its kind of file is known all the same: the module of kinds imports no framework."""
    target = install(source, tmp_path / "installed")
    (target / "tinymodel.py").unlink()

    done = python("-c", SCORE, source / "model", path=target)

    assert "the plugin 'tinymodel' of tinymodel-drum needs the module 'tinymodel'" in done.stderr


def test_two_plugins_of_one_name_are_refused(installed: Path, tmp_path: Path) -> None:
    files = files_of(PAGE)
    files["pyproject.toml"] = (
        files["pyproject.toml"]
        .replace('"tinymodel-drum"', '"other-drum"')
        .replace("tinymodel_drum:", "other_drum:")
        .replace('["tinymodel", "tinymodel_drum", "tinymodel_files"]', '["other_drum"]')
    )
    files["other_drum.py"] = files["tinymodel_drum.py"]
    model = write(files, tmp_path / "other") / "model"
    other = install(tmp_path / "other", tmp_path / "installed")

    done = python("-c", SCORE, model, path=Path(f"{installed}{os.pathsep}{other}"))

    expected = "two plugins declare 'tinymodel' in drum_like.predictors: tinymodel-drum and other-"
    assert expected in done.stderr
