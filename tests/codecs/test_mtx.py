"""Matrix Market bodies: what is read, and what is refused before memory is taken."""

import multiprocessing
import random
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from drum_like.codecs import mtx
from drum_like.errors import ColumnsError, DrumLikeError, PayloadError, SizeError
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits, Payload

HEAD = b"%%MatrixMarket matrix "


def frame_of(body: bytes, names: tuple[str, ...] | None = None) -> Frame:
    return mtx.decode(Payload(HEAD + body, "text/mtx", columns=names))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"coordinate real general\n2 2 1\n1 1 1.5\n", [[1.5, 0], [0, 0]], id="real"),
        pytest.param(
            b"coordinate real general\n2 2 1\n1 1 1.5", [[1.5, 0], [0, 0]], id="no-line-end"
        ),
        pytest.param(b"coordinate real general\r\n1 1 1\r\n1 1 2\r\n", [[2]], id="CRLF"),
        pytest.param(b"coordinate real general\n%c\n\n% d\n1 1 0\n", [[0]], id="comments"),
        pytest.param(b"Coordinate Real General\n1 1 0\n", [[0]], id="capitals"),
        pytest.param(b"coordinate integer general\n1 2 1\n1 2 -3\n", [[0, -3]], id="integer"),
        pytest.param(b"coordinate pattern general\n1 2 1\n1 2\n", [[0, 1]], id="pattern"),
        pytest.param(
            b"coordinate real symmetric\n2 2 1\n2 1 4\n", [[0, 4], [4, 0]], id="symmetric"
        ),
        pytest.param(
            b"coordinate real skew-symmetric\n2 2 1\n2 1 4\n", [[0, -4], [4, 0]], id="skew"
        ),
        pytest.param(b"coordinate real general\n1 1 2\n1 1 1\n1 1 2\n", [[3]], id="given-twice"),
        pytest.param(
            b"coordinate real general\n1 2 2\n1 1 nan\n1 2 inf\n", [[np.nan, np.inf]], id="nan"
        ),
        pytest.param(b"array real general\n2 2\n1\n2\n3\n4\n", [[1, 3], [2, 4]], id="dense"),
        pytest.param(
            b"array real symmetric\n2 2\n1\n2\n3\n", [[1, 2], [2, 3]], id="dense-symmetric"
        ),
        pytest.param(b"coordinate real general\n0 2 0\n", np.empty((0, 2)), id="no-rows"),
        pytest.param(b"array real general\n0 2\n", np.empty((0, 2)), id="dense-without-rows"),
    ],
)
def test_matrix_is_read_with_zeros_for_absent_entries(
    body: bytes, expected: list[list[float]]
) -> None:
    frame = frame_of(body)

    found = frame.matrix()

    assert np.array_equal(found, np.array(expected, dtype=float), equal_nan=True)
    assert "pandas" not in frame.__dict__
    assert np.array_equal(frame.pandas.to_numpy(dtype=float), found, equal_nan=True)


def test_frame_is_sparse_with_numbered_columns() -> None:
    data = frame_of(b"coordinate integer general\n2 3 1\n1 1 5\n").pandas

    assert all(dtype == pd.SparseDtype("int64", 0) for dtype in data.dtypes)
    assert data.columns.equals(pd.RangeIndex(3))
    assert isinstance(data.index, pd.RangeIndex)


def test_dense_matrix_gives_a_sparse_frame_too() -> None:
    data = frame_of(b"array real general\n1 2\n0\n7\n").pandas

    assert all(dtype == pd.SparseDtype("float64", 0.0) for dtype in data.dtypes)


def test_names_beside_the_matrix_are_its_columns() -> None:
    frame = frame_of(b"coordinate real general\n1 2 1\n1 2 3\n", ("p", "q"))

    assert frame.columns == ("p", "q")
    assert frame.pandas.columns.tolist() == ["p", "q"]
    assert frame.matrix(["q"]).tolist() == [[3.0]]


