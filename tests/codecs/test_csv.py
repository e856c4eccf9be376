"""CSV bodies: what is read, what is refused, and how it is said."""

import time
import tracemalloc
from collections.abc import Hashable
from io import BytesIO, StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drum_like.codecs.csv import codec as csv
from drum_like.codecs.csv import readers
from drum_like.codecs.like_pandas import certain_column, precision, unique
from drum_like.errors import CharsetError, ColumnsError, DrumLikeError, PayloadError, SizeError
from drum_like.system.lazy import pd as lazy
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits, Payload

MEGABYTE = 1 << 20


def frame_of(body: bytes, charset: str | None = None) -> Frame:
    return csv.decode(Payload(body, charset=charset))


def read(body: bytes, charset: str | None = None) -> dict[Hashable, list[object]]:
    """Return the columns of a body, missing cells as None."""
    data = frame_of(body, charset).pandas
    return data.astype(object).where(data.notna(), None).to_dict("list")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"\xef\xbb\xbfa\n1\n", {"a": [1]}, id="byte-order-mark"),
        pytest.param(b"a,b\r\n1,2\r\n", {"a": [1], "b": [2]}, id="CRLF"),
        pytest.param(b"a,b\r1,2\r", {"a": [1], "b": [2]}, id="CR"),
        pytest.param(b"a,b\n1,2", {"a": [1], "b": [2]}, id="no-final-line-end"),
        pytest.param(b"a,b\n1,2\n\n3,4\n", {"a": [1, 3], "b": [2, 4]}, id="blank-line"),
        pytest.param(b"a,b\n1,2\n \t\n3,4\n", {"a": [1, 3], "b": [2, 4]}, id="line-of-blanks"),
        pytest.param(b"a\n1\n\n3\n", {"a": [1, None, 3]}, id="blank-line-of-one-column"),
        pytest.param(b"a\n1\n\n3\n\n", {"a": [1, None, 3, None]}, id="last-line-of-one-column"),
        pytest.param(b"\na\n1\n", {"a": [1]}, id="blank-before-header-of-one-column"),
        pytest.param(b" \n\na,b\n1,2\n", {"a": [1], "b": [2]}, id="blank-before-header"),
        pytest.param(b"a\nTrue\nfalse\n", {"a": [True, False]}, id="booleans"),
        pytest.param(b"a,b\nTrue,1\n,2\n", {"a": [True, None], "b": [1, 2]}, id="boolean-missing"),
        pytest.param(b"a\nyes\nno\n", {"a": ["yes", "no"]}, id="words"),
        pytest.param(b"a\nx\nNA\nna\n-\n", {"a": ["x", None, "na", "-"]}, id="tokens"),
        pytest.param(b"a\n18446744073709551616\n", {"a": [2**64]}, id="beyond-uint64"),
        pytest.param(b"a\n0.30000000000000004\n", {"a": [0.30000000000000004]}, id="exact"),
        pytest.param(b"a\n1_0\n", {"a": ["1_0"]}, id="underscore-is-text"),
        pytest.param(b" a ,b\n x ,1\n", {" a ": [" x "], "b": [1]}, id="blanks-kept"),
        pytest.param(b"a,a,a\n1,2,3\n", {"a": [1], "a.1": [2], "a.2": [3]}, id="equal-names"),
        pytest.param(b"a,,c\n1,2,3\n", {"a": [1], "Unnamed: 1": [2], "c": [3]}, id="no-name"),
        pytest.param(b"1,2.5\n3,4\n", {"1": [3], "2.5": [4]}, id="numbers-as-names"),
        pytest.param(b'"a,1",b\n"x\ny",2\n', {"a,1": ["x\ny"], "b": [2]}, id="quotes"),
        pytest.param(b'a,b\n"x""y"z,2\n', {"a": ['x"yz'], "b": [2]}, id="text-after-a-quote"),
        pytest.param(b'a,b\nx"y,2\n', {"a": ['x"y'], "b": [2]}, id="quote-inside"),
        pytest.param(b"a;b\n1;2\n", {"a;b": ["1;2"]}, id="semicolons"),
        pytest.param(b"#x\n1\n", {"#x": [1]}, id="no-comments"),
        pytest.param("é,b\n😀,1\n".encode(), {"é": ["😀"], "b": [1]}, id="unicode"),
        pytest.param(b"a,b\n1\x00,2\n", {"a": ["1\x00"], "b": [2]}, id="NUL"),
        pytest.param(
            "a,b\nx\u2028y\u0085,1\n".encode(), {"a": ["x\u2028y\u0085"], "b": [1]}, id="U+2028"
        ),
        pytest.param(b"c,d\r,1\r\r,1\r", {"c": [None, None], "d": [1, 1]}, id="blank-CR-line"),
    ],
)
def test_body_is_read_as_pandas_reads_it(body: bytes, expected: dict[str, list[object]]) -> None:
    assert read(body) == expected


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        pytest.param(b"1,2,3\n", 1, id="first-row-longer"),
        pytest.param(b"1,2,\n1,2,\n", 1, id="comma-at-every-end"),
        pytest.param(b"1,2\n3,4,5\n", 2, id="later-row-longer"),
        pytest.param(b"1,2\n\n3\n", 2, id="row-shorter-behind-a-blank-line"),
        pytest.param(b'1,2\n"x,y",2\n"3",4,5\n', 3, id="quoted"),
        pytest.param(b'1,2\nx"y",2\n3,4,5\n', 3, id="odd-quotes"),
        pytest.param(b'1,2\n3,"4\n5,6\n', 2, id="quote-never-closed"),
        pytest.param(b"1,2\r\n3\r\n", 2, id="CRLF"),
        pytest.param(b"1,2\r3\r", 2, id="CR"),
    ],
)
def test_row_of_another_width_is_named(rows: bytes, row: int) -> None:
    """D1: pandas shifts, pads or echoes such rows."""
    body = b"name,b\n" + rows

    with pytest.raises(PayloadError, match=rf"^row {row} ") as refused:
        _ = frame_of(body).pandas

    assert "name" not in str(refused.value)


