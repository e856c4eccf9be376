"""The typeSchema of model-metadata.yaml: requirements on a model's inputs and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from drum_like.errors import SettingsError, TypeSchemaError
from drum_like.model.yaml_schema import Tree, integer, keys, list_of, one_of, one_or_list, text

Field = Literal["data_types", "sparse", "number_of_columns", "contains_missing"]


class Condition(StrEnum):
    """How a requirement compares."""

    EQUALS = "EQUALS"
    IN = "IN"
    NOT_EQUALS = "NOT_EQUALS"
    NOT_IN = "NOT_IN"
    GREATER_THAN = "GREATER_THAN"
    LESS_THAN = "LESS_THAN"
    NOT_GREATER_THAN = "NOT_GREATER_THAN"
    NOT_LESS_THAN = "NOT_LESS_THAN"

    @property
    def takes_list(self) -> bool:
        """Whether several values can be named."""
        return self in (Condition.IN, Condition.NOT_IN)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of a typeSchema.

    Attributes:
        field: The checked property.
        condition: How it compares.
        values: One value, or several for IN and NOT_IN; integers for number_of_columns.
    """

    field: Field
    condition: Condition
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TypeSchema:
    """Requirements of a model on its input, and its promises for its output.

    Attributes:
        inputs: Only DRUM's fit looks at them.
        outputs: Checked for models that transform.
    """

    inputs: tuple[Requirement, ...] = ()
    outputs: tuple[Requirement, ...] = ()


_TYPES = ("NUM", "TXT", "IMG", "DATE", "CAT", "DATE_DURATION", "COUNT_DICT", "GEO")
_ANY = tuple(Condition)
_SET = (Condition.EQUALS, Condition.IN, Condition.NOT_EQUALS, Condition.NOT_IN)
_EQUALS = (Condition.EQUALS,)
_ZERO_FITS = (
    Condition.NOT_IN,
    Condition.NOT_EQUALS,
    Condition.NOT_LESS_THAN,
    Condition.GREATER_THAN,
)
_SHARED = {
    "data_types": (_SET, one_or_list(one_of(*_TYPES))),
    "number_of_columns": (_ANY, one_or_list(integer)),
}
_INPUT = {
    **_SHARED,
    "sparse": (_EQUALS, one_of("FORBIDDEN", "SUPPORTED", "REQUIRED")),
    "contains_missing": (_EQUALS, one_of("FORBIDDEN", "SUPPORTED")),
}
_OUTPUT = {
    **_SHARED,
    "sparse": (_EQUALS, one_of("NEVER", "DYNAMIC", "ALWAYS", "IDENTITY")),
    "contains_missing": (_EQUALS, one_of("NEVER", "DYNAMIC")),
}


def shape(tree: Tree, where: str) -> dict[str, Any]:
    """Return a typeSchema as /info/ shows it: text, but integers for numbers of columns.

    Raises:
        SettingsError: a key or a word is not one of DRUM's.
    """
    lists = {
        "input_requirements": list_of(_requirement_of(_INPUT)),
        "output_requirements": list_of(_requirement_of(_OUTPUT)),
    }
    return dict(keys({}, lists)(tree, where))


def read(typed: Mapping[str, Any]) -> TypeSchema:
    """Return the requirements of a typeSchema that has its shape.

    Raises:
        TypeSchemaError: a condition that compares with one value got a list, or a number of
            columns can never be met.
    """
    inputs, outputs = (
        tuple(_requirement(line) for line in typed.get(f"{side}_requirements", ()))
        for side in ("input", "output")
    )
    return TypeSchema(inputs, outputs)


def _requirement_of(fields: Mapping[str, tuple[tuple[Condition, ...], Any]]) -> Any:
    def check(tree: Tree, where: str) -> dict[str, Any]:
        line = keys({"field": text, "condition": text, "value": lambda tree, _: tree})(tree, where)
        field = one_of(*fields)(line["field"], f"{where}: field")
        conditions, value = fields[field]
        return {
            "field": field,
            "condition": one_of(*conditions)(line["condition"], f"{where}: condition"),
            "value": value(line["value"], f"{where}: value"),
        }

    return check


def _requirement(line: Mapping[str, Any]) -> Requirement:
    condition = Condition(line["condition"])
    value = line["value"]
    if isinstance(value, list) and len(value) != 1 and not condition.takes_list:
        raise TypeSchemaError(f"{condition} only accepts a single value for: {value}")
    values = tuple(value) if isinstance(value, list) else (value,)
    if line["field"] == "number_of_columns":
        _check_counts(condition, values)
    return Requirement(line["field"], condition, values)


def _check_counts(condition: Condition, values: tuple[int, ...]) -> None:
    if any(value < 0 for value in values):
        raise SettingsError("The value for number of columns can not be negative")
    if 0 in values and condition not in _ZERO_FITS:
        raise SettingsError(f"Value of 0 is not supported for {condition}")
