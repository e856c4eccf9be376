"""The protocol's datatypes, as numpy holds them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from drum_like.errors import PayloadError

BYTES = "BYTES"
FP16 = "FP16"
FP64 = "FP64"
INT64 = "INT64"


@dataclass(frozen=True, slots=True)
class Datatype:
    """A datatype.

    Attributes:
        name: As requests name it.
        dtype: Its values, little-endian; objects for text.
        config: Its name in a configuration of Triton.
    """

    name: str
    dtype: np.dtype[Any]
    config: str

    @property
    def is_text(self) -> bool:
        """Whether values are texts of any length."""
        return self.name == BYTES

    @property
    def kind(self) -> str:
        """The letter of numpy for the kind of its values: b, i, u, f or O."""
        return self.dtype.kind


def _of(name: str, dtype: str) -> Datatype:
    return Datatype(name, np.dtype(dtype), f"TYPE_{name}")


DATATYPES = {
    one.name: one
    for one in (
        _of("BOOL", "?"),
        *(_of(f"INT{bits}", f"<i{bits // 8}") for bits in (8, 16, 32, 64)),
        *(_of(f"UINT{bits}", f"<u{bits // 8}") for bits in (8, 16, 32, 64)),
        *(_of(f"FP{bits}", f"<f{bits // 8}") for bits in (16, 32, 64)),
        Datatype(BYTES, np.dtype(object), "TYPE_STRING"),
    )
}
"""All that are read, by their names."""


def datatype_of(name: Any, tensor: str) -> Datatype:
    """Return a datatype by its name.

    Args:
        name: As sent.
        tensor: The tensor that has it, for the message.

    Raises:
        PayloadError: there is none of that name.
    """
    found = DATATYPES.get(name) if isinstance(name, str) else None
    if found is None:
        raise PayloadError(
            f"the datatype of the tensor {tensor!r} must be one of {', '.join(DATATYPES)}"
        )
    return found