@pytest.mark.parametrize(
    "broken", [b"1,2,3\n", b"1\n", b'"1,2\n'], ids=["longer", "shorter", "quote"]
)
@pytest.mark.parametrize("quoted", [b"1,2\n", b'"1",2\n'], ids=["plain", "quoted"])
def test_row_of_another_width_is_named_in_large_bodies(quoted: bytes, broken: bytes) -> None:
    good = quoted * 20_000
    body = b"a,b\n" + good + broken

    frame = frame_of(body)

    with pytest.raises(PayloadError, match=r"^row 20001 "):
        frame.matrix()


@pytest.mark.parametrize("body", [b"", b"\n", b" ", b" \n\t\n", b"\r\r", b"\xef\xbb\xbf"])
def test_empty_body_has_no_columns(body: bytes) -> None:
    with pytest.raises(PayloadError, match="No columns to parse from file"):
        frame_of(body)


@pytest.mark.parametrize("body", [b"a,b\n", b"a,b", b"a,b\r\n\r\n", b"a\n"])
def test_header_alone_has_no_rows(body: bytes) -> None:
    frame = frame_of(body)

    assert frame.n_rows == 0
    assert frame.matrix().shape == (0, frame.n_columns)
    assert len(frame.pandas) == 0


@pytest.mark.parametrize(
    "body", [b"a\n\xe9\n", "a\n1\n".encode("utf-16"), b"\x1f\x8b\x08", b"\xed\xa0\x80"]
)
def test_body_that_is_not_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match=r"encoding must be UTF-8\. .*offset \d+ \(line \d+\)"):
        frame_of(body)


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        *(("utf-8", "utf-8"), ("UTF8", "utf-8"), ("utf-16", "utf-16"), ("latin1", "latin-1")),
        *(("ISO-8859-1", "latin-1"), ("windows-1252", "cp1252"), ("CP1252", "cp1252")),
    ],
)
def test_charset_is_honoured(charset: str, codec: str) -> None:
    """D11: DRUM reads UTF-8 whatever the Content-Type says."""
    body = "é,b\nü,1\n".encode(codec)

    assert read(body, charset) == {"é": ["ü"], "b": [1]}


@pytest.mark.parametrize("charset", ["punycode", "utf-7", "hex", "unicode_escape", "nope"])
def test_charset_that_is_not_on_the_list_is_refused(charset: str) -> None:
    with pytest.raises(CharsetError):
        frame_of(b"a\n1\n", charset)


def test_bytes_that_are_not_of_the_charset_are_refused() -> None:
    with pytest.raises(PayloadError, match="offset 4"):
        frame_of(b"a,b\n\xe9,1\n", "us-ascii")


