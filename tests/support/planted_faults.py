"""Model directories with one planted fault each, and what follows the fix that `doctor` gives."""

import os
import pickle
import re
import shlex
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.support.models import Model, hooks

METADATA = """name: m
type: inference
targetType: regression
inputSchema:
  type: object
  properties:
    a:
      type: number
      examples:
        - 1.5
    b:
      type: number
      examples:
        - -2
"""
BINARY = METADATA.replace("regression", "binary") + (
    "inferenceModel:\n  positiveClassLabel: yes\n  negativeClassLabel: no\n"
)
_LOADS = """
def load_model(code_dir):
    return "model"
"""
SUM = """
import pandas as pd

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"] + data["b"]})
"""


GOOD = _LOADS + SUM
"""A custom.py without a fault."""


@dataclass(frozen=True, slots=True)
class Run:
    """The arguments of a run of `doctor`.

    Attributes:
        directory: The model directory.
        flags: Beside it.
        env: Variables beside a clean environment.
    """

    directory: Path
    flags: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


Follow = Callable[[Run, Mapping[str, str]], Run | None]
"""Follows the fix of a finding in a directory; returns another run where flags change."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A planted fault.

    Attributes:
        code: Of the finding.
        severity: Of the finding.
        model: The directory.
        fix: Words of the fix.
        follow: Does what the fix says.
        env: Makes variables for a directory beside the model's.
    """

    code: str
    severity: str
    model: Model
    fix: str
    follow: Follow
    env: Callable[[Path], Mapping[str, str]] = lambda folder: {"PYTHONPATH": str(folder)}


def _cells() -> tuple[pd.DataFrame, Any]:
    rows = np.random.default_rng(7).normal(size=(40, 2))
    return pd.DataFrame(rows, columns=["a", "b"]), rows[:, 0] - rows[:, 1]


def linear() -> bytes:
    """Return a pickled linear regression of a and b."""
    return pickle.dumps(LinearRegression().fit(*_cells()))


def _classifier() -> bytes:
    rows, sums = _cells()
    return pickle.dumps(LogisticRegression().fit(rows, np.where(sums > 0, "yes", "no")))


def trees() -> xgboost.XGBRegressor:
    """Return a small model of trees of a and b."""
    return xgboost.XGBRegressor(n_estimators=3, max_depth=2, n_jobs=1).fit(*_cells())


def _of_other_version() -> bytes:
    model = LinearRegression().fit(*_cells())
    state = pickle.dumps(model)
    import sklearn

    now = sklearn.__version__.encode()
    assert state.count(now) == 1
    return state.replace(now, b"0" * (len(now) - 2) + b".1")


def _writes(**files: str | bytes) -> Follow:
    """Return a function that writes files; `custom_py` stands for custom.py."""

    def follow(run: Run, finding: Mapping[str, str]) -> None:
        del finding
        Model({}).plus(**files).write(run.directory)

    return follow


def _metadata(content: str) -> Follow:
    def follow(run: Run, finding: Mapping[str, str]) -> None:
        del finding
        (run.directory / "model-metadata.yaml").write_text(content)

    return follow


def _shell(run: Run, finding: Mapping[str, str]) -> None:
    """Run the command between backticks, in the directory."""
    found = re.search("`(.+?)`", finding["fix"])
    assert found
    subprocess.run(found[1], shell=True, cwd=run.directory, check=True)


