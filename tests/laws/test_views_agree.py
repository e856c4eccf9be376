"""The matrix of a frame is each of its cells as a number, whichever way it came about.

Where pandas makes numbers of a whole column, they are the same numbers.

A few hundred examples a law; DRUM_LIKE_EXAMPLES=20000 in the environment looks further.
"""

import csv as standard_csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO, StringIO
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from pandas.testing import assert_frame_equal
from pyarrow import ipc
from pyarrow.parquet import write_table

from drum_like.codecs import arrow, mtx, npy, parquet
from drum_like.codecs.csv import arrow_reader, readers
from drum_like.codecs.csv import blocks as csv_blocks
from drum_like.codecs.csv import codec as csv
from drum_like.codecs.json.frame import JsonFrame
from drum_like.codecs.like_pandas import precision
from drum_like.errors import DrumLikeError, PayloadError
from drum_like.types.frame import Frame
from drum_like.types.numbers import matrix_of
from drum_like.types.payload import Payload
from drum_like.types.readers import numbers

LAW = settings(
    max_examples=int(os.environ.get("DRUM_LIKE_EXAMPLES", "200")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

Outcome = NDArray[np.uint64] | type[DrumLikeError]


def bits(matrix: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return float64 numbers as their bits; one NaN is as good as another."""
    return np.where(np.isnan(matrix), np.nan, matrix).view(np.uint64)


def outcome(view: Callable[[], NDArray[np.float64]]) -> Outcome:
    """Return the bits of a matrix, or the class of the error that came instead."""
    try:
        return bits(view())
    except DrumLikeError as error:
        return type(error)


def same(left: Outcome, right: Outcome) -> bool:
    if isinstance(left, type) or isinstance(right, type):
        return left is right
    return left.shape == right.shape and bool((left == right).all())


def assert_views_agree(decode: Callable[[], Frame]) -> None:
    fast = outcome(lambda: decode().matrix())
    meaning = outcome(lambda: cell_by_cell(decode()))
    assert same(fast, meaning), (fast, meaning)
    by_pandas = outcome(lambda: numbers_of_pandas(decode().pandas))
    if not isinstance(by_pandas, type):
        assert same(fast, by_pandas), (fast, by_pandas)


def numbers_of_pandas(data: pd.DataFrame) -> NDArray[np.float64]:
    """Return columns as numbers if they are such to pandas, not objects that may be."""
    if not all(pd.api.types.is_numeric_dtype(dtype) for dtype in data.dtypes):
        raise PayloadError
    return zero_without_sign(data)


def cell_by_cell(frame: Frame) -> NDArray[np.float64]:
    """Return the numbers that the cells are, one by one."""
    names = frame.columns or tuple(map(str, range(frame.n_columns)))
    columns = [numbers(frame.cells(at), name) for at, name in enumerate(names)]
    return np.column_stack(columns).reshape(frame.n_rows, frame.n_columns) + 0.0


def assert_chosen_columns_agree(decode: Callable[[], Frame]) -> None:
    names = decode().columns if not isinstance(outcome(lambda: decode().matrix()), type) else None
    if names is None:
        return
    whole = decode().matrix()
    for chosen in (names[::-1], names[:1], names[-1:] + names[:1]):
        where = [names.index(name) for name in chosen]
        fast = outcome(partial(decode().matrix, chosen))
        assert same(fast, bits(whole[:, where])), (chosen, fast, whole)


def zero_without_sign(data: pd.DataFrame) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # signalling NaNs turn quiet
        return matrix_of(data) + 0.0


NASTY = (
    *("", "0", "1", "-1", "+1", "-0", "-0.0", "1.5", ".5", "1.", "007", "1e5", "1E+05", "1e-400"),
    *(
        "1e400",
        "-1e400",
        " 1",
        "1 ",
        "\t1\t",
        " ",
        "\t",
        "  1.5 ",
        "1 2",
        "- 1",
        "+",
        "-",
        ".",
        "e5",
    ),
    *("1e", "--1", "+-1", "0x1F", "1_000", "1,5", "1;5", "10%", "$5", "1+2j", "١٢", "1"),
    *("\u00a01", "1\u00a0", "\x0b1", "1\x0c", "1\x00", "\x1f1", "1\u2028", "\u0085", "\ufeff1"),
    *("inf", "-inf", "+inf", "Inf", "INF", "infinity", "-Infinity", " inf", "inf ", "infinit"),
    *("nan", "NaN", "-nan", "-NaN", "+nan", " nan", "nan ", "NAN", "nan(1)", "-nan(0x1)"),
    *("NA", "N/A", "n/a", "#N/A", "#NA", "NULL", "null", "None", "<NA>", "1.#IND", "-1.#QNAN"),
    *(" NA", "NA ", "na", "-", "none", "true", "True", "TRUE", "false", "False", "tRuE", "yes"),
    *("9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809"),
    *("18446744073709551615", "18446744073709551616", "999999999999999999", "1000000000000000000"),
    *("0" * 30 + "1", "1" * 400, "0." + "0" * 400 + "1", "0.1" + "0" * 60 + "1", "5e-324"),
    *("2.2250738585072011e-308", "0.30000000000000004", "179769313486231580793e289", "x", "é"),
)

numbers_as_text = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:.25e}"),
)
plain_cells = st.one_of(st.sampled_from(NASTY), numbers_as_text, st.sampled_from(("1", "2.5", "")))
quoted_cells = plain_cells.map(lambda cell: '"' + cell.replace('"', '""') + '"')
odd_cells = st.one_of(
    plain_cells,
    quoted_cells,
    st.sampled_from(
        ('"', '""', '"a,b"', '"a\nb"', '"a\r\nb"', '"a""b"', '"a"b', ' "a"', 'a"b"', '"""')
    ),
    st.text(st.sampled_from('",\n\r ab1'), max_size=4),
)
line_ends = st.sampled_from(("\n", "\n", "\r\n", "\r"))


@st.composite
def csv_bodies(draw: st.DrawFn, cells: st.SearchStrategy[str]) -> bytes:
    """Return CSV of some rows; most as wide as the header, in the line ends of many writers."""
    width = draw(st.integers(1, 4))
    names = draw(
        st.one_of(
            st.just([f"c{at}" for at in range(width)]),
            st.lists(st.sampled_from(("a", "a.1", "", "b")), min_size=width, max_size=width),
        )
    )
    end = draw(line_ends)
    lines = [",".join(names)]
    easy = st.sampled_from(("1", "2.5", "", "-3e2"))
    hard = draw(st.integers(0, width - 1))
    for _ in range(draw(st.integers(0, 5))):
        row = [draw(cells if at == hard else easy) for at in range(width)]
        row += ["9"] * draw(st.sampled_from((0, 0, 0, 0, 0, 0, 0, 1)))
        lines.append(",".join(row))
        lines += draw(st.sampled_from(([], [], [], [], [""], [" "], ["\t "])))
    text = draw(st.sampled_from(("", "", "", "\ufeff", "\n", " \n"))) + end.join(lines)
    return (text + draw(st.sampled_from((end, "", end * 2)))).encode()


def large(body: bytes) -> Frame:
    """Decode as if the body were too large to be read without Arrow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "MODERATE", -1)
        return csv.decode(Payload(body))


def moderate(body: bytes) -> Frame:
    """Decode as if the body were too large to be read line by line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "FEW", -1)
        return csv.decode(Payload(body))


