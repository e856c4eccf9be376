"""Words that the command line takes or refuses (rows L-01 to L-08, L-21, L-37 to L-40)."""

import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import run_here
from tests.support.models import BINARY, MULTICLASS, REG
from tests.support.more_models import UNSTRUCTURED
from tests.support.serving import run

ROWS = "a\n1\n"
REGRESSION = ("--target-type", "regression")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def score(folder: Path, rows: Path, *flags: str | Path) -> subprocess.CompletedProcess[str]:
    return run("score", "--code-dir", folder, "--input", rows, *flags)


def server(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return run("server", "--code-dir", folder, "--address", "127.0.0.1:0", *flags)


def test_the_version() -> None:
    """L-01."""
    done = run("--version")

    assert done.returncode == 0
    name, version = done.stdout.split()
    assert name == "drum-like"
    assert version[0].isdigit()


@pytest.mark.parametrize("words", [(), ("new",)], ids=["alone", "new"])
def test_no_verb_prints_the_help(words: tuple[str, ...]) -> None:
    """L-02."""
    done = run(*words)

    assert done.returncode == 1
    assert "usage:" in done.stdout


@pytest.mark.parametrize("verb", ["server", "score", "validation", "perf-test"])
def test_help_of_a_verb(verb: str) -> None:
    done = run(verb, "--help")

    assert done.returncode == 0
    assert "--code-dir" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("no-such-verb",), id="verb"),
        pytest.param(("server", "--no-such-flag"), id="flag"),
        pytest.param(("server", "--address", "127.0.0.1:0"), id="no-code-dir"),
        pytest.param(("score", "--code-dir", "."), id="no-input"),
        pytest.param(("server", "--code-dir", ".", "--target-type"), id="no-value"),
        pytest.param(("server", "--code-dir", ".", "--target-type", "zzz"), id="target-type"),
    ],
)
def test_a_wrong_command_line(words: tuple[str, ...]) -> None:
    """L-03."""
    done = run(*words)

    assert done.returncode == 2
    assert "usage:" in done.stderr


@pytest.mark.parametrize(
    ("flag", "meant"),
    [
        ("--port", "--address HOST:PORT"),
        ("--host=0.0.0.0", "--address HOST:PORT"),
        ("--model-dir", "--code-dir DIR"),
        ("--adress", "--address"),
    ],
)
def test_a_flag_of_other_servers_names_ours(tmp_path: Path, flag: str, meant: str) -> None:
    done = run_here("server", "--code-dir", tmp_path, flag, "8080")

    assert done.returncode == 2
    assert f"; did you mean {meant}?" in done.stderr


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    """L-04."""
    done = server(tmp_path / "nope")

    assert done.returncode == 2
    assert f"The path {tmp_path / 'nope'} is not a directory!" in done.stderr


def test_an_input_that_does_not_exist(tmp_path: Path) -> None:
    """L-05."""
    done = score(REG.write(tmp_path / "model"), tmp_path / "nope")

    assert done.returncode == 2
    assert f"The file {tmp_path / 'nope'} does not exist!" in done.stderr


@pytest.mark.parametrize("flag", ["--positive-class-label", "--negative-class-label"])
def test_one_binary_label_is_not_enough(tmp_path: Path, rows: Path, flag: str) -> None:
    """L-06."""
    done = score(BINARY.write(tmp_path / "m"), rows, "--target-type", "binary", flag, "yes")

    assert done.returncode == 2
    assert "both positive and negative class labels have to be provided" in done.stderr


def test_labels_come_from_one_place(tmp_path: Path, rows: Path) -> None:
    """L-07."""
    labels = tmp_path / "labels.txt"
    labels.write_text("A\nB\nC\n")

    done = score(
        MULTICLASS.write(tmp_path / "model"), rows, *MULTICLASS.flags, "--class-labels-file", labels
    )

    assert done.returncode == 2
    assert "but not both" in done.stderr


def test_one_label_is_not_a_classification(tmp_path: Path, rows: Path) -> None:
    """L-08."""
    flags = ("--target-type", "multiclass", "--class-labels", "A")

    done = score(MULTICLASS.write(tmp_path / "model"), rows, *flags)

    assert done.returncode == 1
    assert "Multiclass classification requires at least 2 labels." in done.stderr


def test_monitoring_needs_its_options(tmp_path: Path) -> None:
    """L-37."""
    done = server(REG.write(tmp_path), *REGRESSION, "--monitor")

    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "MLOps Monitoring requires all monitoring options to be present." in said
    for option in ("--model-id", "--deployment-id", "--monitor-settings"):
        assert option in said


def test_unstructured_models_are_not_monitored(tmp_path: Path) -> None:
    """L-38."""
    done = server(UNSTRUCTURED.write(tmp_path), *UNSTRUCTURED.flags, "--monitor")

    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "Error: MLOps monitoring can not be used in unstructured mode." in said


def test_skipping_installs_is_for_docker(tmp_path: Path) -> None:
    """L-39."""
    done = server(REG.write(tmp_path), *REGRESSION, "--skip-deps-install")

    assert done.returncode == 1
    expected = "Argument '--skip-deps-install' can only be used together with '--docker'."
    assert expected in done.stdout + done.stderr


@pytest.mark.parametrize("value", ["0", "-1"])
def test_workers_are_at_least_one(tmp_path: Path, value: str) -> None:
    """L-40."""
    done = server(REG.write(tmp_path), *REGRESSION, f"--max-workers={value}")

    assert done.returncode == 2
    assert "must be > 0" in done.stderr


@pytest.mark.parametrize("flag", ["--query", "--content-type"])
def test_options_of_unstructured_models(tmp_path: Path, rows: Path, flag: str) -> None:
    """L-21."""
    done = score(REG.write(tmp_path / "model"), rows, *REGRESSION, flag, "a=1")

    assert done.returncode == 1
    expected = f"{flag} argument can be used only with --target-type unstructured"
    assert expected in done.stdout + done.stderr
