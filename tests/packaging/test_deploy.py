"""The dashboard and the alerts in deploy/: every metric and label that they name is there."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drum_like.server.body_budget import AnswersHeldError, NoRoomError
from drum_like.system.instruments import Counter, Histogram, Metric
from drum_like.system.metrics import METRICS, WORKER_ENDS, kind_of

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
OPERATIONS = ROOT / "docs" / "operations.md"
RULES = DEPLOY / "prometheus-rules.yaml"
DASHBOARD = DEPLOY / "grafana-dashboard.json"
OF_PROMETHEUS = {"job", "instance", "le"}

_WORD = re.compile(r"`(\w+)`")
_NAME = re.compile(r"\bdrum_like_\w+")
_MATCHER = re.compile(r"(drum_like_\w+)\{([^}]*)\}")
_GROUPED = re.compile(r"\b(?:by|ignoring) \(([^)]*)\)")
_REASONS = re.compile(r'(kind|reason|outcome|phase)[=!]~?"([^"$]*)"')


def samples() -> dict[str, set[str]]:
    """Return the labels of all samples of /metrics by their names."""
    found: dict[str, set[str]] = {}
    for metric in METRICS:
        found |= {f"{metric.name}{end}": {*metric.labels} for end in _ends(metric)}
    return found


def _ends(metric: Metric) -> tuple[str, ...]:
    if isinstance(metric, Histogram):
        return "_bucket", "_sum", "_count"
    return ("_total",) if isinstance(metric, Counter) else ("",)


def rules() -> Iterator[dict[str, Any]]:
    """Yield all alerts."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from group["rules"]


def expressions() -> Iterator[str]:
    """Yield all queries of the alerts and of the dashboard."""
    yield from (rule["expr"] for rule in rules())
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("query", tuple(expressions()))
def test_metrics_and_labels_of_a_query_are_there(query: str) -> None:
    known = samples()
    named = _NAME.findall(query)

    assert set(named) <= known.keys()
    for name, matchers in _MATCHER.findall(query):
        assert set(re.findall(r"(\w+)[=!]", matchers)) <= known[name] | OF_PROMETHEUS
    for labels in _GROUPED.findall(query):
        wanted = set(re.split(r",\s*", labels))
        assert wanted <= OF_PROMETHEUS.union(*(known[name] for name in named))


@pytest.mark.parametrize("query", tuple(expressions()))
def test_values_of_labels_in_a_query_are_there(query: str) -> None:
    known = {
        label: {
            values[at] for metric in METRICS for values in metric.known if label in metric.labels
        }
        for at, label in ((0, "reason"), (0, "outcome"), (0, "phase"))
    }
    known["kind"] = {"busy"}

    for label, values in _REASONS.findall(query):
        assert set(values.split("|")) <= known[label]


def test_a_server_that_does_not_answer_is_found_by_the_job_of_the_documents() -> None:
    """It has no metrics, only `up` of its job; with no job of such a name it is merely absent."""
    alerts = {rule["alert"]: rule["expr"] for rule in rules()}
    jobs = re.findall(r"job_name: (\S+)", OPERATIONS.read_text())
    down = re.fullmatch(r'up\{job=~"(.*)"\} == 0', alerts["DrumLikeDown"])

    assert jobs
    assert down
    assert [job for job in jobs if not re.fullmatch(down[1], job)] == []
    assert alerts["DrumLikeMissing"] == "absent(drum_like_build_info)"


def test_the_dashboard_shows_every_metric_but_those_of_the_start() -> None:
    shown = {name for query in expressions() for name in _NAME.findall(query)}

    missing = [one.name for one in METRICS if not any(name.startswith(one.name) for name in shown)]

    assert set(missing) <= {"drum_like_build_info", "drum_like_start_time_seconds"}


def test_panels_have_places_of_their_own() -> None:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]

    assert len({*places}) == len(places)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)


def run_book() -> str:
    """Return the part of the documents that says what to do."""
    return OPERATIONS.read_text().partition("\n## Run book\n")[2].partition("\n## ")[0]


def test_the_run_book_says_what_to_do_at_each_alert() -> None:
    assert set(re.findall(r"`(DrumLike\w+)`", run_book())) == {rule["alert"] for rule in rules()}


def test_the_run_book_has_each_reason_why_workers_end_but_those_that_are_asked_for() -> None:
    part = run_book().partition("### A worker restarts")[2].partition("\n### ")[0]
    told = {
        word
        for line in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
        for word in _WORD.findall(line)
    }
    known = {values[0] for values in WORKER_ENDS.known}

    assert told == known - {"reload", "max_requests"}


def test_the_run_book_has_the_kinds_of_errors_that_are_answered_503() -> None:
    part = run_book().partition("### Answers are 503")[2].partition("\n### ")[0]
    told = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)

    assert told == [
        *("busy", kind_of(NoRoomError.__name__), kind_of(AnswersHeldError.__name__)),
    ]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_reads_the_alerts() -> None:
    command = ["promtool", "check", "rules", str(RULES)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