def _pip(run: Run, finding: Mapping[str, str]) -> None:
    """Run the fix, which is a command of pip; wheels lie beside the model directory."""
    command = shlex.split(finding["fix"])
    assert command[:2] == ["pip", "install"], command
    folder = Path(run.env["PYTHONPATH"].split(os.pathsep)[0])
    places = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder.parent / "wheels")}
    more = {"PIP_TARGET": str(folder), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(
        [sys.executable, "-m", *command], env={**os.environ, **places, **more}, check=True
    )


def _site(*installed: str) -> Callable[[Path], Mapping[str, str]]:
    """Return a function that makes wheels of tinydep, and a folder to install to before another."""

    def make(folder: Path) -> Mapping[str, str]:
        for version in ("1.0", "2.0"):
            wheel = folder.parent / "wheels" / f"tinydep-{version}-py3-none-any.whl"
            wheel.parent.mkdir(exist_ok=True)
            with zipfile.ZipFile(wheel, "w") as archive:
                info = f"tinydep-{version}.dist-info"
                archive.writestr("tinydep.py", "")
                about = f"Metadata-Version: 2.1\nName: tinydep\nVersion: {version}\n"
                archive.writestr(f"{info}/METADATA", about)
                tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                archive.writestr(f"{info}/WHEEL", tags)
                archive.writestr(f"{info}/RECORD", "")
                if version in installed:
                    archive.extractall(folder.parent / "old")
        return {"PYTHONPATH": os.pathsep.join([str(folder), str(folder.parent / "old")])}

    return make


def _without_xgboost(folder: Path) -> Mapping[str, str]:
    """Return variables under which XGBoost is not there."""
    folder.mkdir(exist_ok=True)
    text = "raise ModuleNotFoundError(\"No module named 'xgboost'\", name='xgboost')\n"
    (folder / "xgboost.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


def _installed(run: Run, finding: Mapping[str, str]) -> Run:
    """Return a run where XGBoost is there, as the command would have it."""
    assert finding["fix"] == "pip install 'drum-like[xgboost]'"
    return Run(run.directory, run.flags)


def _with_flag(run: Run, finding: Mapping[str, str]) -> Run:
    """Return a run with the flag of the fix instead of the one that was given."""
    found = re.search(r"(--[\w-]+) (\d+)", finding["fix"])
    assert found
    return Run(run.directory, (found[1], found[2]), run.env)


def _without_flags(run: Run, finding: Mapping[str, str]) -> Run:
    del finding
    return Run(run.directory, (), run.env)


def _save_again(run: Run, finding: Mapping[str, str]) -> None:
    """Load the model with the version that is here, and save it again."""
    del finding
    path = run.directory / "model.pkl"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path.write_bytes(pickle.dumps(pickle.loads(path.read_bytes())))


def _as_ubj(run: Run, finding: Mapping[str, str]) -> None:
    del finding
    trees().save_model(run.directory / "model.ubj")
    (run.directory / "model.pkl").unlink()


def _delete_and_replace(run: Run, finding: Mapping[str, str]) -> None:
    del finding
    (run.directory / "model.pkl").unlink()
    trees().save_model(run.directory / "model.ubj")


def _parameters(run: Run, finding: Mapping[str, str]) -> Run:
    """Define the parameter, give it a value, and name the file of values."""
    del finding
    section = "runtimeParameterDefinitions:\n  - fieldName: FACTOR\n    type: numeric\n"
    (run.directory / "model-metadata.yaml").write_text(METADATA + section)
    values = run.directory.parent / "values.yaml"
    values.write_text("FACTOR: 2\n")
    return Run(run.directory, ("--runtime-params-file", str(values)), run.env)


def _hooked(code: str, metadata: str = METADATA, flags: tuple[str, ...] = ()) -> Model:
    return Model({**hooks(code), "model-metadata.yaml": metadata}, flags)


def _plain(*flags: str, **files: str | bytes) -> Model:
    named = {name.replace("__", "."): content for name, content in files.items()}
    return Model({"model-metadata.yaml": METADATA, **named}, flags)


_GOOD = _writes(custom_py=GOOD)


def _bad_hook(
    code: str, severity: str, body: str, fix: str, *flags: str, metadata: str = METADATA
) -> Fault:
    """Return a fault of a score hook with that body."""
    score = (
        f"\nimport os, sys, time\nimport pandas as pd\n\ndef score(data, model, **kwargs):\n{body}"
    )
    good = _GOOD if metadata == METADATA else _writes(custom_py=_LOADS + _YES)
    return Fault(code, severity, _hooked(score, metadata, flags), fix, good)


_YES = """
import pandas as pd

def score(data, model, **kwargs):
    return pd.DataFrame({"yes": [0.25] * len(data), "no": [0.75] * len(data)})
"""
_RETURN = "    return pd.DataFrame({'Predictions': data['a'] + data['b']})\n"

FAULTS: Mapping[str, Fault] = {
    "no-model": Fault(
        "no-model",
        "error",
        _plain(notes__md=""),
        "put one model file",
        _writes(**{"model.pkl": linear()}),
    ),
    "two-models": Fault(
        "several-models",
        "error",
        _plain(a__pkl=linear(), b__pkl=linear()),
        "mv b.pkl unused/",
        _shell,
    ),
    "cut-pickle": Fault(
        "unreadable-artifact",
        "error",
        _plain(model__pkl=linear()[:200]),
        "copy the file again",
        _writes(**{"model.pkl": linear()}),
    ),
    "module-of-a-pickle": Fault(
        "missing-module",
        "error",
        _plain(custom__py=SUM, model__pkl=b"\x80\x02cscoring\nDoubler\n)\x81."),
        "put scoring.py into the model directory",
        _writes(**{"scoring.py": "class Doubler: pass\n"}),
    ),
    "framework-not-installed": Fault(
        "missing-module",
        "error",
        _plain(model__ubj=bytes(trees().get_booster().save_raw("ubj"))),
        "drum-like[xgboost]",
        _installed,
        _without_xgboost,
    ),
    "version-of-scikit-learn": Fault(
        "sklearn-version",
        "warning",
        _plain(model__pkl=_of_other_version()),
        "save it again",
        _save_again,
    ),
    "pickle-of-xgboost": Fault(
        "pickle",
        "advice",
        _plain(model__pkl=pickle.dumps(trees())),
        "model.save_model('model.ubj')",
        _as_ubj,
    ),
    "harmful-pickle": Fault(
        "harmful-pickle",
        "error",
        _plain(model__pkl=b"cos\nsystem\n(S'touch harmed'\ntR."),
        "delete model.pkl",
        _delete_and_replace,
    ),
    "pickle-that-is-forbidden": Fault(
        "not-servable",
        "error",
        _plain("--no-pickle", model__pkl=pickle.dumps(trees())),
        "save the model as .json or .onnx or .txt or .ubj",
        _as_ubj,
    ),
    "classifier-for-regression": Fault(
        "not-servable",
        "error",
        _plain(model__pkl=_classifier()),
        "target type binary",
        _metadata(BINARY),
    ),
    "crash-at-load": Fault(
        "process-ended",
        "error",
        _plain(
            custom__py="import ctypes\n\n" + GOOD.replace('return "model"', "ctypes.string_at(0)")
        ),
        "os._exit()",
        _GOOD,
    ),
    "line-of-requirements": Fault(
        "requirements",
        "warning",
        _plain(custom__py=GOOD, requirements__txt="numpy\nscipy >> 1\n"),
        "write line 2 as NAME==VERSION",
        _writes(**{"requirements.txt": "numpy\nscipy>1\n"}),
    ),
    "syntax": _bad_hook("syntax", "error", "    return (\n", "mend custom.py line"),
    "signature": Fault(
        "signature",
        "error",
        _hooked(SUM.replace(", **kwargs", "")),
        "def score(data, model, **kwargs):",
        _GOOD,
    ),
    "misspelt-hook": Fault(
        "no-hook",
        "warning",
        _hooked(SUM + "\ndef post_proces(predictions, model):\n    return predictions\n"),
        "to post_process",
        _writes(
            custom_py=GOOD + "\ndef post_process(predictions, model):\n    return predictions\n"
        ),
    ),
    "exception-at-load": Fault(
        "custom-code",
        "error",
        _plain(custom__py="def load_model(code_dir):\n    raise OSError('gone')\n" + SUM),
        "mend custom.py line 2",
        _GOOD,
    ),
    "module-of-custom-py": Fault(
        "missing-module",
        "error",
        _hooked("import scaling\n" + SUM),
        "put scaling.py into the model directory",
        _writes(**{"scaling.py": ""}),
    ),
    "hook-that-raises": _bad_hook(
        "hook-raises", "error", "    return data['zzz']\n", "mend custom.py line"
    ),
    "wrong-labels": _bad_hook(
        "wrong-output",
        "error",
        "    return pd.DataFrame({'up': [0.5] * len(data), 'down': [0.5] * len(data)})\n",
        "the columns ['no', 'yes']",
        metadata=BINARY,
    ),
    "row-count": _bad_hook(
        "wrong-output",
        "error",
        "    return pd.DataFrame({'Predictions': [1.0, 2.0, 3.0, 4.0]})\n",
        "one row for each row",
    ),
    "not-finite": _bad_hook(
        "not-finite",
        "error",
        "    return pd.DataFrame({'Predictions': data['a'] * float('nan')})\n",
        "let the score hook",
    ),
    "no-labels": Fault(
        "no-labels",
        "error",
        Model(hooks(_YES), ("--target-type", "binary")),
        "--positive-class-label",
        lambda run, _: Run(
            run.directory,
            (*run.flags, "--positive-class-label", "yes", "--negative-class-label", "no"),
        ),
    ),
    "no-target-type": Fault(
        "no-target-type",
        "error",
        Model(hooks(SUM)),
        "targetType: regression",
        _metadata(METADATA),
    ),
    "target-type-twice": Fault(
        "target-type-twice",
        "error",
        _hooked(SUM, METADATA, ("--target-type", "anomaly")),
        "leave --target-type out",
        _without_flags,
    ),
    "metadata": Fault(
        "metadata",
        "error",
        _hooked(SUM, METADATA + "inputSchema: [\n"),
        "mend model-metadata.yaml",
        _metadata(METADATA),
    ),
    "package-missing": Fault(
        "package-missing",
        "warning",
        _plain(custom__py=GOOD, requirements__txt="tinydep==2.0\n"),
        "pip install tinydep==2.0",
        _pip,
        _site(),
    ),
    "package-version": Fault(
        "package-version",
        "warning",
        _plain(custom__py=GOOD, requirements__txt="tinydep>=1.5\n"),
        "pip install 'tinydep>=1.5'",
        _pip,
        _site("1.0"),
    ),
    "runtime-parameter": Fault(
        "runtime-parameter",
        "error",
        _hooked(
            "\nfrom datarobot_drum import RuntimeParameters\n"
            "FACTOR = RuntimeParameters.get('FACTOR')\n" + SUM
        ),
        "--runtime-params-file",
        _parameters,
    ),
    "memory": Fault(
        "memory",
        "error",
        _hooked(SUM, flags=("--max-workers", "100000")),
        "--max-workers",
        _with_flag,
    ),
    "neighbours": _bad_hook(
        "neighbours",
        "error",
        "    return pd.DataFrame({'Predictions': data['a'] - data['a'].mean()})\n",
        "from the training data",
    ),
    "csv-and-json": _bad_hook(
        "doors-differ",
        "error",
        "    if kwargs['mimetype'] == 'application/json':\n        data = data * 2\n" + _RETURN,
        "never parse",
    ),
    "prints": _bad_hook("prints", "advice", "    print('scored')\n" + _RETURN, "logging.getLogger"),
    "exits": _bad_hook("hook-exits", "error", "    sys.exit(3)\n", "instead of sys.exit()"),
    "ends-the-process": _bad_hook("process-ended", "error", "    os._exit(7)\n", "os._exit()"),
    "too-slow": _bad_hook(
        "slow-prediction",
        "error",
        "    time.sleep(60)\n" + _RETURN,
        "--request-timeout-s",
        "--request-timeout-s",
        "2",
    ),
    "flavour": Fault(
        "manifest",
        "error",
        Model({"MLmodel": "flavors:\n  prophet: {model_path: m}\n", "model.pkl": linear()}),
        "custom.py with load_model and score",
        _writes(custom_py=GOOD, **{"model-metadata.yaml": METADATA}),
    ),
    "no-sample": Fault(
        "no-sample",
        "advice",
        _hooked(SUM, "name: m\ntype: inference\ntargetType: regression\n"),
        "inputSchema",
        _metadata(METADATA),
    ),
}
"""The faults by name."""
