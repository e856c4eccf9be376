"""Plugins are found by entry point, and only imported when asked for."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drum_like import plugins
from drum_like.errors import PluginError
from tests.support.plugins import declare


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of packages on the path of this process."""
    plugins.registered.cache_clear()
    plugins.load.cache_clear()
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    plugins.registered.cache_clear()
    plugins.load.cache_clear()


def test_plugin_is_loaded_by_its_name(site: Path) -> None:
    declare(site, "one", "[group.one]\nred = module_one:RED\n", module_one="RED = 'red'\n")

    assert plugins.load("group.one", "red") == "red"


def test_name_declared_twice_is_refused(site: Path) -> None:
    declare(site, "one", "[group.two]\nred = module_one:RED\n")
    declare(site, "other", "[group.two]\nred = module_two:RED\n")

    with pytest.raises(PluginError, match=r"two plugins declare 'red' in group\.two: ") as caught:
        plugins.registered("group.two")

    assert {"one", "other"} <= set(str(caught.value).replace(";", "").split())


def test_distribution_that_is_found_twice_is_one(site: Path) -> None:
    """An editable install lies beside a wheel now and then."""
    declare(site, "one", "[group.three]\nred = module_one:RED\n")
    declare(site, "two", "[group.three]\nred = module_one:RED\n")

    assert list(plugins.registered("group.three")) == ["red"]


def test_unknown_name_lists_those_that_are_there(site: Path) -> None:
    declare(site, "one", "[group.four]\nred = m:RED\nblue = m:BLUE\n")

    with pytest.raises(PluginError, match=r"no plugin named 'pink' in group\.four; .* blue, red"):
        plugins.load("group.four", "pink")


def test_module_that_is_missing_is_named(site: Path) -> None:
    code = "import no_such_framework\nRED = 1\n"
    declare(site, "one", "[group.five]\nred = module_five:RED\n", module_five=code)

    with pytest.raises(
        PluginError, match="the plugin 'red' of one needs the module 'no_such_framework'"
    ):
        plugins.load("group.five", "red")


def test_kinds_of_file_import_no_framework() -> None:
    code = (
        "import sys\n"
        "from drum_like.model.artifact import artifact_kinds\n"
        "print(sorted(kind.name for kind in artifact_kinds()))\n"
        "print([name for name in ('xgboost', 'lightgbm', 'sklearn', 'onnxruntime')"
        " if name in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    kinds, frameworks = done.stdout.splitlines()
    assert kinds == str(
        ["LightGBM text", "ONNX", "XGBoost JSON", "XGBoost UBJSON", "joblib", "pickle"]
    )
    assert frameworks == "[]"
