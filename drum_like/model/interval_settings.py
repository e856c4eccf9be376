"""The key prediction_intervals of model-metadata.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from drum_like.config.value_types import share
from drum_like.errors import SettingsError
from drum_like.model.yaml_schema import Tree, keys, one_of, text


class Method(Enum):
    """Where bounds come from."""

    SPLIT_CONFORMAL = "split_conformal"
    ASYMMETRIC = "split_conformal_asymmetric"
    QUANTILE_PAIR = "quantile_pair"
    HOOK = "hook"


@dataclass(frozen=True, slots=True)
class IntervalSettings:
    """How prediction intervals are made.

    Attributes:
        method: Where bounds come from.
        level: The share of targets that are to lie inside, between 0 and 1, exact.
        residuals: The file of residuals, relative to the model directory; None without one.
        lower_model: The model file of the lower quantile, relative to the model directory.
        upper_model: That of the upper one.
        sha256: Of the model file that the residuals are about; None if it is not given.
    """

    method: Method
    level: Fraction
    residuals: str | None = None
    lower_model: str | None = None
    upper_model: str | None = None
    sha256: str | None = None


_NEEDED = {
    Method.SPLIT_CONFORMAL: ("residuals",),
    Method.ASYMMETRIC: ("residuals",),
    Method.QUANTILE_PAIR: ("lower_model", "upper_model"),
    Method.HOOK: (),
}


def _level(tree: Tree, where: str) -> str:
    word = text(tree, where)
    try:
        share(word)
    except ValueError as error:
        raise SettingsError(f"{where}: {error}") from error
    return word


shape = keys(
    {"method": one_of(*(method.value for method in Method)), "level": _level},
    {
        "residuals": text,
        "lower_model": text,
        "upper_model": text,
        "model_sha256": text,
    },
)
"""What the key may hold."""


def read(raw: Mapping[str, Any] | None, where: str) -> IntervalSettings | None:
    """Parse the value of the key prediction_intervals; None without it.

    Raises:
        SettingsError: a key that the method needs is missing.
    """
    if raw is None:
        return None
    method = Method(raw["method"])
    missing = [key for key in _NEEDED[method] if key not in raw]
    if missing:
        raise SettingsError(
            f"{where}: prediction_intervals: the method {method.value} needs the keys "
            f"{', '.join(missing)}"
        )
    return IntervalSettings(
        method=method,
        level=share(raw["level"]),
        residuals=raw.get("residuals"),
        lower_model=raw.get("lower_model"),
        upper_model=raw.get("upper_model"),
        sha256=raw.get("model_sha256"),
    )
