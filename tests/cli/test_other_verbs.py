"""`new model`, `validation` and `perf-test` (rows L-25 to L-28)."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.command_line import run_here
from tests.support.models import REG, Model, hooks
from tests.support.serving import environment, run

FRAGILE = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    if data["a"].isna().all():
        raise ValueError("empty")
    return pd.DataFrame({"Predictions": data["a"]})
"""),
    REG.flags,
)

MARKED = Model(
    hooks("""
import os

import pandas as pd

def score(data, model, **kwargs):
    with open(os.environ["PID_FILE"], "w") as file:
        file.write(str(os.getppid()))
    return pd.DataFrame({"Predictions": data["a"]})
"""),
    REG.flags,
)
"""Writes down the process that its worker is of."""

T = TypeVar("T")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n3,4\n5,6\n")
    return path


def test_a_new_model_directory(tmp_path: Path) -> None:
    """L-25."""
    words = ("new", "model", "--code-dir", tmp_path / "d", "--language", "python")

    first, second = run(*words), run(*words)

    assert first.returncode == 0
    assert {path.name for path in (tmp_path / "d").iterdir()} == {"README.md", "custom.py"}
    lines = (tmp_path / "d" / "custom.py").read_text().splitlines()
    assert all(line.startswith("#") for line in lines if line.strip())
    assert second.returncode == 2
    expected = f"The path {tmp_path / 'd'} already exists! Please provide a non existing path!"
    assert expected in second.stderr


@pytest.mark.parametrize("language", ["r", "java", "other"])
def test_a_new_model_directory_in_another_language(tmp_path: Path, language: str) -> None:
    done = run_here("new", "model", "--code-dir", tmp_path / "d", "--language", language)

    assert done.returncode == 1
    assert f"--language {language}: only Python is there" in done.stderr
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("new", "--verbose", "model", "--code-dir", "d"), id="switch"),
        pytest.param(("new", "--code-dir", "d", "--verbose", "model"), id="value"),
        pytest.param(("new", "--logging-level", "info", "model", "-cd", "d"), id="two-flags"),
    ],
)
def test_flags_may_stand_before_the_second_word(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run_here(*words, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "d" / "custom.py").is_file()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(("--verbose",), 1, "new model  "), (("--verbose", "zoo"), 2, "invalid choice")],
)
def test_flags_do_not_stand_for_the_second_word(
    words: tuple[str, ...], code: int, said: str
) -> None:
    done = run_here("new", *words)

    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_a_validation_that_passes(tmp_path: Path, rows: Path) -> None:
    directory = REG.write(tmp_path / "model")

    done = run("validation", "--code-dir", directory, "--input", rows, *REG.flags)

    assert done.returncode == 0, done.stderr
    assert "Validation checks results" in done.stdout
    assert "PASSED" in done.stdout
    assert "FAILED" not in done.stdout


def test_a_validation_that_fails(tmp_path: Path, rows: Path) -> None:
    """L-26 by difference D19: the exit code says it too."""
    directory = FRAGILE.write(tmp_path / "model")

    done = run("validation", "--code-dir", directory, "--input", rows, *FRAGILE.flags)

    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert any("Basic batch prediction" in line and "PASSED" in line for line in lines)
    assert any("Null value imputation" in line and "FAILED" in line for line in lines)


@pytest.mark.parametrize("env", [{}, {"MAX_WORKERS": "1"}], ids=["L-27", "L-28"])
def test_a_performance_test(tmp_path: Path, rows: Path, env: dict[str, str]) -> None:
    """By difference D10: it works with the default server."""
    directory = REG.write(tmp_path / "model")
    words = ("perf-test", "--code-dir", directory, "--input", rows, "-s", "10", "-i", "3")

    done = run(*words, *REG.flags, env=env)

    assert done.returncode == 0, done.stderr
    for column in ("samples", "iters", "min", "avg", "max"):
        assert column in done.stdout


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGINT])
def test_a_performance_test_that_is_killed_takes_its_server_along(
    tmp_path: Path, rows: Path, how: signal.Signals
) -> None:
    directory = MARKED.write(tmp_path / "model")
    words = ("perf-test", "--code-dir", directory, "--input", rows, "-s", "1", "-i", "100000")
    process = subprocess.Popen(
        [sys.executable, "-m", "drum_like", *map(str, words), *REG.flags],
        env=environment({"PID_FILE": str(tmp_path / "pid")}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        server = eventually(lambda: int((tmp_path / "pid").read_text()))

        process.send_signal(how)

        assert process.wait(30) != 0
        eventually(lambda: not Path(f"/proc/{server}").exists() or None)
    finally:
        process.kill()


def eventually(look: Callable[[], T | None]) -> T:
    """Return the first result of a function that is not None, within half a minute."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(OSError, ValueError):
            found = look()
            if found is not None:
                return found
        time.sleep(0.05)
    raise TimeoutError
