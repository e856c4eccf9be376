"""CSV without a header: what pandas.read_csv reads with header=None, and as beside a header."""

from collections.abc import Callable
from io import StringIO

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drum_like.codecs.csv import codec as csv
from drum_like.errors import CharsetError, ColumnsError, PayloadError, SizeError
from drum_like.types.columns_frame import named_by_position
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits, Payload

CELLS = ("1", "2.5", "-3e5", "", "NA", "x", '"a,b"', '"say ""x"""', '"l\nf"', "9007199254740993")
WIDTHS = (1, 2, 7)

tables = st.sampled_from(WIDTHS).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from(CELLS), min_size=width, max_size=width), min_size=1, max_size=6
    )
)


def never(_: object) -> bool:
    return False


def rows_of(body: bytes, charset: str | None = None) -> Frame:
    return csv.decode_rows(Payload(body, charset=charset), never)


def in_blocks(body: bytes) -> Frame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "MODERATE", -1)
        return rows_of(body)


@given(tables, st.sampled_from((rows_of, in_blocks)))
def test_rows_are_those_that_pandas_reads(
    table: list[list[str]], read: Callable[[bytes], Frame]
) -> None:
    # A blank line at the end is no row, and pandas reads none that begins with one.
    table[-1][0] = table[0][0] = "1"
    text = "\n".join(map(",".join, table)) + "\n"
    expected = pd.read_csv(
        StringIO(text), header=None, low_memory=False, skip_blank_lines=len(table[0]) > 1
    )

    found = read(text.encode())

    assert (found.n_rows, found.n_columns, found.columns) == (*expected.shape, None)
    pd.testing.assert_frame_equal(found.pandas, expected)


@given(tables)
def test_names_may_be_given_afterwards(table: list[list[str]]) -> None:
    table[-1][0] = "1"
    body = "\n".join(map(",".join, table)).encode()
    names = tuple(f"c{at}" for at in range(len(table[0])))
    expected = csv.decode(Payload(",".join(names).encode() + b"\n" + body))

    found = named_by_position(rows_of(body), names)

    assert found.columns == expected.columns
    pd.testing.assert_frame_equal(found.pandas, expected.pandas)
    for at in range(len(names)):
        assert found.cells(at) == expected.cells(at)
        assert numbers(found, names[at]) == numbers(expected, names[at])


def numbers(frame: Frame, name: str) -> str:
    """Return a column as numbers, or the refusal of it."""
    try:
        return str(frame.matrix((name,)).tolist())
    except ColumnsError as error:
        return str(error)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"\xef\xbb\xbf1,2\r\n3,4\r\n\r\n\n", [[1, 2], [3, 4]]),
        (b"\n\n1,2", [[1, 2]]),
        (b"1\n\n3\n\n", [[1.0], [None], [3.0]]),
    ],
)
def test_blank_lines_at_the_end_are_no_rows(body: bytes, expected: list[list[float]]) -> None:
    found = rows_of(body).pandas

    assert found.astype(object).where(found.notna(), None).to_numpy().tolist() == expected


def test_a_header_is_asked_about() -> None:
    asked = []

    def is_header(fields: object) -> bool:
        asked.append(fields)
        return True

    found = csv.decode_rows(Payload(b'a,"b,c"\n1,2\n\n'), is_header)

    assert asked == [["a", "b,c"]]
    assert (found.columns, found.n_rows) == (("a", "b,c"), 1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty"),
        (b"\n \n\n", "empty"),
        (b"1,2\n3\n", "row 2 has 1 field, but the first row has 2"),
        (b'1,"2\n3', "row 2 opens a quote|opens a quote"),
        ("é,1".encode("latin-1"), "UTF-8"),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, message: str) -> None:
    for read in (rows_of, in_blocks):
        with pytest.raises(PayloadError, match=message):
            read(body).pandas.size  # noqa: B018 - rows are looked at when they are asked for


def test_charsets_and_limits_hold() -> None:
    assert rows_of("é,1".encode("latin-1"), "latin-1").cells(0) == ["é"]
    with pytest.raises(CharsetError):
        rows_of(b"1", "klingon")
    with pytest.raises(SizeError):
        csv.decode_rows(Payload(b"1,2,3", limits=Limits(columns=2)), never)
    with pytest.raises(SizeError):
        csv.decode_rows(Payload(b"1\n2\n3\n", limits=Limits(rows=2)), never)


def test_another_number_of_names_is_refused() -> None:
    with pytest.raises(ColumnsError, match="takes 3 columns by position, but the payload has 2"):
        named_by_position(rows_of(b"1,2"), ("a", "b", "c"))
