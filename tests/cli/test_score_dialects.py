"""`score`: CSV of other dialects, and columns of the input beside the predictions."""

import pickle
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tests.cli.conftest import Score
from tests.support.models import REG, TEXT, Model, hooks
from tests.support.more_models import TRANSFORM, UNSTRUCTURED

SUM = Model(
    {
        "model.pkl": pickle.dumps(
            LinearRegression(fit_intercept=False).fit(
                pd.DataFrame(np.eye(2), columns=["a", "größe"]), [1.0, 1.0]
            )
        )
    },
    REG.flags,
)

EXTRA = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": data["a"], "x": "q"})
"""),
    REG.flags,
)


def written(folder: Path) -> str:
    return (folder / "out.csv").read_text(encoding="utf-8")


def scored(
    score: Score, folder: Path, model: Model, rows: bytes, flags: Sequence[str]
) -> tuple[int, str]:
    (folder / "rows.csv").write_bytes(rows)
    done = score(model, "", "--input", str(folder / "rows.csv"), "--output", "out.csv", *flags)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("text", "encoding", "flags"),
    [
        pytest.param("a;größe\n1,5;2\n1;,25\n", "utf-8", ["--delimiter", ";", "--decimal", ","]),
        pytest.param("a\tgröße\n1.5\t2\n1\t.25\n", "utf-8", ["--delimiter", "tab"]),
        pytest.param("a,größe\n1.5,2\n1,.25\n", "utf-16", ["--encoding", "utf-16"]),
        pytest.param('a,größe\n"1.5",2\n1,.25\n', "latin-1", ["--encoding", "ISO-8859-1"]),
        pytest.param(
            'größe;a\n2;"1,5"\n,25;1\n',
            "cp1252",
            ["--delimiter=;", "--decimal=,", "--encoding=windows-1252"],
        ),
    ],
)
def test_csv_of_another_dialect(
    score: Score, tmp_path: Path, text: str, encoding: str, flags: list[str]
) -> None:
    code, said = scored(score, tmp_path, SUM, text.encode(encoding), flags)

    assert code == 0, said
    assert [float(line) for line in written(tmp_path).split()[1:]] == [3.5, 1.25]


def test_text_keeps_its_commas(score: Score, tmp_path: Path) -> None:
    """Of `out` nobody says that it is text; a number with a comma becomes one with a point."""
    flags = ["--delimiter", "|", "--decimal", ","]

    code, said = scored(score, tmp_path, TEXT, b"out\na,b\nc; d\n", flags)

    assert code == 0, said
    assert pd.read_csv(tmp_path / "out.csv").iloc[:, 0].tolist() == ["a,b", "c; d"]


def test_a_point_among_decimal_commas_is_no_decimal_mark(score: Score, tmp_path: Path) -> None:
    """1.500 is 1500 to those who write decimal commas; pandas reads it as text."""
    rows = "a;größe\n0,5;2\n1.500;2\n"
    assert pd.read_csv(StringIO(rows), sep=";", decimal=",")["a"].tolist() == ["0,5", "1.500"]

    code, said = scored(score, tmp_path, SUM, rows.encode(), ["--delimiter=;", "--decimal=,"])

    assert code == 1
    assert "row 2 has a number with a point in column 'a'" in said


@pytest.mark.parametrize(
    ("rows", "flags", "reason"),
    [
        (b"a\n1\n", ["--decimal", ","], "--decimal: ',' separates the fields, too"),
        (b"a\n\xff\n", ["--delimiter", ";"], "the file is not utf-8; name its --encoding"),
        (b'a\n"1\n', ["--delimiter", ";"], "the file is not CSV of that --delimiter"),
        (b"a;b\n1;2;3\n", ["--delimiter", ";"], "row 1 has 3 fields, but the header has 2"),
    ],
)
def test_what_is_not_of_the_dialect(
    score: Score, tmp_path: Path, rows: bytes, flags: list[str], reason: str
) -> None:
    code, said = scored(score, tmp_path, SUM, rows, flags)

    assert code == 1
    assert reason in said


@pytest.mark.parametrize(
    "flags",
    [["--delimiter", ";;"], ["--delimiter", '"'], ["--decimal", "x"], ["--encoding", "ebcdic"]],
)
def test_words_that_are_no_dialect(score: Score, tmp_path: Path, flags: list[str]) -> None:
    assert scored(score, tmp_path, SUM, b"a\n1\n", flags)[0] == 2


@pytest.mark.parametrize("n_rows", [3, 200_000])
def test_ids_stand_beside_the_predictions(score: Score, tmp_path: Path, n_rows: int) -> None:
    """As they were sent; a large file goes through in blocks."""
    rows = "".join(f'{at:07},"x, ""{at}""",{at},1\n' for at in range(n_rows))
    flags = ["--passthrough", "id,name"]

    code, said = scored(score, tmp_path, SUM, f"id,name,a,größe\n{rows}".encode(), flags)

    assert code == 0, said
    found = pd.read_csv(tmp_path / "out.csv", dtype={"id": str})
    assert list(found.columns) == ["Predictions", "id", "name"]
    assert found["id"].tolist() == [f"{at:07}" for at in range(n_rows)]
    assert found["name"].iloc[-1] == f'x, "{n_rows - 1}"'
    assert np.allclose(found["Predictions"], np.arange(n_rows) + 1.0)


def test_ids_come_after_extra_columns(score: Score, tmp_path: Path) -> None:
    code, said = scored(score, tmp_path, EXTRA, b"id,a\n007,1\n,2\n", ["--passthrough", "id"])

    assert code == 0, said
    assert written(tmp_path) == "Predictions,x,id\n1,q,007\n2,q,\n"


@pytest.mark.parametrize(
    ("model", "names", "reason"),
    [
        (SUM, "id", "the input has no column 'id'; its columns are 'a', 'größe', 'Predictions'"),
        (SUM, "Predictions", "the predictions have a column 'Predictions', too"),
        (TRANSFORM, "a", "a transform model answers its rows itself"),
        (UNSTRUCTURED, "a", "are about rows of CSV"),
    ],
)
def test_columns_that_do_not_pass(
    score: Score, tmp_path: Path, model: Model, names: str, reason: str
) -> None:
    rows = "a,größe,Predictions\n1,2,3\n".encode()

    code, said = scored(score, tmp_path, model, rows, ["--passthrough", names])

    assert code == 1
    assert reason in said
