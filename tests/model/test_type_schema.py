"""typeSchema: its own rules, and what transformed rows are measured by."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from drum_like.errors import SettingsError, TypeSchemaError
from drum_like.model import type_schema
from drum_like.model.output_requirements import faults

FLOATS = pd.DataFrame({"a": [1.5, 2.5], "b": [3.5, np.nan]})
WHOLE = pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
WORDS = pd.DataFrame({"c": ["x", "y"]})
MIXED = pd.DataFrame({"a": [1.5, 2.5], "c": ["x", None]})
TEXTS = pd.DataFrame({"t": ["some words here", "and some more"], "a": [0.5, 1.5]})
DATES = pd.DataFrame({"d": pd.to_datetime(["2020-01-01", "2020-01-02"])})
FLAGS = pd.DataFrame({"f": [True, False]})
IMAGES = pd.DataFrame({"i": ["iVBORw0KGgo=", None]})
SPARSE = pd.DataFrame({n: pd.arrays.SparseArray([0.0, 1.0], fill_value=0.0) for n in "ab"})
NOTHING = pd.DataFrame({"n": pd.Series([None, None], dtype=object)})


def schema_of(field: str, condition: str, value: Any, side: str = "output") -> Any:
    tree = {f"{side}_requirements": [{"field": field, "condition": condition, "value": value}]}
    return type_schema.read(type_schema.shape(tree, "typeSchema"))


@pytest.mark.parametrize(
    ("frame", "condition", "value", "fault"),
    [
        (FLOATS, "EQUALS", "NUM", None),
        (FLOATS, "EQUALS", "CAT", "NUM, but expected types to exactly match: CAT"),
        (FLOATS, "NOT_EQUALS", "NUM", "NUM, but expected NUM to NOT be present."),
        (FLOATS, "NOT_EQUALS", "CAT", None),
        (FLOATS, "IN", ["IMG", "DATE"], "NUM, which includes values that are not in DATE, IMG."),
        (FLOATS, "NOT_IN", ["NUM", "IMG"], "NUM, but expected no types in: IMG, NUM to be present"),
        (WHOLE, "EQUALS", "CAT", None),
        (WHOLE, "NOT_EQUALS", "TXT", "NUM, but expected TXT to NOT be present."),
        (WORDS, "EQUALS", "TXT", None),
        (WORDS, "EQUALS", "NUM", None),
        (WORDS, "IN", ["IMG"], "CAT, which includes values that are not in IMG."),
        (MIXED, "EQUALS", "NUM", "CAT, NUM, but expected types to exactly match: NUM"),
        (MIXED, "IN", ["TXT", "NUM"], None),
        (MIXED, "IN", ["IMG", "GEO"], "CAT, NUM, which includes values that are not in IMG."),
        (TEXTS, "IN", ["DATE"], "NUM, TXT, which includes values that are not in DATE."),
        (DATES, "EQUALS", "DATE", None),
        (FLAGS, "EQUALS", "NUM", None),
        (IMAGES, "EQUALS", "IMG", None),
        (SPARSE, "EQUALS", "NUM", None),
        (FLOATS, "EQUALS", "GEO", None),
        (NOTHING, "EQUALS", "CAT", None),
    ],
)
def test_types_of_columns_are_told_from_values(
    frame: pd.DataFrame, condition: str, value: Any, fault: str | None
) -> None:
    expected = [] if fault is None else [f"Datatypes incorrect. Data has types: {fault}"]

    assert faults(frame, schema_of("data_types", condition, value)) == expected


@pytest.mark.parametrize(
    ("condition", "value", "fits"),
    [
        ("EQUALS", "2", True),
        ("EQUALS", "5", False),
        ("NOT_EQUALS", "2", False),
        ("NOT_EQUALS", "5", True),
        ("IN", ["2", "5"], True),
        ("IN", ["5", "6"], False),
        ("NOT_IN", ["2", "5"], False),
        ("NOT_IN", ["5", "6"], True),
        ("GREATER_THAN", "1", True),
        ("GREATER_THAN", "2", False),
        ("NOT_GREATER_THAN", "2", True),
        ("NOT_GREATER_THAN", "1", False),
        ("LESS_THAN", "3", True),
        ("LESS_THAN", "2", False),
        ("NOT_LESS_THAN", "2", True),
        ("NOT_LESS_THAN", "3", False),
    ],
)
def test_columns_are_counted(condition: str, value: Any, fits: bool) -> None:  # noqa: FBT001 - a table
    shown = value if isinstance(value, str) else f"[{', '.join(value)}]"
    fault = (
        "Incorrect number of columns. 2 received. However, the schema dictates that number of "
        f"columns should be {condition} {shown}"
    )

    found = faults(FLOATS, schema_of("number_of_columns", condition, value))

    assert found == ([] if fits else [fault])


@pytest.mark.parametrize(
    ("frame", "field", "word", "fault"),
    [
        (SPARSE, "sparse", "NEVER", "Sparse output data found, however value is set to NEVER, "),
        (FLOATS, "sparse", "ALWAYS", "Dense output data found, however value is set to ALWAYS, "),
        (SPARSE, "sparse", "ALWAYS", None),
        (FLOATS, "sparse", "NEVER", None),
        (SPARSE, "sparse", "DYNAMIC", None),
        (FLOATS, "sparse", "IDENTITY", None),
        (FLOATS, "contains_missing", "NEVER", "Output contains missing values, which the "),
        (FLOATS, "contains_missing", "DYNAMIC", None),
        (WHOLE, "contains_missing", "NEVER", None),
        (SPARSE, "contains_missing", "NEVER", None),
    ],
    ids=lambda case: "" if isinstance(case, pd.DataFrame) else str(case).split(",")[0],
)
def test_sparseness_and_missing_values(
    frame: pd.DataFrame, field: str, word: str, fault: str | None
) -> None:
    found = faults(frame, schema_of(field, "EQUALS", word))

    assert [one.startswith(fault or "-") for one in found] == ([] if fault is None else [True])


def test_faults_come_in_the_order_of_the_requirements() -> None:
    lines = [
        {"field": "sparse", "condition": "EQUALS", "value": "ALWAYS"},
        {"field": "number_of_columns", "condition": "EQUALS", "value": "9"},
    ]
    schema = type_schema.read(type_schema.shape({"output_requirements": lines}, "typeSchema"))

    assert [fault.split()[0] for fault in faults(FLOATS, schema)] == ["Dense", "Incorrect"]


def test_requirements_on_input_are_not_checked() -> None:
    assert faults(FLOATS, schema_of("number_of_columns", "EQUALS", "9", side="input")) == []


@pytest.mark.parametrize(
    ("field", "condition", "value", "message"),
    [
        ("number_of_columns", "EQUALS", "0", "Value of 0 is not supported for EQUALS"),
        ("number_of_columns", "LESS_THAN", "0", "Value of 0 is not supported for LESS_THAN"),
        ("number_of_columns", "EQUALS", "-1", "number of columns can not be negative"),
        ("number_of_columns", "EQUALS", "1.5", "when expecting an integer"),
        ("number_of_columns", "FOO", "1", "when expecting one of EQUALS, IN"),
        ("sparse", "IN", "NEVER", "condition: when expecting one of EQUALS, found text"),
        ("sparse", "EQUALS", "FORBIDDEN", "value: when expecting one of NEVER, DYNAMIC"),
        ("data_types", "EQUALS", "BLOB", "value: when expecting one of NUM, TXT"),
        ("colour", "EQUALS", "red", "field: when expecting one of"),
    ],
)
def test_requirements_that_cannot_be_are_refused(
    field: str, condition: str, value: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        schema_of(field, condition, value)

    assert not isinstance(caught.value, TypeSchemaError)


def test_a_list_needs_a_condition_that_takes_one() -> None:
    with pytest.raises(TypeSchemaError, match=r"EQUALS only accepts a single value for: \[1, 2\]"):
        schema_of("number_of_columns", "EQUALS", ["1", "2"])


@pytest.mark.parametrize("condition", ["NOT_EQUALS", "NOT_IN", "NOT_LESS_THAN", "GREATER_THAN"])
def test_no_columns_can_be_a_bound(condition: str) -> None:
    assert faults(FLOATS, schema_of("number_of_columns", condition, "0")) == []
