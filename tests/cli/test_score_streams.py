"""`score`: what is there is written to and read from: pipes, devices, standard streams."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tests.cli.conftest import Score
from tests.support import arrow_payloads
from tests.support.models import REG
from tests.support.more_models import UNSTRUCTURED
from tests.support.serving import environment

EXPECTED = "Predictions\n1\n2\n"
ROWS = "a\n1\n2\n"


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which $SCORE is `score` with a model directory."""
    words = [sys.executable, "-m", "drum_like", "score", "--code-dir", str(REG.write(folder / "m"))]
    env = {"SCORE": " ".join([*words, *REG.flags]), "PYTHONPATH": str(Path.cwd())}
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_fifo_stays_one(score: Score, tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(path.read_text()))
    reader.start()

    done = score(REG, ROWS, "--output", "fifo")

    reader.join(30)
    assert done.returncode == 0, done.stderr
    assert found == [EXPECTED]
    assert path.is_fifo()


def test_a_device_stays_one(score: Score) -> None:
    done = score(REG, ROWS, "--output", "/dev/null")

    assert done.returncode == 0, done.stderr
    assert not Path("/dev/null").is_file()


def test_a_link_stays_one(score: Score, tmp_path: Path) -> None:
    (tmp_path / "real.csv").touch()
    (tmp_path / "out.csv").symlink_to("real.csv")

    done = score(REG, ROWS, "--output", "out.csv")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == EXPECTED


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.csv").write_text(ROWS)

    done = shell(f"$SCORE --input in.csv --output {name} | cat", tmp_path)

    assert done.stdout == EXPECTED, done.stderr


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_a_file_behind_standard_output_is_appended_to(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.csv").write_text(ROWS)

    done = shell(f"{{ echo first; $SCORE --input in.csv --output {name}; }} > all", tmp_path)

    assert (tmp_path / "all").read_text() == f"first\n{EXPECTED}", done.stderr


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "<(cat in.csv)"])
def test_standard_input_and_pipes_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.csv").write_text(ROWS)

    done = shell(f"cat in.csv | $SCORE --input {name} --output -", tmp_path)

    assert (done.returncode, done.stdout) == (0, EXPECTED), done.stderr


def test_matrix_market_on_standard_input_is_told_by_its_banner(tmp_path: Path) -> None:
    matrix = "%%MatrixMarket matrix coordinate real general\n2 1 1\n2 1 1.5\n"
    (tmp_path / "matrix").write_text(matrix)
    (tmp_path / "names").write_text("a\n")

    done = shell("$SCORE --input - --sparse-column-file names --output - < matrix", tmp_path)

    assert done.stdout == "Predictions\n0.0\n1.5\n", done.stderr


@pytest.mark.parametrize("rows", ["--input in.arrow", "--input - < in.arrow", "--input named"])
@pytest.mark.parametrize("write", [arrow_payloads.stream, arrow_payloads.file])
def test_arrow_is_told_by_its_suffix_or_its_first_bytes(
    tmp_path: Path, rows: str, write: Callable[[pa.Table], bytes]
) -> None:
    body = write(pa.table({"a": pa.array([1, 2])}))
    (tmp_path / "in.arrow").write_bytes(body)
    (tmp_path / "named").write_bytes(body)

    done = shell(f"$SCORE --output - {rows}", tmp_path)

    assert done.stdout == EXPECTED, done.stderr


def test_lines_about_the_command_are_not_among_the_predictions(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(ROWS)

    done = shell("$SCORE --input in.csv --output - --verbose --show-perf", tmp_path)

    assert done.stdout == EXPECTED
    assert "Detected score mode" in done.stderr
    assert "Full time:" in done.stderr


@pytest.mark.parametrize("output", ["", " --output -"], ids=["table", "csv"])
def test_a_reader_that_has_enough(tmp_path: Path, output: str) -> None:
    (tmp_path / "in.csv").write_text(ROWS)

    done = shell(f"$SCORE --input in.csv{output} | true; echo ${{PIPESTATUS[0]}}", tmp_path)

    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "is a directory; name a file in it"),
        ("no/such/out.csv", "there is no directory to put out.csv into; create it"),
        ("/dev/full", "cannot be written: No space left on device"),
    ],
)
def test_what_cannot_be_written_to(score: Score, name: str, reason: str) -> None:
    done = score(REG, ROWS, "--output", name)

    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unstructured_answer_goes_where_predictions_would(score: Score) -> None:
    done = score(UNSTRUCTURED, "abc", "--query", "form=none", "--output", "-")

    assert done.stdout == "Return value from prediction is: None (NULL in R)"


@pytest.mark.parametrize("name", ["nope", "."])
def test_an_input_that_is_not_there(tmp_path: Path, name: str) -> None:
    done = shell(f"$SCORE --input {name}", tmp_path)

    assert done.returncode == 2
    assert f"The file {name} does not exist!" in done.stderr
