"""Tensors as rows: one tensor of all columns, or one tensor a column.

A tensor of several columns has them in the order of the model. A tensor of one is the column of its
name, unless the model has but one column, or knows none of that name.
"""

from collections.abc import Sequence

from drum_like.contracts.open_inference.infer_request import InferRequest, InputTensor
from drum_like.errors import ColumnsError, PayloadError
from drum_like.types.columns_frame import ColumnsFrame
from drum_like.types.frame import Frame
from drum_like.types.matrix_frame import MatrixFrame, as_read
from drum_like.types.schema import Schema


def frame_of(asked: InferRequest, known: Schema | None) -> Frame:
    """Return the rows of a request.

    Args:
        asked: The request.
        known: The columns that callers of the model send; None if they are not known.

    Raises:
        PayloadError: the tensors have different rows, or are no columns.
        ColumnsError: a row has no cell.
    """
    tensors = asked.inputs
    n_rows = tensors[0].n_rows
    if any(tensor.n_rows != n_rows for tensor in tensors):
        raise PayloadError("the first size of all tensors must be the same: the number of rows")
    if not asked.are_columns and _is_matrix(tensors, known):
        return _matrix(tensors[0], known)
    return _columns(tensors)


def _is_matrix(tensors: Sequence[InputTensor], known: Schema | None) -> bool:
    if len(tensors) != 1:
        return False
    if tensors[0].width != 1 or known is None:
        return tensors[0].width != 1
    return known.as_known((tensors[0].name,))[0] not in known.known_names


def _matrix(tensor: InputTensor, known: Schema | None) -> MatrixFrame:
    if not tensor.width:
        raise ColumnsError(f"the rows of the tensor {tensor.name[:100]!r} hold no value")
    if sum(size != 1 for size in tensor.shape[1:]) > 1:
        raise PayloadError(
            f"the tensor {tensor.name[:100]!r} must have the shape [rows, columns], or the tensors "
            "the shape [rows], one for each column"
        )
    fits = known is not None and len(known.names) == tensor.width
    names = known.names if known is not None and fits else None
    return MatrixFrame(tensor.values.reshape(tensor.n_rows, tensor.width), names)


def _columns(tensors: Sequence[InputTensor]) -> ColumnsFrame:
    wide = [tensor.name for tensor in tensors if tensor.width != 1]
    if wide:
        raise PayloadError(
            f"the tensor {wide[0][:100]!r} is one of several, or of columns, and must have the "
            "shape [rows] or [rows, 1]; send all columns in one tensor, or each in its own"
        )
    names = tuple(tensor.name for tensor in tensors)
    return ColumnsFrame(names, [as_read(tensor.values) for tensor in tensors])
