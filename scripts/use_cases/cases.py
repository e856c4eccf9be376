"""Targets of the two use cases, and rows to learn them from.

No real transactions ship with this project: rows are drawn from what such customers could look
like, with enough noise that no model can know the answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

BINARY = "binary_classification"
MULTICLASS = "multiclass_classification"

_Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class UseCase:
    """One question about customers.

    Attributes:
        name: Of the project, and of the campaign that its decisions are made for.
        problem_type: `BINARY` or `MULTICLASS`.
        target_field: Column of the answer.
        labels: The answers: two are (positive, negative), more are in the order of the outputs.
        fields: Columns of the question, in the order of training.
        synthesise: Draws that many rows: the fields, then the answer as one of the labels.
        categories: The values of the columns that are text.
    """

    name: str
    problem_type: str
    target_field: str
    labels: tuple[str, ...]
    fields: tuple[str, ...]
    synthesise: Callable[[int, _Random], dict[str, Any]]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def rows(self, n_rows: int, seed: int) -> pd.DataFrame:
        """Return rows to learn from: the fields, text as pandas categories, then the answer."""
        rows = pd.DataFrame(self.synthesise(n_rows, np.random.default_rng(seed)))
        for name, values in self.categories.items():
            rows[name] = pd.Categorical(rows[name], categories=list(values))
        return rows[[*self.fields, self.target_field]]


def classes(case: UseCase) -> tuple[str, ...]:
    """Return the labels in the order of a model's outputs."""
    return case.labels[::-1] if case.problem_type == BINARY else case.labels


def _spenders(n_rows: int, random: _Random) -> dict[str, Any]:
    """Draw customers by their card payments of a quarter."""
    n_payments = random.integers(5, 120, n_rows)
    mean = random.lognormal(4.6, 0.7, n_rows)
    deviation = mean * random.uniform(0.2, 1.1, n_rows)
    declined = random.poisson(1.2, n_rows)
    risky = random.binomial(4, 0.15, n_rows)
    total = n_payments * mean
    pressure = 0.9 * np.log(total / 4000) + 0.55 * (declined - 1.2) + 0.8 * (risky - 0.6)
    at_risk = random.random(n_rows) < 1 / (1 + np.exp(0.9 - pressure - 0.4 * deviation / mean))
    return {
        "amount_sum": total.round(2),
        "amount_mean": mean.round(2),
        "amount_std": deviation.round(2),
        "declined_count": declined,
        "is_high_risk_categories": risky,
        "is_high_risk": np.where(at_risk, "1", "0"),
    }


_BANDS = {
    "age_band": ("18_24", "25_34", "35_44", "45_54", "55_64", "65_plus"),
    "gender": ("F", "M", "X"),
    "income_band": ("low", "middle", "high"),
    "region": ("metro", "town", "rural"),
    "life_stage": ("student", "single", "couple", "family", "retired"),
    "marital_status": ("single", "married", "divorced", "widowed"),
}
_PERSONALITIES = ("Industrious", "Intentional", "Experiential", "Enthusiastic")

_LEANINGS: Mapping[tuple[str, str], tuple[float, float, float, float]] = MappingProxyType(
    {
        ("age_band", "18_24"): (-0.6, -0.8, 1.0, 0.9),
        ("age_band", "25_34"): (0.2, -0.2, 0.6, 0.3),
        ("age_band", "35_44"): (0.8, 0.3, -0.2, -0.4),
        ("age_band", "55_64"): (0.1, 0.7, -0.3, -0.4),
        ("age_band", "65_plus"): (-0.6, 0.9, -0.2, 0.1),
        ("income_band", "high"): (0.5, 0.3, 0.1, -0.5),
        ("income_band", "low"): (-0.2, -0.1, -0.1, 0.5),
        ("region", "metro"): (0.3, -0.1, 0.3, -0.1),
        ("region", "rural"): (-0.2, 0.5, -0.4, 0.2),
        ("life_stage", "student"): (-0.4, -0.5, 0.7, 0.9),
        ("life_stage", "family"): (0.6, 0.5, -0.6, -0.5),
        ("life_stage", "retired"): (-0.9, 0.8, 0.2, 0.1),
        ("marital_status", "married"): (0.2, 0.3, -0.3, -0.2),
    }
)
"""The weight of a value for each personality, in the order of `_PERSONALITIES`."""


def _bank_customers(n_rows: int, random: _Random) -> dict[str, Any]:
    """Draw customers of a bank; their attributes lean towards personalities."""
    columns: dict[str, Any] = {
        name: random.choice(values, n_rows) for name, values in _BANDS.items()
    }
    columns["dependents"] = random.poisson(1.1, n_rows)
    columns["tenure_months"] = random.integers(1, 240, n_rows)
    chances = random.gumbel(0, 0.8, (n_rows, len(_PERSONALITIES)))
    for (name, value), leaning in _LEANINGS.items():
        chances += np.outer(columns[name] == value, leaning)
    chances[:, 1] += columns["tenure_months"] / 240
    chances[:, 0] += 0.15 * columns["dependents"]
    columns["personality"] = np.array(_PERSONALITIES)[chances.argmax(axis=1)]
    return columns


SPEND_RISK = UseCase(
    name="spend_risk",
    problem_type=BINARY,
    target_field="is_high_risk",
    labels=("1", "0"),
    fields=(
        "amount_sum",
        "amount_mean",
        "amount_std",
        "declined_count",
        "is_high_risk_categories",
    ),
    synthesise=_spenders,
)
"""Whether a customer is about to spend more than is good for them."""

CUSTOMER_PERSONALITY = UseCase(
    name="customer_personality",
    problem_type=MULTICLASS,
    target_field="personality",
    labels=_PERSONALITIES,
    fields=(*_BANDS, "dependents", "tenure_months"),
    synthesise=_bank_customers,
    categories=MappingProxyType(_BANDS),
)
"""The use case that tells which of four personalities a customer of a bank has."""

USE_CASES: Mapping[str, UseCase] = MappingProxyType(
    {case.name: case for case in (SPEND_RISK, CUSTOMER_PERSONALITY)}
)
"""The use cases by name."""