@contextmanager
def blocks_of(size: int) -> Iterator[None]:
    """Let a block of a large body hold about this many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_blocks, "BLOCK", size)
        patch.setattr(csv_blocks, "RUN", size)
        patch.setattr(readers, "RUN", size)
        patch.setattr(arrow_reader, "_SAMPLE", size)
        yield


@LAW
@given(csv_bodies(plain_cells))
def test_views_of_csv_agree(body: bytes) -> None:
    assert_views_agree(lambda: csv.decode(Payload(body)))
    assert_chosen_columns_agree(lambda: csv.decode(Payload(body)))


@LAW
@given(csv_bodies(plain_cells), st.data())
def test_a_row_means_the_same_alone(body: bytes, data: st.DataObject) -> None:
    frame = outcome(lambda: csv.decode(Payload(body)).matrix())
    if isinstance(frame, type) or not len(frame):
        return
    head, *lines = [line for line in body.splitlines() if line.strip(b" \t\xef\xbb\xbf")]
    if len(lines) != len(frame):
        return
    at = data.draw(st.integers(0, len(lines) - 1))

    alone = outcome(lambda: csv.decode(Payload(head + b"\n" + lines[at] + b"\n")).matrix())

    assert same(alone, frame[at : at + 1])


@pytest.mark.parametrize("cell", [cell for cell in NASTY if "," not in cell], ids=repr)
def test_a_number_to_pandas_alone_is_that_number(cell: str) -> None:
    read = pd.read_csv(
        BytesIO(f"a,b\n{cell},x\n".encode()),
        float_precision=precision(),
    )
    expected = outcome(lambda: zero_without_sign(read.iloc[:, [0]]))

    found = outcome(lambda: csv.decode(Payload(f"a,b\n{cell},1\n".encode())).matrix(("a",)))

    if not isinstance(expected, type):
        assert same(found, expected)


json_cells = st.one_of(
    st.sampled_from([*NASTY, "007", "-0", "1.", ".5", "-", "1-2", "9" * 18, "9" * 19, "9" * 5000]),
    st.sampled_from(["true", "True", "FALSE", "NA", " NA", "null", "inf", "1e5", "+1", "0x10"]),
    st.sampled_from(["a\rb", "a\nb", "\r\n", 'a"b', "a,b", " 1", "1 ", "\u00e9", "\u0661"]),
    st.integers(-99, 99).map(str),
    st.floats(allow_nan=False).map(repr),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**70), 2**70),
    st.booleans(),
    st.sampled_from([None, "", 4000000000.0, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 1e300]),
)


@LAW
@given(st.lists(st.tuples(*[st.one_of(json_cells, st.just("1"), st.just(2.5))] * 2), min_size=1))
@example([("4000000000.0", 4000000000.0)])
@example([("1.5", None), ("", 2**63)])
def test_columns_of_json_for_hooks_are_what_pandas_reads(rows: list[tuple[Any, Any]]) -> None:
    """As text in quotes, which the test writes by itself."""

    def quoted(cell: Any) -> str:
        return '"' + ("" if cell is None else str(cell)).replace('"', '""') + '"'

    text = "a,b\n" + "".join(",".join(map(quoted, row)) + "\n" for row in rows)
    expected = pd.read_csv(BytesIO(text.encode()), float_precision=precision(), low_memory=False)

    found = JsonFrame(("a", "b"), lambda: list(zip(*rows, strict=True))).pandas

    assert_frame_equal(found, expected, check_exact=True)


@LAW
@given(csv_bodies(plain_cells))
def test_views_of_large_csv_agree(body: bytes) -> None:
    assert_views_agree(lambda: large(body))
    assert_chosen_columns_agree(lambda: large(body))


@LAW
@given(csv_bodies(plain_cells))
def test_views_of_moderate_csv_agree(body: bytes) -> None:
    assert_views_agree(lambda: moderate(body))
    assert_chosen_columns_agree(lambda: moderate(body))


@LAW
@given(csv_bodies(odd_cells))
def test_moderate_csv_says_what_large_csv_says(body: bytes) -> None:
    assert said(lambda: moderate(body)) == said(lambda: large(body))


@LAW
@given(csv_bodies(plain_cells), st.integers(1, 20))
def test_views_of_csv_in_blocks_agree(body: bytes, size: int) -> None:
    with blocks_of(size):
        assert_views_agree(lambda: large(body))
        assert_chosen_columns_agree(lambda: large(body))


@LAW
@given(csv_bodies(odd_cells), st.integers(1, 20))
def test_blocks_say_of_a_body_what_the_whole_says(body: bytes, size: int) -> None:
    whole = said(lambda: large(body))

    with blocks_of(size):
        in_blocks = said(lambda: large(body))

    assert in_blocks == whole


def said(decode: Callable[[], Frame]) -> tuple[object, ...]:
    """Return the number of rows and the bits of the matrix, or the error with its text."""
    try:
        frame = decode()
        return frame.n_rows, bits(frame.matrix()).tobytes()
    except DrumLikeError as error:
        return type(error), str(error)


@LAW
@given(csv_bodies(odd_cells))
def test_views_of_quoted_csv_agree(body: bytes) -> None:
    assert_views_agree(lambda: csv.decode(Payload(body)))
    assert_views_agree(lambda: large(body))


@LAW
@given(st.binary(max_size=60))
def test_views_of_any_bytes_agree(body: bytes) -> None:
    assert_views_agree(lambda: csv.decode(Payload(body)))
    assert_views_agree(lambda: large(body))


def read_by_pandas(body: bytes) -> pd.DataFrame:
    """Return the rows as DRUM reads them: twice, where there is one column."""
    data = pd.read_csv(BytesIO(body))
    return pd.read_csv(BytesIO(body), skip_blank_lines=False) if data.shape[1] == 1 else data


@LAW
@given(csv_bodies(odd_cells))
def test_csv_that_is_accepted_reads_as_pandas_reads_it(body: bytes) -> None:
    try:
        frame = csv.decode(Payload(body))
        data = frame.pandas
    except DrumLikeError:
        return

    if b"\r," in body:
        return  # pandas loses an empty first field behind a blank line that ends in a lone CR
    blank_first = frame.n_columns == 1 and not body.splitlines()[0].strip(b"\xef\xbb\xbf \t")
    if not blank_first:
        assert_frame_equal(data, read_by_pandas(body))
    assert tuple(data.columns) == frame.columns
    assert data.shape == (frame.n_rows, frame.n_columns)
    assert isinstance(data.index, pd.RangeIndex)


@LAW
@given(csv_bodies(st.one_of(plain_cells, st.just("7"))), st.integers(1, 40))
def test_large_csv_reads_as_pandas_reads_it(body: bytes, size: int) -> None:
    """Types are guessed from the first rows, so later ones have to be found out."""
    expected = frame_or_error(lambda: without_arrow(body))

    with blocks_of(size):
        found = frame_or_error(lambda: large(body).pandas)

    if isinstance(expected, pd.DataFrame) and isinstance(found, pd.DataFrame):
        assert_frame_equal(found, expected, check_exact=True)
    else:
        assert found == expected


def test_arrow_reads_numbers_for_hooks() -> None:
    body = b"a,b,c\n" + b"1,1.5,\n2,,\n" * 9

    found = arrow_reader.many_columns(body, csv_blocks.plain_blocks(body, 6) or [], ("a", "b", "c"))

    assert found is not None
    assert [dtype.name for dtype in found.dtypes] == ["int64", "float64", "float64"]


@pytest.mark.parametrize(
    "cell", ["+5", "0x1F", "9007199254740993", "x", "inf", "1e18", "1,1"], ids=repr
)
@pytest.mark.parametrize("row", [0, 8])
def test_arrow_leaves_what_it_reads_otherwise_to_pandas(cell: str, row: int) -> None:
    cells = ["5"] * 9
    cells[row] = cell
    body = "\n".join(f"{cell},2.5" for cell in cells).encode()

    with blocks_of(4):
        blocks = csv_blocks.plain_blocks(body, 0) or []
        assert arrow_reader.many_columns(body, blocks, ("a", "b")) is None


def test_arrow_reads_rows_longer_than_it_usually_reads_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = b"0." + b"0" * 3_000_000 + b",1\n2,3\n"
    blocks = csv_blocks.plain_blocks(body, 0) or []

    found = arrow_reader.many_rows(body, blocks, 2, None)
    monkeypatch.setattr(arrow_reader, "_MOST_AT_A_TIME", 1 << 18)
    too_long = arrow_reader.many_rows(body, blocks, 2, None)

    assert found is not None
    assert found.tolist() == [[0, 1], [2, 3]]
    assert too_long is None


def without_arrow(body: bytes) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "many_columns", lambda *_: None)
        return large(body).pandas


def frame_or_error(read: Callable[[], pd.DataFrame]) -> pd.DataFrame | tuple[object, ...]:
    try:
        return read()
    except DrumLikeError as error:
        return type(error), str(error)


@LAW
@given(csv_bodies(odd_cells))
def test_rows_are_refused_where_the_standard_library_finds_another_width(body: bytes) -> None:
    text = body.decode().removeprefix("\ufeff")
    rows = list(standard_csv.reader(StringIO(text, newline="")))
    header = next((row for row in rows if any(cell.strip(" \t") for cell in row)), None)

    refused = False
    try:
        columns = csv.decode(Payload(body)).n_columns
        _ = large(body).pandas
    except PayloadError as error:
        refused = "fields" in str(error) or "field, but" in str(error)
        columns = 0

    if columns and header and len(header) == columns > 1:
        assert {len(row) for row in rows if len(row) > 1} <= {columns}
    if refused and header:
        assert any(len(row) != len(header) for row in rows)


@LAW
@given(csv_bodies(odd_cells), st.integers(1, 40))
def test_blocks_hold_the_rows_of_the_whole_in_order(body: bytes, size: int) -> None:
    try:
        expected = csv.decode(Payload(body)).pandas.astype(str)
        parts = list(csv.blocks(BytesIO(body), Payload(b""), size))
    except DrumLikeError:
        return

    data = [csv.decode(part).pandas.astype(str) for part in parts]
    cells = [row for part in data for row in part.to_numpy().tolist()]
    assert {tuple(part.columns) for part in data} == {tuple(expected.columns)}
    assert [list(map(loosely, row)) for row in cells] == [
        list(map(loosely, row)) for row in expected.to_numpy().tolist()
    ]


def loosely(cell: str) -> str:
    """Return a cell without what depends on the other cells of its column: 1, 1.0, True, true."""
    try:
        # Beside an integer beyond int64 pandas leaves a missing cell as empty text.
        return repr(float(cell or "nan") + 0.0)
    except ValueError:
        return cell.lower()


@st.composite
def matrix_market(draw: st.DrawFn) -> bytes:
    """Return a Matrix Market body; sizes, indices and values are right more often than not."""
    field = draw(st.sampled_from(("real", "integer", "pattern", "unsigned-integer", "complex")))
    symmetry = draw(st.sampled_from(("general", "general", "symmetric", "skew-symmetric")))
    form = draw(st.sampled_from(("coordinate", "coordinate", "coordinate", "array")))
    n_rows, n_columns = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    values = st.sampled_from(
        ("1", "-2", "0", "1.5", "-0.0", "nan", "inf", "1e400", "9007199254740993")
    )
    if form == "array":
        entries = [draw(values) for _ in range(n_rows * n_columns)]
        sizes = f"{n_rows} {n_columns}"
    else:
        index = st.integers(0, 4)
        count = draw(st.integers(0, 5))
        end = "" if field == "pattern" else " "
        entries = [
            f"{draw(index)} {draw(index)}{end}{draw(values) if end else ''}" for _ in range(count)
        ]
        sizes = f"{n_rows} {n_columns} {count + draw(st.sampled_from((0, 0, 0, 1, -1)))}"
    comment = draw(st.sampled_from(("", "%\n", "% a\n\n")))
    lines = [f"%%MatrixMarket matrix {form} {field} {symmetry}", comment + sizes, *entries]
    return ("\n".join(lines) + draw(st.sampled_from(("\n", "")))).encode()


SUMMED_AND_MIRRORED = (
    b"%%MatrixMarket matrix coordinate real symmetric\n2 2 3\n"
    b"1 1 1.5\n1 1 9007199254740993\n1 2 9007199254740993\n"
)
"""As many entries as places: two are one, and one is two."""


@LAW
@example(body=SUMMED_AND_MIRRORED, named=False)
@given(matrix_market(), st.booleans())
def test_views_of_matrix_market_agree(body: bytes, named: bool) -> None:  # noqa: FBT001 - hypothesis
    names = ("a", "b", "c") if named else None

    assert_views_agree(lambda: mtx.decode(Payload(body, columns=names)))
    assert_chosen_columns_agree(lambda: mtx.decode(Payload(body, columns=names)))


@st.composite
def numpy_bodies(draw: st.DrawFn) -> bytes:
    """Return an array of numbers of any width, byte order and layout, or records of such."""
    number = st.one_of(
        arrays.boolean_dtypes(),
        arrays.integer_dtypes(endianness="?"),
        arrays.unsigned_integer_dtypes(endianness="?"),
        arrays.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    )
    if draw(st.booleans()):
        kind = np.dtype([(name, draw(number)) for name in draw(st.sampled_from(("a", "ba", "cb")))])
        values = draw(arrays.arrays(kind, draw(st.integers(0, 4))))
    else:
        shape = draw(st.one_of(st.tuples(st.integers(0, 4), st.integers(1, 3)), st.integers(0, 4)))
        values = draw(arrays.arrays(draw(number), shape))
        values = np.asarray(values, order=draw(st.sampled_from(("C", "F"))))
    sink = BytesIO()
    np.save(sink, values, allow_pickle=False)
    return sink.getvalue()


@LAW
@given(numpy_bodies(), st.booleans())
def test_views_of_arrays_agree(body: bytes, named: bool) -> None:  # noqa: FBT001 - hypothesis
    loaded = np.load(BytesIO(body))
    width = len(loaded.dtype.names or "a") if loaded.ndim == 1 else loaded.shape[1]
    names = ("c", "b", "a")[:width] if named else None

    assert_views_agree(lambda: npy.decode(Payload(body, columns=names)))
    assert_chosen_columns_agree(lambda: npy.decode(Payload(body, columns=names)))


ARROW_TYPES: Sequence[tuple[pa.DataType, st.SearchStrategy[Any]]] = (
    *((pa.int8(), st.integers(-128, 127)), (pa.uint16(), st.integers(0, 65535))),
    *((pa.int64(), st.integers(-(2**63), 2**63 - 1)), (pa.uint64(), st.integers(0, 2**64 - 1))),
    *((pa.float16(), st.floats(width=16)), (pa.float32(), st.floats(width=32))),
    *((pa.float64(), st.floats()), (pa.bool_(), st.booleans()), (pa.null(), st.none())),
    (pa.decimal128(38, 5), st.decimals(-(10**30), 10**30, places=5)),
    (pa.string(), st.sampled_from(("1", "a", "", "é"))),
    *((pa.large_string(), st.just("x")), (pa.string_view(), st.sampled_from(("", "x" * 20)))),
    *((pa.binary(), st.binary(max_size=3)), (pa.date32(), st.dates())),
    *((pa.timestamp("us", "UTC"), st.integers(0, 10**15)), (pa.duration("s"), st.integers(0, 99))),
    (pa.list_(pa.int64()), st.lists(st.integers(0, 9), max_size=2)),
)


@st.composite
def arrow_columns(draw: st.DrawFn, n_rows: int) -> pa.Array:
    """Return a column of any type, with or without nulls, plain or indirect."""
    kind, values = draw(st.sampled_from(ARROW_TYPES))
    cells = st.one_of(values, st.none()) if draw(st.booleans()) else values
    array = pa.array(draw(st.lists(cells, min_size=n_rows, max_size=n_rows)), kind)
    flat = not pa.types.is_nested(kind) and not pa.types.is_null(kind)
    indirect = draw(st.sampled_from(("", "", "dictionary", "runs"))) if flat else ""
    rows = pa.array(range(n_rows), pa.int32())
    if indirect == "dictionary":
        return pa.DictionaryArray.from_arrays(rows, array)
    ends = pa.array(range(1, n_rows + 1), pa.int32())
    return pa.RunEndEncodedArray.from_arrays(ends, array) if indirect else array


@st.composite
def arrow_bodies(draw: st.DrawFn) -> bytes:
    """Return an IPC stream or file of some columns, in one batch or two."""
    n_rows = draw(st.integers(0, 4))
    columns = draw(st.lists(arrow_columns(n_rows), min_size=1, max_size=4))
    names = draw(st.lists(st.sampled_from("ab"), min_size=len(columns), max_size=len(columns)))
    table = pa.table(columns, names=names)
    write = draw(st.sampled_from((ipc.new_stream, ipc.new_file)))
    options = ipc.IpcWriteOptions(
        compression=draw(st.sampled_from((None, None, "zstd"))), emit_dictionary_deltas=False
    )
    sink = pa.BufferOutputStream()
    with write(sink, table.schema, options=options) as writer:
        writer.write_table(table, draw(st.sampled_from((None, 2))))
    return bytes(sink.getvalue().to_pybytes())


@LAW
@given(arrow_bodies())
def test_views_of_arrow_agree(body: bytes) -> None:
    assert_views_agree(lambda: arrow.decode(Payload(body)))
    assert_chosen_columns_agree(lambda: arrow.decode(Payload(body)))


def writable(column: pa.Array) -> pa.Array:
    """Return a column without runs, and without nulls and views in a dictionary."""
    if pa.types.is_run_end_encoded(column.type):
        return column.values
    if not pa.types.is_dictionary(column.type):
        return column
    held = column.dictionary  # one entry a row
    return held if held.null_count or held.type == pa.string_view() else column


@st.composite
def parquet_bodies(draw: st.DrawFn) -> bytes:
    """Return a Parquet file of some columns, in one row group or two, as many writers write it."""
    n_rows = draw(st.integers(0, 4))
    columns = draw(st.lists(arrow_columns(n_rows), min_size=1, max_size=4))
    flat = [writable(column) for column in columns]
    names = draw(st.lists(st.sampled_from("ab"), min_size=len(columns), max_size=len(columns)))
    sink = pa.BufferOutputStream()
    write_table(
        pa.table(flat, names=names),
        sink,
        row_group_size=draw(st.sampled_from((None, 2))),
        use_dictionary=draw(st.booleans()),
        compression=draw(st.sampled_from(("none", "snappy", "zstd", "gzip"))),
        data_page_version=draw(st.sampled_from(("1.0", "2.0"))),
        store_schema=draw(st.booleans()),
    )
    return bytes(sink.getvalue().to_pybytes())


@LAW
@given(parquet_bodies())
def test_views_of_parquet_agree(body: bytes) -> None:
    assert_views_agree(lambda: parquet.decode(Payload(body)))
    assert_chosen_columns_agree(lambda: parquet.decode(Payload(body)))


@LAW
@given(parquet_bodies(), st.data())
def test_views_of_damaged_parquet_agree(body: bytes, data: st.DataObject) -> None:
    damaged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))

    assert_views_agree(lambda: parquet.decode(Payload(bytes(damaged))))


@LAW
@given(arrow_bodies(), st.data())
def test_views_of_damaged_arrow_agree(body: bytes, data: st.DataObject) -> None:
    damaged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(body)))])

    assert_views_agree(lambda: arrow.decode(Payload(bytes(damaged))))
    assert_views_agree(lambda: arrow.decode(Payload(cut)))