@pytest.mark.parametrize(
    ("body", "column", "expected"),
    [
        pytest.param(
            b"coordinate real general\n3 2 3\n1 2 0.5\n2 1 9007199254740993\n3 1 7\n",
            0,
            [0, 9007199254740993, 7],
            id="coordinate",
        ),
        pytest.param(
            b"coordinate real general\r\n2 1 2\r\n1 1 -9007199254740993.0\r\n2 1 1e300\r\n",
            0,
            [-9007199254740993, 1e300],
            id="written-as-decimal",
        ),
        pytest.param(
            b"array real general\n2 2\n0.5\n1\n9007199254740992\n 9007199254740993",
            1,
            [9007199254740992, 9007199254740993],
            id="dense",
        ),
        pytest.param(
            b"array real general\n4 1\n1\n\n9007199254740993\n9007199254740992\n5\n",
            0,
            [1, 9007199254740993, 9007199254740992, 5],
            id="dense-with-an-empty-line",
        ),
        pytest.param(
            b"coordinate real general\n1 1 2\n1 1 9007199254740993\n1 1 1\n",
            0,
            [2.0**53],
            id="summed-with-a-small-one",
        ),
        pytest.param(
            b"coordinate real general\n1 1 2\n1 1 9007199254740993\n1 1 9007199254740993\n",
            0,
            [2.0**54],
            id="given-twice",
        ),
        pytest.param(
            b"coordinate integer general\n2 1 2\n1 1 9007199254740993\n2 1 3\n",
            0,
            [9007199254740993, 3],
            id="integer",
        ),
    ],
)
def test_cells_keep_the_digits_of_whole_numbers(
    body: bytes, column: int, expected: list[float]
) -> None:
    assert frame_of(body).cells(column) == expected


def test_another_number_of_names_is_refused() -> None:
    with pytest.raises(ColumnsError, match=r"^Column length mismatch: 3 vs\. 2"):
        frame_of(b"coordinate real general\n1 2 0\n", ("a", "b", "c"))


def test_hook_may_change_its_frame() -> None:
    frame = frame_of(b"coordinate real general\n1 1 1\n1 1 3\n")

    frame.pandas[0] = 9.0

    assert frame.matrix().tolist() == [[3.0]]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"coordinate real general\n1 1 1\n0 1 1\n", "^line 3 ", id="index-zero"),
        pytest.param(b"coordinate real general\n1 1 1\n2 1 1\n", "^line 3 ", id="index-too-high"),
        pytest.param(b"coordinate real general\n1 1 1\n1 1 x\n", "^line 3 ", id="not-a-number"),
        pytest.param(b"coordinate real general\n1 1 1\n1 1 1\n1 1 1\n", "^line 4 ", id="too-many"),
        pytest.param(b"coordinate real general\n9 1 2\n1 1 100000\n", "the body", id="too-few"),
        pytest.param(b"coordinate real general\n1 1 1\n1 1 1\x00\n", "NUL", id="NUL"),
        pytest.param(b"coordinate real general\n-1 1 1\n", "^Line 2: ", id="negative"),
        pytest.param(b"coordinate real general\n1 1\n", "^Line 2: ", id="no-count"),
        pytest.param(b"coordinate real general\n", "^Line 2: ", id="banner-only"),
        pytest.param(b"coordinate real symmetric\n1 2 0\n", "square", id="symmetric-not-square"),
        pytest.param(b"coordinate complex general\n1 1 0\n", "complex", id="complex"),
        pytest.param(
            b"coordinate real general\n2 2 500000000\n", "500000000 entries", id="entries"
        ),
        pytest.param(b"array real general\n2000 2000\n", "4000000 entries", id="dense-entries"),
        pytest.param(b"coordinate real general\n1 0 0\n", "0 columns", id="no-columns"),
        pytest.param(b"array real general\n0 1\n5\n", "entries follow", id="entries-without-rows"),
        pytest.param(b"vector real general\n1 1 0\n", "^Line 1: ", id="unknown-form"),
    ],
)
def test_malformed_matrix_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        frame_of(body)


