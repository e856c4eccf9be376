"""The command line within one process: help, exit codes, and what is not imported."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import drum_like
from drum_like.cli.main import run
from drum_like.config.command_line import parser_flags
from drum_like.config.settings import options
from drum_like.config.verbs import VERBS

HEAVY = ("numpy", "pandas", "flask", "gunicorn", "pyarrow", "scipy", "rich")
MODEL = """\
import pandas as pd

def load_model(code_dir):
    return 1

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"] * 2})
"""


def leave(words: Sequence[str]) -> int:
    with pytest.raises(SystemExit) as caught:
        run(words, {})
    assert isinstance(caught.value.code, int)
    return caught.value.code


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "custom.py").write_text(MODEL)
    (tmp_path / "rows.csv").write_text("a\n1\n2\n")
    return tmp_path


def score(model: Path, *flags: str) -> int:
    rows = str(model / "rows.csv")
    words = ["score", "-cd", str(model), "--input", rows, "--target-type", "regression", *flags]
    return run(words, {})


@pytest.mark.parametrize("words", [[], ["new"]], ids=["nothing", "new"])
def test_without_a_verb_help_is_printed(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave(words) == 1
    assert capsys.readouterr().out.startswith("usage: drum-like")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["new", "-h"]], ids=" ".join)
def test_help_that_was_asked_for_is_a_success(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert leave(words) == 0
    assert "new model" in capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_names_every_flag(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert leave([*verb.split(), "--help"]) == 0

    text = capsys.readouterr().out
    missing = [
        name
        for spellings in parser_flags(verb, options())
        for name in spellings
        if name not in text
    ]
    assert missing == []
    assert "exit codes:" in text


@pytest.mark.parametrize("verb", VERBS)
def test_usage_names_the_directory_where_the_verb_takes_one(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    leave([*verb.split(), "--help"])

    usage, _, flags = capsys.readouterr().out.partition("\n")
    assert ("-cd DIR" in usage) == ("--code-dir" in flags)


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(["--version"]) == 0
    assert capsys.readouterr().out == f"drum-like {drum_like.__version__}\n"


@pytest.mark.parametrize("word", ["--version", "--help"])
def test_nothing_heavy_is_imported_to_say_little(word: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "drum_like", word]

    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    imported = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "drum_like" in imported
    assert imported.isdisjoint(HEAVY)


def test_usage_errors_are_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["server", "-cd", "nope"], {}) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "usage: drum-like server -cd DIR [options]\n"
        "drum-like: error: argument -cd/--code-dir: The path nope is not a directory!\n"
    )


def test_settings_errors_are_one_and_one_line(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["server", "-cd", str(model)], {"TARGET_TYPE": "zzz"}) == 1

    said = capsys.readouterr().err
    assert said.startswith("drum-like: error: TARGET_TYPE must be one of binary")
    assert said.count("\n") == 1


def test_a_traceback_is_shown_on_demand(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(model, "--query", "a=1", "--show-stacktrace") == 1
    assert "Traceback (most recent call last):" in capsys.readouterr().err


def test_score_prints_a_table(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(model) == 0
    assert capsys.readouterr().out == "   Predictions\n0            2\n1            4\n"


def test_score_writes_a_file(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = model / "out.csv"

    assert score(model, "--output", str(output)) == 0

    assert output.read_bytes() == b"Predictions\n2\n4\n"
    assert capsys.readouterr().out == ""


def test_failed_scoring_is_one_and_leaves_no_file(model: Path) -> None:
    (model / "rows.csv").write_text("b\n1\n")
    before = sorted(path.name for path in model.iterdir())

    assert score(model, "--output", str(model / "out.csv")) == 1

    after = sorted(path.name for path in model.iterdir() if path.name != "__pycache__")
    assert after == before


def test_failed_scoring_keeps_the_old_file(model: Path) -> None:
    output = model / "out.csv"
    output.write_text("old")
    (model / "rows.csv").write_text("b\n1\n")

    assert score(model, "--output", str(output)) == 1
    assert output.read_text() == "old"


def test_output_without_a_directory_is_refused_before_scoring(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(model, "--output", str(model / "no" / "out.csv")) == 1
    assert "there is no directory" in capsys.readouterr().err


def test_a_model_that_does_not_load_is_four(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n")

    assert score(tmp_path) == 4


def test_show_perf_adds_three_blocks(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(model, "--show-perf", "--verbose") == 0

    out = capsys.readouterr().out
    assert out.startswith("Detected score mode\n")
    for title in ("Full time:", "Init time (incl model loading):", "Run time (incl reading CSV):"):
        assert f"{title}\n\tsec: min: " in out


def test_runtime_parameters_reach_the_environment(model: Path) -> None:
    (model / "model-metadata.yaml").write_text(
        "name: x\ntype: inference\ntargetType: regression\n"
        "runtimeParameterDefinitions:\n  - fieldName: P\n    type: numeric\n    defaultValue: 5\n"
    )
    (model / "values.yaml").write_text("P: 7\n")
    environ: dict[str, str] = {"MLOPS_RUNTIME_PARAM_P": "old"}
    words = ["score", "-cd", str(model), "--input", str(model / "rows.csv")]

    assert run([*words, "--runtime-params-file", str(model / "values.yaml")], environ) == 0
    assert environ["MLOPS_RUNTIME_PARAM_P"] == '{"payload": 7, "type": "numeric"}'


def test_scoring_keeps_threads_from_spinning_unless_told_otherwise(model: Path) -> None:
    words = ["score", "-cd", str(model), "--input", str(model / "rows.csv")]
    environ = {"TARGET_TYPE": "regression", "OMP_NUM_THREADS": "3"}

    assert run(words, environ) == 0
    assert environ["OMP_NUM_THREADS"] == "3"
    assert environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_notes_go_to_standard_error(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score(model, "--docker", "image") == 0

    said = capsys.readouterr()
    assert said.err.startswith("drum-like: --docker is accepted but has no effect: ")
    assert "--docker" not in said.out


def test_broken_transform_schema_is_three(model: Path) -> None:
    (model / "custom.py").write_text(
        "def load_model(code_dir):\n    return 1\n\ndef transform(data, model):\n    return data\n"
    )
    (model / "model-metadata.yaml").write_text(
        "name: x\ntype: inference\ntargetType: transform\ntypeSchema:\n  output_requirements:\n"
        "    - field: number_of_columns\n      condition: EQUALS\n      value: 5\n"
    )

    assert run(["score", "-cd", str(model), "--input", str(model / "rows.csv")], {}) == 3


@pytest.mark.parametrize(
    ("body", "code", "null_status"),
    [
        ('data["a"].fillna(0)', 0, "PASSED"),
        ('data["a"].astype(int)', 1, "FAILED"),
    ],
    ids=["imputes", "does-not-impute"],
)
def test_validation_empties_every_column(
    model: Path, capsys: pytest.CaptureFixture[str], body: str, code: int, null_status: str
) -> None:
    (model / "custom.py").write_text(MODEL.replace('data["a"] * 2', body))
    words = ["validation", "-cd", str(model), "--input", str(model / "rows.csv")]

    assert run([*words, "--target-type", "regression"], {}) == code

    lines = capsys.readouterr().out.splitlines()
    assert "Validation checks results" in lines
    statuses = [line.rsplit("  ")[1].strip() for line in lines if "  " in line][1:3]
    assert statuses == ["PASSED", null_status]


def test_new_model_is_a_directory_of_comments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "made" / "here"
    words = ["new", "model", "--code-dir", str(folder), "--language", "python"]

    assert run(words, {}) == 0
    assert run(words, {}) == 2

    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "custom.py"]
    code = (folder / "custom.py").read_text()
    assert all(line.startswith("#") for line in code.splitlines())
    compile("\n".join(line[2:] for line in code.splitlines()), "custom.py", "exec")
    assert capsys.readouterr().out == ""
