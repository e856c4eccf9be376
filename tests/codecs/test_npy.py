"""NumPy arrays: what is read, as numpy.load reads it, and what is refused before it costs."""

import pickle
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.lib import format as npy_format
from numpy.lib.recfunctions import repack_fields
from numpy.typing import NDArray

from drum_like.codecs import npy
from drum_like.errors import ColumnsError, MediaTypeError, PayloadError, SizeError
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits, Payload
from drum_like.types.prediction import Prediction
from tests.support.targets import BINARY, REGRESSION, TEXT

NUMBERS = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
TABLE = np.array([[1, 0, 3], [0, 1, 1]])


def saved(values: Any, version: tuple[int, int] | None = None) -> bytes:
    sink = BytesIO()
    npy_format.write_array(sink, np.asanyarray(values), version=version)
    return sink.getvalue()


def written(header: str, data: bytes = b"") -> bytes:
    """Return a file with a header that numpy would not write."""
    return (
        npy_format.MAGIC_PREFIX
        + b"\1\0"
        + len(header).to_bytes(2, "little")
        + (header.encode("latin-1") + data)
    )


def frame_of(body: bytes, names: tuple[str, ...] | None = None, limits: Limits = Limits()) -> Frame:  # noqa: B008 - frozen
    return npy.decode(Payload(body, "application/x-npy", columns=names, limits=limits))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("code", NUMBERS)
def test_any_number_is_read_as_numpy_reads_it(code: str, byte_order: Any, order: Any) -> None:
    body = saved(np.array(TABLE, dtype=np.dtype(code).newbyteorder(byte_order), order=order))
    loaded = np.load(BytesIO(body))

    frame = frame_of(body)

    assert frame.columns is None
    assert frame.matrix().tobytes() == np.ascontiguousarray(loaded, np.float64).tobytes()
    assert [frame.cells(at) for at in range(3)] == loaded.T.tolist()
    assert frame.pandas.columns.equals(pd.RangeIndex(3))
    assert frame.pandas.to_numpy().tolist() == loaded.tolist()


@pytest.mark.parametrize(
    ("code", "expected"),
    [("i1", "int64"), ("u4", "int64"), ("u8", "uint64"), ("f2", "float64"), ("?", "bool")],
)
def test_hooks_get_the_types_that_pandas_reads(code: str, expected: str) -> None:
    data = frame_of(saved(TABLE.astype(code))).pandas

    assert [str(dtype) for dtype in data.dtypes] == [expected] * 3
    data.iloc[0] = data.iloc[1]  # a hook may change its rows


def test_narrow_floats_lose_nothing() -> None:
    numbers = np.array([[0.1, np.nan, -np.inf, 1e-45, 3.4028235e38]], np.float32)

    assert frame_of(saved(numbers)).matrix().astype(np.float32).tobytes() == numbers.tobytes()


def test_large_whole_numbers_keep_their_digits() -> None:
    frame = frame_of(saved(np.array([[2**53 + 1, 2**64 - 1]], np.uint64)))

    assert [frame.cells(0), frame.cells(1)] == [[2**53 + 1], [2**64 - 1]]


def test_one_axis_is_one_column_as_in_pandas() -> None:
    values = np.array([1.5, 2.5, 3.5])

    assert frame_of(saved(values)).pandas.equals(pd.DataFrame(values))
    assert frame_of(saved(values)).matrix().shape == (3, 1)


def test_names_beside_the_array_are_its_columns() -> None:
    frame = frame_of(saved(TABLE), ("a", "b", "c"))

    assert frame.columns == ("a", "b", "c")
    assert frame.matrix(("c", "a")).tolist() == [[3, 1], [1, 0]]
    with pytest.raises(ColumnsError, match="2 names, but the array has 3 columns"):
        frame_of(saved(TABLE), ("a", "b"))


RECORDS = np.array([(1, 0.5, True), (2, np.nan, False)], [("a", ">i4"), ("b", "f4"), ("c", "?")])


@pytest.mark.parametrize("align", [False, True])
def test_records_name_their_columns(align: bool) -> None:  # noqa: FBT001 - a parameter
    records = repack_fields(RECORDS, align=align)

    frame = frame_of(saved(records))

    assert frame.columns == ("a", "b", "c")
    assert np.array_equal(frame.matrix(), [[1, 0.5, 1], [2, np.nan, 0]], equal_nan=True)
    assert frame.pandas.dtypes.astype(str).tolist() == ["int64", "float64", "bool"]


def test_records_of_pandas_are_read() -> None:
    data = pd.DataFrame({"a": [1, 2], "é": [0.5, 1.5], 'say "it\'s"': [True, False]})

    frame = frame_of(saved(data.to_records(index=False)))

    pd.testing.assert_frame_equal(frame.pandas, data)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_is_read(version: tuple[int, int]) -> None:
    assert frame_of(saved(TABLE, version)).matrix().tolist() == TABLE.tolist()


def test_no_rows_are_read() -> None:
    assert frame_of(saved(np.empty((0, 3)))).matrix().shape == (0, 3)


