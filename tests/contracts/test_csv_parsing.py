"""CSV text as a hook sees it: columns, dtypes, values (rows C-01 to C-34)."""

import json
import re
from typing import Any

import pandas as pd
import pytest

from tests.support.serving import Server

TEXT = str(pd.Series(["x"]).dtype)
"""The dtype of a text column under the installed pandas: str, or object below version 3."""

MISSING = "nan"


def seen(server: Server, body: bytes | str) -> Any:
    reply = server.post("/predict/", body, "text/csv")
    assert reply.status == 200, reply.text
    return json.loads(reply.json()["predictions"][0])


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        pytest.param(b"\xef\xbb\xbfa\n1\n", ["a"], id="C-01-byte-order-mark"),
        pytest.param("a,b\n", ["a", "b"], id="C-05-header-only"),
        pytest.param(" a ,b\n x ,1\n", [" a ", "b"], id="C-21-blanks"),
        pytest.param("a,a,a\n1,2,3\n", ["a", "a.1", "a.2"], id="C-22-duplicates"),
        pytest.param("a,a.1,a\n1,2,3\n", ["a", "a.1", "a.2"], id="C-22-taken"),
        pytest.param("a,,c\n1,2,3\n", ["a", "Unnamed: 1", "c"], id="C-23-empty"),
        pytest.param("1,2.5\n3,4\n", ["1", "2.5"], id="C-24-numbers"),
        pytest.param('"a,1",b\n"x\ny",2\n', ["a,1", "b"], id="C-25-quoted"),
        pytest.param("a;b\n1;2\n", ["a;b"], id="C-26-semicolon"),
        pytest.param("#x\n1\n", ["#x"], id="C-31-hash"),
        pytest.param("😀,é\n1,2\n", ["😀", "é"], id="C-34-unicode"),
    ],
)
def test_column_names(echo: Server, body: bytes | str, columns: list[str]) -> None:
    assert seen(echo, body)["columns"] == list(map(repr, columns))


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        pytest.param("a,b\n", [], id="C-05-header-only"),
        pytest.param("a,b\r\n1,2\r\n", [["1", "2"]], id="C-06-crlf"),
        pytest.param("a,b\r1,2\r", [["1", "2"]], id="C-06-cr"),
        pytest.param("a,b\n1,2", [["1", "2"]], id="C-06-no-final-newline"),
        pytest.param("a,b\n1,2\n\n3,4\n", [["1", "2"], ["3", "4"]], id="C-07"),
        pytest.param("a\n1\n\n3\n", [["1.0"], [MISSING], ["3.0"]], id="C-08"),
        pytest.param("a\n1\n\n3\n\n", [["1.0"], [MISSING], ["3.0"], [MISSING]], id="C-09"),
        pytest.param("a,b\nTrue,1\n,2\n", [["True", "1"], [MISSING, "2"]], id="C-11"),
        pytest.param("a\nyes\nno\n", [["'yes'"], ["'no'"]], id="C-12"),
        pytest.param("a\nna\n-\n", [["'na'"], ["'-'"]], id="C-14"),
        pytest.param("a,b\n1,2\n,3\n", [["1.0", "2"], [MISSING, "3"]], id="C-15"),
        pytest.param("a\n9223372036854775808\n", [["9223372036854775808"]], id="C-16"),
        pytest.param("a\n18446744073709551616\n", [["18446744073709551616"]], id="C-17"),
        pytest.param("a\n007\n", [["7"]], id="C-18-zeros"),
        pytest.param(
            'a\n0x1f\n1_000\n"1,000"\n', [["'0x1f'"], ["'1_000'"], ["'1,000'"]], id="C-18"
        ),
        pytest.param("a\n1e400\n", [["inf"]], id="C-19-overflow"),
        pytest.param("a\ninf\n-Inf\n", [["inf"], ["-inf"]], id="C-19-inf"),
        pytest.param("a\n0.30000000000000004\n", [["0.30000000000000004"]], id="C-20"),
        pytest.param(" a ,b\n x ,1\n", [["' x '", "1"]], id="C-21"),
        pytest.param('"a,1",b\n"x\ny",2\n', [["'x\\ny'", "2"]], id="C-25"),
        pytest.param("a\n2024-01-31\n", [["'2024-01-31'"]], id="C-32"),
        pytest.param("a\n😀é\n", [["'😀é'"]], id="C-34"),
    ],
)
def test_cells(echo: Server, body: str, rows: list[list[str]]) -> None:
    assert seen(echo, body)["rows"] == rows


