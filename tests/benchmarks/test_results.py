"""The benchmark's arithmetic: ratios, bars, merging, tables and the chart."""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import chart, report
from benchmarks.figures import Bar, Figure, best_other, figures
from benchmarks.load import LARGE
from benchmarks.parts import PARTS, Choice, stages
from benchmarks.peers.catalogue import DRUM, OURS
from benchmarks.plan import Case, Measurement, Results, Setup

ONE_ROW = "1 row CSV, 1 connection, p50"


def rounds(case: Case, name: str, values: Sequence[float]) -> list[Measurement]:
    return [Measurement(case, {name: value, "others_percent": 0.0}) for value in values]


def one_row(peer: str, form: str = "csv") -> Case:
    return Case("one-row", Setup(peer), form, 1)


def found(results: Results, title: str, over: str) -> Figure:
    return next(
        figure for figure in figures(results) if figure.title == title and over in figure.bar.over
    )


def test_a_ratio_is_taken_within_a_round() -> None:
    ours = rounds(one_row(OURS), "p50_ms", [1.0, 10.0, 1.0])
    drum = rounds(one_row(DRUM), "p50_ms", [10.0, 100.0, 20.0])

    figure = found(Results([*ours, *drum]), ONE_ROW, "DRUM")

    assert figure.values == (0.1, 0.1, 0.05)
    assert figure.value == 0.1
    assert figure.reached


def test_the_best_peer_is_compared_in_its_best_form() -> None:
    measured = [
        *rounds(one_row("mlflow"), "p50_ms", [4.0]),
        *rounds(one_row("mlflow", "json"), "p50_ms", [3.0]),
        *rounds(one_row("mlserver", "json"), "p50_ms", [5.0]),
        *rounds(one_row(DRUM), "p50_ms", [1.0]),
    ]

    best = best_other(Results(measured), one_row(OURS), "p50_ms")

    assert best == one_row("mlflow", "json")


def test_most_requests_are_best() -> None:
    measured = [
        *rounds(one_row("mlflow"), "rps", [100.0]),
        *rounds(one_row("bentoml", "json"), "rps", [200.0]),
    ]

    best = best_other(Results(measured), one_row(OURS), "rps")

    assert best == one_row("bentoml", "json")


def test_the_floor_is_receiving_and_computing() -> None:
    def big(peer: str) -> Case:
        return Case("big-csv", Setup(peer), "csv", 100_000)

    measured = [
        *rounds(big(OURS), "p50_ms", [330.0]),
        *rounds(big("discard"), "p50_ms", [60.0]),
        *rounds(big("compute"), "p50_ms", [240.0]),
    ]

    figure = found(Results(measured), "100,000 rows CSV, one request, 1 worker", "floor")

    assert figure.value == pytest.approx(1.1)


def test_what_was_not_measured_has_no_verdict() -> None:
    assert {figure.reached for figure in figures(Results([]))} == {None}


@pytest.mark.parametrize(
    ("bar", "value", "reached"),
    [
        pytest.param(Bar("x", "≤", 1.15), 1.15, True, id="at-the-upper-bar"),
        pytest.param(Bar("x", "≤", 1.15), 1.16, False, id="above-it"),
        pytest.param(Bar("x", "≥", 8.0), 8.0, True, id="at-the-lower-bar"),
        pytest.param(Bar("x", "≥", 8.0), 7.9, False, id="below-it"),
    ],
)
def test_a_bar_is_reached(bar: Bar, value: float, *, reached: bool) -> None:
    assert Figure("title", bar, (value,)).reached is reached


def test_results_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    measured = [
        *rounds(one_row(OURS), "p50_ms", [1.0, 2.0]),
        *rounds(Case("score", Setup(OURS), "csv", 100), "rows_per_s", [7.0]),
    ]

    report.write(Results(measured, {"mlflow": "no"}), {"CPUs": "2"}, tmp_path)
    read = report.read(tmp_path / "results.json")

    assert list(read.measurements) == measured
    assert read.gaps == {"mlflow": "no"}


def test_merging_keeps_what_could_not_be_measured_of_other_parts() -> None:
    old = Results([], {"ping, mlflow": "no", "one-row, mlflow": "no", "one-row, drum": "no"})
    new = Results(rounds(one_row(OURS), "p50_ms", [1.0]), {"one-row, drum": "still no"})

    merged = report.merged(old, new)

    assert merged.gaps == {"ping, mlflow": "no", "one-row, drum": "still no"}


def test_merging_replaces_whole_parts() -> None:
    old = [
        *rounds(one_row(OURS), "p50_ms", [1.0]),
        *rounds(Case("ping", Setup(OURS), "ping"), "p50_ms", [2.0]),
    ]
    new = rounds(one_row(DRUM), "p50_ms", [3.0])

    merged = report.merged(Results(old), Results(new))

    assert [case.part for case in merged.cases] == ["ping", "one-row"]
    assert merged.cases[1].setup.peer == DRUM


def test_a_table_says_what_was_not_reached_and_what_was_not_measured() -> None:
    measured = [
        *rounds(one_row(OURS), "p50_ms", [5.0]),
        *rounds(one_row(DRUM), "p50_ms", [10.0]),
    ]

    lines = report.figure_table(figures(Results(measured))).splitlines()

    assert f"| {ONE_ROW} | DRUM | ≤ 0.125 | **0.5** (0.5 to 0.5; 1) | no |" in lines
    assert any(line.endswith("| not measured |") for line in lines)


def test_a_verdict_from_a_busy_machine_says_so() -> None:
    measured = [
        Measurement(one_row(peer), {"p50_ms": 1.0, "others_percent": 48.0}) for peer in (OURS, DRUM)
    ]

    table = report.figure_table(figures(Results(measured)))

    assert "| no, but other programs took 48 % of the CPUs |" in table


def test_the_chart_is_a_picture_with_words() -> None:
    cases = [Case("one-row", Setup(peer), "csv", 1, 8) for peer in (OURS, DRUM)]
    measured = [
        *rounds(cases[0], "rps", [2000.0]),
        *rounds(cases[1], "rps", [200.0]),
    ]

    image = ET.fromstring(chart.draw(Results(measured)))

    title = image.find("{http://www.w3.org/2000/svg}title")
    bars = image.findall("{http://www.w3.org/2000/svg}rect")
    assert title is not None
    assert title.text == "1 row, 8 clients: requests a second: drum-like 2,000, drum 200"
    assert [float(bar.get("width", "")) for bar in bars] == pytest.approx([540.0, 54.0])


def test_every_part_measures_each_case_once() -> None:
    found = stages(PARTS, Choice())

    cases = [case for stage in found for case in stage.cases]
    assert len(cases) == len(set(cases))
    assert {case.part for case in cases} == set(PARTS)
    assert all(case.connections == 1 or case.n_rows for case in cases)


def test_one_part_can_be_measured_without_any_peer() -> None:
    found = stages(["one-row"], Choice(peers=(), workers=(1,), connections=(1,)))

    peers = {case.setup.peer for stage in found for case in stage.cases if case.n_rows < LARGE}
    assert peers == {OURS, "discard"}
