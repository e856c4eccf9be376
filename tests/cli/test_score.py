"""`score`: what is written, and where (rows L-15 to L-24)."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Score
from tests.support.models import BINARY, ECHO, MULTICLASS, REG, STEERED, TEXT
from tests.support.more_models import TRANSFORM, UNSTRUCTURED

MTX = "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 2 1.5\n2 1 7\n"


def written(folder: Path) -> str:
    return (folder / "out.csv").read_bytes().decode()


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        pytest.param("1\n2\n", "1\n2\n", id="integers"),
        pytest.param("0.1234567890123456\n1e-20\n", "0.1234567890123456\n1e-20\n", id="floats"),
        pytest.param("True\nFalse\n", "True\nFalse\n", id="booleans"),
        pytest.param("yes\n", "yes\n", id="texts"),
        pytest.param("", "", id="no-rows"),
    ],
)
def test_numbers_are_written_as_they_are(
    score: Score, tmp_path: Path, cells: str, expected: str
) -> None:
    """L-15."""
    done = score(REG, f"a\n{cells}", "--output", "out.csv")

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == f"Predictions\n{expected}"


def test_probabilities_stand_in_the_models_order(score: Score, tmp_path: Path) -> None:
    """L-16."""
    done = score(BINARY, "no,yes\n0.25,0.75\n", "--output", "out.csv")

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == "no,yes\n0.25,0.75\n"


def test_extra_columns_come_last(score: Score, tmp_path: Path) -> None:
    """L-17."""
    done = score(MULTICLASS, "x,A,B,C\nq,0.5,0.25,0.25\n", "--output", "out.csv")

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == "A,B,C,x\n0.5,0.25,0.25,q\n"


def test_texts_are_quoted_where_needed(score: Score, tmp_path: Path) -> None:
    done = score(TEXT, 'out\n"a,b"\nc\n', "--output", "out.csv")

    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "out.csv").iloc[:, 0].tolist() == ["a,b", "c"]


def test_without_output_a_table_is_printed(score_alone: Score) -> None:
    """L-18."""
    done = score_alone(REG, "a\n1.5\n2.5\n")

    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[-3:] == [["Predictions"], ["0", "1.5"], ["1", "2.5"]]


def test_nothing_from_an_unstructured_hook(score_alone: Score, tmp_path: Path) -> None:
    """L-19."""
    done = score_alone(UNSTRUCTURED, "abc", "--query", "form=none", "--output", "out.csv")

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == "Return value from prediction is: None (NULL in R)"


def test_an_unstructured_hook_is_told_the_query(score: Score, tmp_path: Path) -> None:
    """L-20: a plain dict without blank values; the charset is spelled utf8 here."""
    done = score(UNSTRUCTURED, "é", "--query", "a=1&a=2&b=", "--output", "out.csv")

    assert done.returncode == 0, done.stderr
    said = json.loads(written(tmp_path))
    assert (said["all"], said["mimetype"], said["charset"]) == ({"a": "2"}, "text/plain", "utf8")
    assert (said["type"], said["data"]) == ("str", "é")
    assert "headers" not in said["names"]


def test_the_content_type_of_an_unstructured_input(score: Score, tmp_path: Path) -> None:
    flags = ("--content-type", "image/png", "--output", "out.csv")

    done = score(UNSTRUCTURED, "abc", *flags)

    assert done.returncode == 0, done.stderr
    said = json.loads(written(tmp_path))
    assert (said["type"], said["mimetype"]) == ("bytes", "image/png")


def test_a_transform_writes_its_rows(score: Score, tmp_path: Path) -> None:
    """L-22."""
    done = score(TRANSFORM, "a,b\n1,x\n", "--output", "out.csv")

    assert done.returncode == 0, done.stderr
    assert written(tmp_path) == "a,b\n1,x\n"


def test_a_matrix_with_column_names(score: Score, tmp_path: Path) -> None:
    """L-23."""
    (tmp_path / "names").write_text("b\na\n")
    flags = ("--sparse-column-file", "names", "--output", "out.csv")

    done = score(REG, MTX, *flags, suffix=".mtx")

    assert done.returncode == 0, done.stderr
    assert [float(line) for line in written(tmp_path).split()[1:]] == [1.5, 0.0]


def test_what_a_score_hook_is_told_on_the_command_line(score: Score, tmp_path: Path) -> None:
    done = score(ECHO, "a\n1\n", "--output", "out.csv")

    assert done.returncode == 0, done.stderr
    said = json.loads(str(pd.read_csv(tmp_path / "out.csv").iloc[0, 0]))
    assert said["columns"] == ["'a'"]
    assert set(said["kwargs"]) == {"binary_data", "mimetype", "sparse_colnames", "target_type"}


def test_a_failing_hook_fails_the_command(score_alone: Score, tmp_path: Path) -> None:
    """L-24."""
    done = score_alone(STEERED, "case\nvalue-error\n", "--output", "out.csv")

    assert done.returncode == 1
    assert "boom" in done.stderr
    assert re.search(r"\(custom\.py line \d+: ValueError\)", done.stderr)
    assert not (tmp_path / "out.csv").exists()


def test_a_directory_that_does_not_exist_cannot_be_written_to(score: Score) -> None:
    assert score(REG, "a\n1\n", "--output", "no/such/folder/out.csv").returncode == 1