@pytest.mark.parametrize(
    ("body", "dtypes"),
    [
        pytest.param("a\nTrue\nfalse\n", ["bool"], id="C-10"),
        pytest.param("a,b\nTrue,1\n,2\n", ["object", "int64"], id="C-11"),
        pytest.param("a\nyes\nno\n", [TEXT], id="C-12"),
        pytest.param("a\nTrue\n1\n", [TEXT], id="C-12-mixed"),
        pytest.param("a,b\n1,2\n,3\n", ["float64", "int64"], id="C-15"),
        pytest.param("a\n9223372036854775808\n", ["uint64"], id="C-16"),
        pytest.param("a\n18446744073709551616\n", ["object"], id="C-17"),
        pytest.param("a\n007\n", ["int64"], id="C-18"),
        pytest.param('a\n 1\n"1"\n+1\n', ["int64"], id="C-18-signs"),
        pytest.param("a\n2024-01-31\n", [TEXT], id="C-32"),
        pytest.param("a,b\n", ["object", "object"], id="C-05"),
    ],
)
def test_dtypes(echo: Server, body: str, dtypes: list[str]) -> None:
    assert seen(echo, body)["dtypes"] == dtypes


@pytest.mark.parametrize("token", ["NA", "null", "None", "N/A", "nan", "", '"NA"', "<NA>", "#N/A"])
def test_missing_values_of_a_text_column(echo: Server, token: str) -> None:
    """C-13."""
    said = seen(echo, f"a,b\nx,1\n{token},2\n")

    assert said["rows"] == [["'x'", "1"], [MISSING, "2"]]


def test_the_index_counts_rows(echo: Server) -> None:
    """C-33."""
    assert seen(echo, "a\n5\n6\n")["index"] == "RangeIndex(start=0, stop=2, step=1)"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"a\n\xe9\n", id="C-02-latin-1"),
        pytest.param("a\n1\n".encode("utf-16"), id="C-03-utf-16"),
        pytest.param(b"\n", id="C-04-newline"),
        pytest.param(b"  ", id="C-04-blanks"),
        pytest.param(b'a,b\n"4711,2\n', id="C-30-open-quote"),
    ],
)
def test_bytes_that_are_not_csv_are_refused(echo: Server, body: bytes) -> None:
    reply = echo.post("/predict/", body, "text/csv")

    assert reply.status == 422
    assert reply.message.startswith("ERROR: ")
    assert "4711" not in reply.text


@pytest.mark.parametrize(
    ("body", "row"),
    [
        pytest.param("a,b\n4711,2,3\n", 1, id="C-27-first-row-longer"),
        pytest.param("a,b\n4711,2,\n", 1, id="C-27-trailing-comma"),
        pytest.param("a,b\n1,2\n3,4711,5\n", 2, id="C-28-later-row-longer"),
        pytest.param("a,b\n4711\n", 1, id="C-29-shorter"),
        pytest.param("a,b,c\n1,2,3\n\n4,5,6\n4711,8\n", 3, id="C-29-after-a-blank-line"),
        pytest.param('a,b\n"x\ny",1\n4711\n', 2, id="C-29-after-a-quoted-newline"),
        pytest.param("a\n1\n2,4711\n", 2, id="C-28-one-column"),
    ],
)
def test_a_row_of_another_length_is_named(echo: Server, body: str, row: int) -> None:
    """Difference D1: rows count from 1, without the header."""
    reply = echo.csv(body)

    assert reply.status == 422
    assert re.search(rf"\brow {row}\b", reply.message)
    assert "4711" not in reply.text