@pytest.mark.parametrize("body", [b"", b"a,b\n1,2\n", b"\xff" * 100, b"%%MatrixMarket"])
def test_body_without_a_banner_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match=r"^Line 1: Not a Matrix Market file"):
        mtx.decode(Payload(body))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"coordinate real general\n2 1000000 1\n1 1 1\n", id="columns"),
        pytest.param(b"coordinate real general\n1000000000 2 1\n1 1 1\n", id="rows"),
        pytest.param(
            b"coordinate real general\n9999999999999999999 2 1\n1 1 1\n", id="beyond-2**63"
        ),
        pytest.param(b"array real general\n10000 10000\n1\n", id="dense"),
        pytest.param(b"coordinate real general\n" + b"%\n" * (1 << 19) + b"1 1 0\n", id="comments"),
    ],
)
def test_declared_size_is_refused_before_memory_is_taken(body: bytes) -> None:
    """67 bytes cost DRUM 18 seconds and 1.7 GB."""
    payload = Payload(HEAD + body)
    tracemalloc.start()

    with pytest.raises(SizeError):
        mtx.decode(payload)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        pytest.param(b"5000000 1 1", "declares 5000000 rows in 6", id="one-column"),
        pytest.param(b"51500 1 1", "declares 51500 rows in 6", id="just-too-many"),
        pytest.param(b"50000 1000 1", "the limit is 30", id="cells"),
        pytest.param(b"10000001 1 1", "10000001 rows, the limit is 10000000", id="rows"),
    ],
)
def test_rows_that_take_no_bytes_are_limited(sizes: bytes, reason: str) -> None:
    with pytest.raises(SizeError, match=reason):
        mtx.decode(Payload(HEAD + b"coordinate real general\n" + sizes + b"\n1 1 1\n"))


def test_a_sparse_matrix_of_mostly_empty_rows_is_read() -> None:
    """One row of a hundred has an entry, as in counts of rare events."""
    entries = b"".join(
        b"%d %d 1\n" % (row, row // 100 % 40 + 1) for row in range(100, 1_000_001, 100)
    )
    body = HEAD + b"coordinate integer general\n1000000 40 10000\n" + entries

    frame = mtx.decode(Payload(body))

    assert frame.n_rows == 1_000_000
    assert sum(frame.cells(20)) == 250


def test_one_of_ten_thousand_columns_a_row_is_read() -> None:
    entries = b"".join(b"%d %d 1\n" % (row, row) for row in range(1, 4001))
    body = HEAD + b"coordinate integer general\n4000 10000 4000\n" + entries

    assert mtx.decode(Payload(body)).n_columns == 10_000


def test_body_may_hold_as_many_cells_as_bytes() -> None:
    body = HEAD + b"array real general\n20 1\n" + b"1\n" * 20

    frame = mtx.decode(Payload(body, limits=Limits(cells=5)))

    assert frame.n_rows == 20


def test_damaged_matrices_never_end_the_process() -> None:
    """Bodies cut off in a line, with NULs, or dense without rows end scipy 1.17."""
    child = multiprocessing.get_context("spawn").Process(target=decode_damaged_matrices)

    child.start()
    child.join(120)

    assert child.exitcode == 0


def decode_damaged_matrices() -> None:
    """Decode some thousands of bodies, each a few edits away from a good one."""
    seeds = (
        b"coordinate real general\n%\n3 2 2\n1 1 1.5\n3 2 -2e3\n",
        b"coordinate pattern symmetric\n2 2 1\n1 1\n",
        b"array integer general\n2 2\n1\n2\n3\n4\n",
    )
    tokens = (
        b"0",
        b"-1",
        b"9" * 20,
        b"\n",
        b" ",
        b"\r",
        b"%",
        b"\0",
        b"\xff",
        b"array",
        b"pattern",
    )
    choice = random.Random(1)
    for _ in range(6_000):
        body = bytearray(HEAD + choice.choice(seeds))
        for _ in range(choice.randrange(1, 4)):
            at = choice.randrange(len(body))
            body[at : at + choice.randrange(3)] = choice.choice((b"", *tokens))
        try:
            frame = mtx.decode(Payload(bytes(body)))
            frame.matrix()
            _ = frame.pandas
        except DrumLikeError:
            continue
