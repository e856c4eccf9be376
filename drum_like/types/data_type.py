"""The types of values that a schema publishes; imports nothing heavy."""

from enum import Enum


class DataType(Enum):
    """What the cells of a column are, by the names that H2O MLOps gave them."""

    BOOL = "Bool"
    INT32 = "Int32"
    INT64 = "Int64"
    FLOAT32 = "Float32"
    FLOAT64 = "Float64"
    STR = "Str"
    TIME64 = "Time64"
    BYTES = "Bytes"

    @property
    def is_integer(self) -> bool:
        """Whether values are whole numbers."""
        return self in (DataType.INT32, DataType.INT64)

    @property
    def is_float(self) -> bool:
        """Whether values are any numbers."""
        return self in (DataType.FLOAT32, DataType.FLOAT64)
