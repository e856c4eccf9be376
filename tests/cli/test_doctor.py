"""`drum-like doctor` finds planted faults, and its fixes work when they are followed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults.scale import FULL
from tests.support.models import Model, hooks
from tests.support.planted_faults import FAULTS, METADATA, SUM, Run
from tests.support.serving import run

PLANTED = tuple(FAULTS) if FULL else tuple(FAULTS)[::3]
"""Names of faults; a third of them where tests may not take long."""

TEMPLATES = Path(__file__).parents[2] / "model_templates"


def doctor(given: Run, *flags: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the JSON of the verb."""
    words = (*given.flags, *flags, "--json")
    done = run("doctor", "--code-dir", given.directory, *words, env=given.env, timeout_s=300)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


def codes(found: dict[str, Any]) -> set[str]:
    """Return the codes of the findings."""
    return {finding["code"] for finding in found["findings"]}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found_and_its_fix_works(tmp_path: Path, name: str) -> None:
    fault = FAULTS[name]
    directory = fault.model.write(tmp_path / "model")
    given = Run(directory, fault.model.flags, fault.env(tmp_path / "site"))

    code, found = doctor(given)

    findings = {finding["code"]: finding for finding in found["findings"]}
    assert fault.code in findings, found
    assert findings[fault.code]["severity"] == fault.severity
    assert fault.fix in findings[fault.code]["fix"]
    assert all(finding["fix"] for finding in found["findings"])
    assert code == int(any(one["severity"] == "error" for one in found["findings"]))

    followed = fault.follow(given, findings[fault.code]) or given
    code, found = doctor(followed)

    assert (code, fault.code in codes(found)) == (0, False), found


def test_a_harmful_pickle_is_not_loaded(tmp_path: Path) -> None:
    directory = FAULTS["harmful-pickle"].model.write(tmp_path / "model")

    run("doctor", "--code-dir", directory, cwd=tmp_path)

    assert not (tmp_path / "harmed").exists()


def test_a_harmful_pickle_below_a_description_of_mlflow_is_not_loaded(tmp_path: Path) -> None:
    harmful = FAULTS["harmful-pickle"].model.files["model.pkl"]
    described = "flavors:\n  sklearn: {pickled_model: model.pkl}\n"
    directory = Model({"MLmodel": described, "model.pkl": harmful}).write(tmp_path / "model")

    code, found = doctor(Run(directory))

    assert (code, codes(found)) == (1, {"harmful-pickle"})


def test_a_sound_directory_has_no_findings(tmp_path: Path) -> None:
    model = Model({**hooks(SUM), "model-metadata.yaml": METADATA})

    code, found = doctor(Run(model.write(tmp_path / "model")))

    assert (code, found["ok"], found["findings"]) == (0, True, [])
    assert found["doors"][:3] == ["CSV", "JSON records", "JSON split"]
    assert found["suggestion"]["workers"] >= 1


def test_settings_of_a_server_that_lead_elsewhere_are_left_aside(tmp_path: Path) -> None:
    model = Model({**hooks(SUM), "model-metadata.yaml": METADATA})
    form = tmp_path / "deployment.json"
    form.write_text('{"target": {"name": "t", "type": "Regression"}}')
    env = {"URL_PREFIX": "/elsewhere", "DRUM_LIKE_PASSPHRASE": "a-long-word-of-4711-letters"}

    given = Run(model.write(tmp_path / "model"), ("--deployment-config", str(form)), env)
    code, found = doctor(given)

    assert (code, found["findings"]) == (0, [])
    assert "KServe V2" in found["doors"]


@pytest.mark.parametrize(
    "name", ["xgboost_binary", "lightgbm_multiclass", "onnx_regression", "anomaly", "media"]
)
def test_templates_have_no_faults_through_any_door(name: str) -> None:
    directory = TEMPLATES / name

    code, found = doctor(Run(directory), "--input", str(directory / "sample.csv"))

    assert (code, codes(found)) == (0, set()), found
    assert {"CSV", "Arrow", "Parquet", "MLflow", "KServe V1"} <= set(found["doors"])
    assert ("KServe V2" in found["doors"]) == (name != "anomaly")  # which tells no columns


@pytest.mark.parametrize(
    ("name", "file"), [("transform", "sample.csv"), ("unstructured", "sample.json")]
)
def test_models_that_take_whole_files_answer_that_of_input(name: str, file: str) -> None:
    directory = TEMPLATES / name

    assert codes(doctor(Run(directory))[1]) == {"no-sample"}
    assert codes(doctor(Run(directory), "--input", str(directory / file))[1]) == set()


def test_a_transform_hook_that_raises_is_found_by_a_file(tmp_path: Path) -> None:
    raising = hooks("\ndef transform(data, model):\n    raise ValueError(str(data))\n")
    directory = Model(raising, ("--target-type", "transform")).write(tmp_path / "model")
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n4711.5,2\n")

    code, found = doctor(Run(directory, ("--target-type", "transform")), "--input", str(rows))

    assert (code, codes(found)) == (1, {"hook-raises"})
    assert "4711" not in str(found)


def test_findings_for_people(tmp_path: Path) -> None:
    directory = FAULTS["two-models"].model.write(tmp_path / "model")

    done = run("doctor", "--code-dir", directory)

    assert done.returncode == 1
    assert "error: 2 files may be the model: a.pkl, b.pkl [several-models]\n  fix: " in done.stdout


def test_no_cell_is_shown(tmp_path: Path) -> None:
    raising = hooks("\ndef score(data, model, **kwargs):\n    raise ValueError(str(data))\n")
    directory = Model({**raising, "model-metadata.yaml": METADATA}).write(tmp_path / "model")
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b\n4711.5,canary\n")

    done = run("doctor", "--code-dir", directory, "--input", rows)

    assert done.returncode == 1
    assert "custom.py line" in done.stdout
    assert "4711.5" not in done.stdout + done.stderr
    assert "canary" not in done.stdout + done.stderr