def test_too_many_equal_names_are_refused_at_once() -> None:
    """It takes pandas 15 seconds to tell 40,000 equal names apart."""
    body = b",".join([b"a"] * 40_000) + b"\n"
    started = time.process_time()

    with pytest.raises(SizeError, match="40000 columns, the limit is 10000"):
        frame_of(body)

    assert time.process_time() - started < 0.05


def test_equal_names_are_told_apart_in_linear_time() -> None:
    names = ["a"] * 20_000 + ["a.1"] * 20_000
    started = time.process_time()

    found = unique(names)

    assert len(set(found)) == len(names)
    assert time.process_time() - started < 2


def test_quoted_names_count_against_the_limit() -> None:
    body = b",".join([b'"a\n"'] * 5) + b"\n"

    with pytest.raises(SizeError, match="the limit is 4"):
        csv.decode(Payload(body, limits=Limits(columns=4)))


@pytest.mark.parametrize("body", ["a\n" + "1\n" * 6, "a,b\n" + '"1\n",2\n' * 6, "a" + "\n" * 7])
def test_too_many_rows_are_refused(body: str) -> None:
    with pytest.raises(SizeError, match="6 rows, the limit is 5"):
        csv.decode(Payload(body.encode(), limits=Limits(rows=5)))


def test_line_breaks_in_cells_are_no_rows() -> None:
    body = 'a,b\n"' + "\n" * 20 + '",2\n'

    assert csv.decode(Payload(body.encode(), limits=Limits(rows=5))).n_rows == 1


@pytest.mark.parametrize("names", [["a", "a.1", "a"], ["a", "a", "a.1"], ["", "Unnamed: 0", ""]])
def test_names_are_those_of_pandas(names: list[str]) -> None:
    expected = pd.read_csv(BytesIO(",".join(names).encode() + b"\n"))

    assert unique(names) == tuple(expected.columns)


@pytest.mark.parametrize("n_rows", [1, 100, 5_000], ids=["few", "some", "many"])
def test_numbers_need_no_dataframe(n_rows: int) -> None:
    expected = np.random.default_rng(1).normal(size=(n_rows, 20))
    lines = [",".join(map(repr, row)) for row in expected.tolist()]
    body = "\n".join([",".join(f"c{at}" for at in range(20)), *lines]).encode()
    frame = frame_of(body)

    found = frame.matrix()

    assert np.array_equal(found, expected)
    assert "pandas" not in frame.__dict__


@pytest.mark.parametrize("copies", [1, 20_000], ids=["few", "many"])
def test_text_in_a_column_that_is_not_asked_for_is_no_matter(copies: int) -> None:
    body = b"id,a,b\n" + b"x,1,NA\n" * copies
    frame = frame_of(body)

    found = frame.matrix(["b", "a"])

    assert np.isnan(found[:, 0]).all()
    assert (found[:, 1] == 1).all()
    assert "pandas" not in frame.__dict__


def test_text_in_a_wanted_column_is_refused_without_its_value() -> None:
    frame = frame_of(b"a,b\n1,2\n3,secret\n")

    with pytest.raises(ColumnsError, match="'b' holds text in row") as refused:
        frame.matrix(["b"])

    assert "secret" not in str(refused.value)


def test_hook_may_change_its_frame() -> None:
    body = b"a,b\n1,2\n"

    data = frame_of(body).pandas
    data.loc[0, "a"] = 7

    assert body == b"a,b\n1,2\n"
    assert frame_of(body).pandas.loc[0, "a"] == 1


def test_a_million_blank_lines_cost_little() -> None:
    body = b"a,b\n1,2\n" + b"\n" * 1_000_000 + b'"3",4\n'
    started = time.process_time()

    frame = frame_of(body)

    assert frame.n_rows == 2
    assert time.process_time() - started < 0.5


def test_field_larger_than_a_chunk_is_read() -> None:
    text = "x,\n" * MEGABYTE
    body = f'a,b\n"{text}",1\n2,3\n'.encode()

    frame = frame_of(body)

    assert frame.n_rows == 2
    assert frame.pandas["a"][0] == text


def test_blocks_carry_the_header_and_cut_between_records() -> None:
    body = b'a,b\n1,"x\ny"\n2,"z"\n3,w\n'

    blocks = list(csv.blocks(BytesIO(body), Payload(b"", "text/csv"), 9))

    assert all(block.body.startswith(b"a,b\n") for block in blocks)
    assert len(blocks) > 1
    rows = pd.concat([csv.decode(block).pandas for block in blocks])
    assert rows["b"].tolist() == ["x\ny", "z", "w"]


