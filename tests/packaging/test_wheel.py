"""The content of the distribution, and the files that it puts into an environment."""

import subprocess
import sys
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import drum_like
from drum_like import api, plugins

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from the files that git would clone."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=TOP,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name in listed:
        if (TOP / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((TOP / name).read_bytes())
    code = (
        "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(built)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(built.glob("*.whl")))


def test_every_module_of_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    expected = {str(p.relative_to(TOP)) for p in (TOP / "drum_like").rglob("*.py")}
    predictors = TOP / "predictors"
    expected |= {
        f"drum_like_predictors/{p.relative_to(predictors)}" for p in predictors.rglob("*.py")
    }
    expected.add("drum_like_openapi/__init__.py")

    packed = {name for name in wheel.namelist() if name.endswith(".py")}

    assert packed == expected


def test_the_openapi_documents_are_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    expected = {f"drum_like_openapi/{p.name}" for p in (TOP / "openapi").glob("*.yaml")}

    assert expected <= set(wheel.namelist())


def test_the_wheel_is_typed_and_brings_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}

    assert "drum_like/py.typed" in wheel.namelist()
    assert tops == {
        "drum_like",
        "drum_like_openapi",
        "drum_like_predictors",
        f"drum_like-{drum_like.__version__}.dist-info",
    }


def test_the_only_command_is_ours(wheel: zipfile.ZipFile) -> None:
    """No script named drum: the real one may be installed beside."""
    declared = ConfigParser()
    name = next(n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    declared.read_string(wheel.read(name).decode())

    assert dict(declared["console_scripts"]) == {"drum-like": "drum_like.cli.main:main"}


def test_dependencies_have_lower_bounds_only(wheel: zipfile.ZipFile) -> None:
    """But for gunicorn, of which private parts are used: `tests/server/test_gunicorn.py`."""
    name = next(n for n in wheel.namelist() if n.endswith("METADATA"))
    required = Parser().parsestr(wheel.read(name).decode()).get_all("Requires-Dist") or []

    plain = [r.partition(";")[0] for r in required if not r.startswith("drum-like[")]

    assert [r for r in plain if "<" in r] == ["gunicorn<28,>=27.0.1"]
    assert all(">=" in r and "==" not in r for r in plain)
    assert all("," not in r for r in plain if not r.startswith("gunicorn"))


@pytest.mark.parametrize(
    "group", [plugins.PREDICTORS, plugins.ARTIFACTS, plugins.CODECS, plugins.CONTRACTS]
)
def test_every_declared_plugin_imports(group: str) -> None:
    ours = [p for p in entry_points(group=group) if p.value.startswith("drum_like")]

    assert ours
    for point in ours:
        assert point.load() is not None


def test_the_public_names_are_these() -> None:
    """Plugin authors import these names; a change here is a change of the interface."""
    assert sorted(api.__all__) == [
        "ArtifactError",
        "ArtifactKind",
        "CPUS",
        "Codec",
        "Column",
        "ColumnsError",
        "ColumnsFrame",
        "Contributor",
        "DataType",
        "Decoder",
        "DrumLikeError",
        "Encoder",
        "Explainer",
        "Frame",
        "IndependentRows",
        "Label",
        "Limits",
        "Link",
        "LoadError",
        "MarginSource",
        "Matrix",
        "Meaning",
        "MeaningSource",
        "MediaTypeError",
        "ModelTarget",
        "Names",
        "NativeFrame",
        "Payload",
        "PayloadError",
        "PluginError",
        "Prediction",
        "Predictor",
        "PredictorError",
        "Scale",
        "Schema",
        "Shares",
        "SizeError",
        "Target",
        "TargetChecker",
        "TargetType",
        "Tensor",
        "TensorPredictor",
        "Transformer",
        "UnsupportedError",
    ]


def test_a_model_directorys_own_predictors_module_wins(tmp_path: Path) -> None:
    """Our plugins live in a folder of that name, but are imported under another."""
    (tmp_path / "predictors.py").write_text("MINE = True\n")
    (tmp_path / "custom.py").write_text(
        "import predictors\n\n\ndef load_model(code_dir):\n    return predictors.MINE\n\n\n"
        "def score(data, model, **kwargs):\n    return data[['a']]\n"
    )
    code = (
        "import sys; from pathlib import Path; "
        "from drum_like.inference.loading import open_service;"
        "from drum_like.config.model_settings import ModelSettings as Model;"
        "from drum_like.api import TargetType;"
        "s = open_service(Model(code_dir=Path(sys.argv[1]), target_type=TargetType.REGRESSION));"
        "print(s.model)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=TOP,
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == "True"
