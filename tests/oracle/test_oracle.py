"""A slice of the oracle: servers answer as the libraries themselves. `make oracle` asks it all."""

import json
import warnings
from collections.abc import Iterator
from functools import cache

import pytest

from tests.oracle.breaking import BROKEN, noticed
from tests.oracle.report import all_findings, reproduction
from tests.oracle.running import ALL_DOORS, Order, run_order
from tests.oracle.store import store_server
from tests.oracle.verdict import CaseReport

SLICE = {
    "sk-zip-codes": ".pkl",
    "sk-words-for-missing": ".joblib",
    "xgb-early-stopping": ".json",
    "lgbm-text-categories": ".txt",
    "onnx-logistic-columns": ".onnx",
    "onnx-mixed-columns": ".onnx",
}
"""The models that are asked about here, each out of one file."""

QUICK = ("csv", "h2o")
MOST_LINES = 20
DRAWN = 1
"""Requests that hypothesis draws for a door; `make oracle` draws more."""


@pytest.fixture(scope="module")
def store_url() -> Iterator[str]:
    with store_server() as url:
        yield url


def run_quietly(order: Order) -> CaseReport:
    """Run a case; libraries warn about tiny models."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run_order(order)


@cache
def findings_of_whole_rows(case: str, file: str) -> int:
    """Return the number of wrong answers where nothing is broken on purpose."""
    return len(run_quietly(Order(case, 0, QUICK, files=(file,))).findings)


@pytest.mark.parametrize("case", SLICE)
def test_a_server_answers_as_the_library(case: str, store_url: str) -> None:
    order = Order(case, 0, ALL_DOORS, store_url, files=(SLICE[case],), drawn=DRAWN)
    report = run_quietly(order)

    found = [reproduction(finding) for finding in all_findings([report])]
    assert not found, "\n".join(found[:MOST_LINES])
    assert report.refused_start or report.tallies


def test_the_smallest_row_that_fails_is_named() -> None:
    broken = Order(
        "sk-numbers-logistic", 0, ("csv",), mutant="sign-dropped", files=(".pkl",), drawn=20
    )

    (drawn,) = [one for one in run_quietly(broken).findings if one.place == "drawn"]

    assert sum(number < 0 for number in json.loads(drawn.row).values()) == 1


@pytest.mark.parametrize("mutant", BROKEN)
def test_a_broken_decoder_is_noticed(mutant: str) -> None:
    case, file = BROKEN[mutant]

    broken = run_quietly(Order(case, 0, QUICK, mutant=mutant, files=(file,)))

    assert findings_of_whole_rows(case, file) == 0
    assert all(noticed(Order(case, 0, mutant=mutant), broken).doors.values())