class _Runs:
    """Creates a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path]]:
        """Name the call that a pickle makes."""
        return Path.touch, (self.mark,)


def test_objects_are_refused_unread(tmp_path: Path) -> None:
    sink = BytesIO()
    objects = np.empty((1, 1), object)
    objects[0, 0] = _Runs(tmp_path / "mark")
    np.save(sink, objects, allow_pickle=True)

    with pytest.raises(PayloadError, match="never objects"):
        frame_of(sink.getvalue())

    pickle.loads(pickle.dumps(objects))  # the pickle works
    (tmp_path / "mark").unlink()
    with pytest.raises(PayloadError, match="never objects"):
        frame_of(sink.getvalue())
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.array([["a"]]), id="text"),
        pytest.param(np.array([[b"a"]]), id="bytes"),
        pytest.param(np.array([[1j]]), id="complex"),
        pytest.param(np.array([["2020-01-01"]], "M8[D]"), id="dates"),
        pytest.param(np.array([[1.5]], np.longdouble), id="long-double"),
        pytest.param(np.array([(1, "x")], [("a", "i4"), ("b", "U3")]), id="text-in-records"),
        pytest.param(np.array([((1,),)], [("a", [("b", "i4")])]), id="nested-records"),
        pytest.param(np.array([([1, 2],)], [("a", "i4", 2)]), id="lists-in-records"),
        pytest.param(np.array(1.5), id="no-axis"),
        pytest.param(np.zeros((1, 1, 1)), id="three-axes"),
        pytest.param(RECORDS.reshape(1, 2), id="records-of-two-axes"),
        pytest.param(np.empty((3, 0)), id="no-columns"),
        pytest.param(np.zeros(2, []), id="no-fields"),
    ],
)
def test_other_types_and_shapes_are_refused(values: NDArray[Any]) -> None:
    with pytest.raises(PayloadError):
        frame_of(saved(values))


GOOD = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x93NUMPY", id="magic-only"),
        pytest.param(b"\x93NUMPY\1\0", id="no-length"),
        pytest.param(b"\x93NUMPY\4\0" + written(GOOD, bytes(8))[8:], id="version"),
        pytest.param(b"\x93NUMPY\2\0\xff\xff\xff\xff{}", id="long-header"),
        pytest.param(written(GOOD, bytes(7)), id="cut-off"),
        pytest.param(written(GOOD, bytes(9)), id="too-long"),
        pytest.param(written(GOOD.replace("1, 1", "1, -1"), bytes(8)), id="negative"),
        pytest.param(written(GOOD.replace("1, 1", "True, 1"), bytes(8)), id="boolean-axis"),
        pytest.param(written(GOOD.replace("1, 1", "1.0, 1"), bytes(8)), id="axis-of-float"),
        pytest.param(written(GOOD.replace("(1, 1)", "1"), bytes(8)), id="shape-without-brackets"),
        pytest.param(written(GOOD.replace("False", "0"), bytes(8)), id="order-is-a-number"),
        pytest.param(written(GOOD.replace("}", "'more': 1}"), bytes(8)), id="another-key"),
        pytest.param(written("{}", bytes(8)), id="no-keys"),
        pytest.param(written("{[]: 1}"), id="unhashable-key"),
        pytest.param(written("{", bytes(8)), id="no-end"),
        pytest.param(written(GOOD.replace("1, 1", "__import__('os')"), bytes(8)), id="code"),
        pytest.param(written("(" * 9000), id="deep"),
        pytest.param(written("-" * 9000 + "1"), id="signs"),
        pytest.param(written(GOOD.replace("'<f8'", "[('a','<f4'),('a','<f4')]")), id="twice"),
        pytest.param(written(GOOD.replace("'<f8'", "[('a',)]")), id="field-without-type"),
        pytest.param(written(GOOD.replace("'<f8'", "[('','<f8')]")), id="field-without-name"),
    ],
)
def test_a_broken_file_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError):
        frame_of(body)


@pytest.mark.parametrize(
    "shape", ["(10, 10001)", "(10000001, 1)", "(999999999999999999,)", "(0, 99999999)"]
)
def test_large_sizes_are_refused_before_memory_is_taken(shape: str) -> None:
    body = written(GOOD.replace("(1, 1)", shape), bytes(64))
    tracemalloc.start()

    with pytest.raises(SizeError):
        frame_of(body)

    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_predictions_are_an_array_in_the_width_of_the_model() -> None:
    values = np.array([[0.1, np.nan], [0.3, 0.7]], np.float32)

    labelled = np.load(BytesIO(npy.predictions_npy(Prediction(values, ("no", "yes")), BINARY)))
    column = np.load(BytesIO(npy.predictions_npy(Prediction(values[:, :1]), REGRESSION)))

    assert (labelled.dtype, labelled.tobytes()) == (np.float32, values.tobytes())
    assert (column.shape, column.tobytes()) == ((2,), values[:, 0].tobytes())


def test_text_is_no_array() -> None:
    with pytest.raises(MediaTypeError, match="application/json"):
        npy.predictions_npy(Prediction(np.array(["a", None], object)), TEXT)