@given(st.lists(st.integers(0, 10**12), max_size=60), st.integers(1, 200))
def test_blocks_hold_the_rows_of_the_stream_and_no_more_than_asked_for(
    numbers: list[int], size: int
) -> None:
    rows = b"".join(b"%d,2\n" % number for number in numbers)

    found = [block.body for block in csv.blocks(BytesIO(b"a,b\n" + rows), Payload(b""), size)]

    assert all(body.startswith(b"a,b\n") for body in found)
    assert b"".join(body[4:] for body in found) == rows
    assert max(map(len, found)) <= 4 + max(size, 2 * len(b"1000000000000,2\n"))


def test_blocks_of_a_header_alone_are_one() -> None:
    blocks = list(csv.blocks(BytesIO(b"a,b\n"), Payload(b""), 2))

    assert [block.body for block in blocks] == [b"a,b\n"]


def test_blocks_take_memory_for_a_few_of_them_only() -> None:
    stream = BytesIO(b"a,b\n" + b"1,2\n" * (4 * MEGABYTE))
    tracemalloc.start()

    n_rows = sum(csv.decode(block).n_rows for block in csv.blocks(stream, Payload(b""), 1 << 18))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert n_rows == 4 * MEGABYTE
    assert peak < 8 * MEGABYTE


def test_record_that_never_ends_is_refused_before_memory_is_taken() -> None:
    stream = BytesIO(b'a,b\n"' + b"x" * MEGABYTE)

    with pytest.raises(SizeError, match="never closed"):
        list(csv.blocks(stream, Payload(b""), 1 << 10))


def test_random_bytes_are_read_or_refused() -> None:
    random = np.random.default_rng(3)
    for _ in range(300):
        body = random.integers(0, 256, 60, dtype=np.uint8).tobytes()
        try:
            frame = frame_of(body, "latin-1")
            assert frame.pandas.shape == (frame.n_rows, frame.n_columns)
        except DrumLikeError as error:
            assert body.decode("latin-1") not in str(error)  # noqa: PT017 - both ways are right


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["without-line-end", "with-line-end"])
@pytest.mark.parametrize("width", [1, 400])
def test_a_single_row_is_read_without_arrow(
    monkeypatch: pytest.MonkeyPatch, width: int, end: bytes
) -> None:
    monkeypatch.delattr(readers, "many_rows")
    row = b",".join([b"1.5"] * width)

    found = csv.decode(Payload(row.replace(b"1.5", b"a") + b"\n" + row + end)).matrix()

    assert found.tolist() == [[1.5] * width]


FEW_CELLS = (
    *("1", "-2", "+4", "007", "3.5", "-0", "-0.0", ".5", "1.", "1e5", "1E-3", "1e400", "1e18"),
    *("999999999999999999", "12345678901234567890", "18446744073709551616", "1" * 30),
    *("", "NA", "N/A", "<NA>", "nan", "-nan", "+nan", "None"),
    *("inf", "-inf", "INF", "Infinity", "True", "false", "TRUE", "t", "a", "north", "x y", " z"),
    *("1 2", " 5", "5 ", "0x1F", "1_000", "..", "-", "+", "e", "E5", "1e", "1d5", "--1", "1.5.2"),
    *("2020-01-01", "\u00e9", "\u65e5\u672c", "\u0663", "\u200b"),
)


@pytest.mark.parametrize("cell", FEW_CELLS)
def test_a_certain_column_is_the_one_that_pandas_reads(cell: str) -> None:
    """Of one cell, and of two: beside each other cell, whose columns stand side by side."""
    for rows in ([[cell]], [[cell] * len(FEW_CELLS), FEW_CELLS]):
        names = list(map(str, range(len(rows[0]))))
        text = "".join(f"{','.join(row)},1\n" for row in ([*names], *rows))
        wanted = pd.read_csv(StringIO(text), float_precision=precision(), low_memory=False)

        for name, cells in zip(names, zip(*rows, strict=True), strict=True):
            found = certain_column(cells)
            if found is not None:
                expected = wanted[name]
                pd.testing.assert_series_equal(pd.Series(found, name=name), expected)
                if expected.dtype.kind == "f":
                    assert np.signbit(found).tolist() == np.signbit(expected).tolist()


def test_a_usual_row_needs_no_parser_of_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"a,b,c,d\n1,2.5e-3,north,\n"
    wanted = pd.read_csv(BytesIO(body))

    monkeypatch.setattr(lazy, "read_csv", None)

    pd.testing.assert_frame_equal(frame_of(body).pandas, wanted)
