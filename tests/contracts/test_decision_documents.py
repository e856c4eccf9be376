"""Values left out of the decision log, and entries that wait or have no room."""

import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.contracts.ecosystem.decision_log import recorder as recorder_module
from drum_like.contracts.ecosystem.decision_log.calls import Acceptance, DecisionCall
from drum_like.contracts.ecosystem.decision_log.documents import (
    MASK,
    STRUCTURE,
    Documents,
    Redaction,
)
from drum_like.contracts.ecosystem.decision_log.log import open_log
from drum_like.contracts.ecosystem.decision_log.queue import MOST_BYTES, Item, NewDecision
from drum_like.contracts.ecosystem.decision_log.recorder import MOST_EARLY, Outcome, Recorder
from drum_like.contracts.ecosystem.decision_log.spool import line_of, parse_line
from drum_like.errors import SettingsError
from drum_like.store.ecosystem_entities import Accepted, Presented
from drum_like.store.location import Place
from tests.support.campaigns import decisions

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DOCUMENTS = Documents("host", "127.0.0.1", 80, Redaction(()))


@pytest.mark.parametrize(
    ("document", "masked"),
    [
        pytest.param({"Age": 3, "b": 1}, {"Age": MASK, "b": 1}, id="a-key"),
        pytest.param({"a": [{"age": {"x": 1}}]}, {"a": [{"age": MASK}]}, id="below"),
        pytest.param(
            {"input": ["b", "age"], "value": [1, 2]},
            {"input": ["b", "age"], "value": [1, MASK]},
            id="lists-side-by-side",
        ),
        pytest.param({"key": "age", "value": 7}, {"key": "age", "value": MASK}, id="key-and-value"),
        pytest.param({"input": ["age"], "value": 7}, {"input": ["age"], "value": 7}, id="no-lists"),
    ],
)
def test_named_values_are_masked_wherever_they_stand(document: Any, masked: Any) -> None:
    assert Redaction(("AGE",))(document) == masked
    assert Redaction(())(document) is document


@pytest.mark.parametrize("name", sorted(STRUCTURE))
def test_what_holds_a_decision_together_cannot_be_masked(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Redaction((name.upper(),))


def test_an_acceptance_waits_for_its_decision(tmp_path: Path) -> None:
    recorder = Recorder(Place(tmp_path), DOCUMENTS)
    recorder.write([_acceptance()])
    before = recorder.waits

    recorder.write([_decision("u")])
    recorder.write(())
    recorder.close()

    (found,) = decisions(tmp_path)
    assert before
    assert not recorder.waits
    assert found.accepted is not None
    assert found.accepted.document["response"]["offers_accepted"] == [{"offer_name": "x"}]


def test_no_more_acceptances_wait_than_there_is_room_for(tmp_path: Path) -> None:
    recorder = Recorder(Place(tmp_path), DOCUMENTS)

    first = recorder.write([Acceptance(str(at), NOW, [], "") for at in range(MOST_EARLY + 5)])
    second = recorder.write([_decision("u"), Acceptance("more", NOW, [], "")])
    recorder.close()

    assert (first, second) == (Outcome(0, 5), Outcome(1, 1))
    assert len(recorder.early()) == MOST_EARLY


def test_an_acceptance_counts_once_its_decision_comes(tmp_path: Path) -> None:
    recorder = Recorder(Place(tmp_path), DOCUMENTS)

    outcomes = [recorder.write(items) for items in ([_acceptance()], (), [_decision("u")], (), ())]
    recorder.close()

    nothing, one = Outcome(0, 0), Outcome(1, 0)
    assert outcomes == [nothing, nothing, one, one, nothing]


def test_an_acceptance_is_left_out_where_its_decision_does_not_come_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder_module, "PATIENCE_S", 0.2)
    recorder = Recorder(Place(tmp_path), DOCUMENTS)

    early = [recorder.write(items) for items in ([_acceptance()], ())]
    time.sleep(0.3)
    late = [recorder.write(()), recorder.write(())]
    recorder.close()

    assert early == late == [Outcome(0, 0)] * 2
    assert not recorder.waits
    assert [record.getMessage() for record in caplog.records] == [
        "the decision log: 1 acceptances without decisions left out"
    ]


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    recorder = Recorder(Place(tmp_path), DOCUMENTS)
    presented = DOCUMENTS.presented(_call("u"))
    made = NewDecision(presented, DOCUMENTS.automatic(presented, "web"))

    recorder.write([made])
    recorder.write([Acceptance("u", NOW, ["said"], "web")])
    recorder.write([made])
    recorder.close()

    (found,) = decisions(tmp_path)
    assert found.accepted is not None
    assert not found.accepted.is_automatic


def _acceptance() -> Acceptance:
    return Acceptance("u", NOW, ["x"], "web")


def test_what_had_no_room_since_the_last_write_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log ends before its thread looks again for entries without room."""
    store = tmp_path / "store"
    log = open_log(load(ServerSettings, ["server", "--store", str(store)], {}))
    assert log is not None
    for number in range(4):
        log.put(_call(f"u{number}"), MOST_BYTES)

    with caplog.at_level(logging.ERROR):
        log._finish()  # noqa: SLF001 - as its thread does where it is told to end

    assert len(decisions(store)) == 1
    assert "lost 3 decisions" in caplog.text


def _decision(uuid: str) -> NewDecision:
    return NewDecision(DOCUMENTS.presented(_call(uuid)), None)


def _call(uuid: str) -> DecisionCall:
    return DecisionCall(
        uuid=uuid,
        began=NOW,
        ended=NOW,
        clock_ns=1,
        duration_ns=2,
        campaign="c",
        sub_campaign="s",
        channel="web",
        customer="none",
        user="api",
        n_results=1,
        in_params={"big": 1 << 70, "half": "\ud800", "nan": float("nan")},
        final_result=(),
        model=None,
        failed=False,
    )


def test_a_line_of_a_spool_is_read_as_the_item_that_it_was() -> None:
    presented = Presented("u", NOW, "c", {"final_result": [{"rank": 1}]})
    items: tuple[Item, ...] = (
        NewDecision(presented, None),
        NewDecision(presented, Accepted("u", NOW, is_automatic=True, document={"a": "b"})),
        Acceptance("u", NOW, ["x", {"offer_id": "y"}], "web"),
    )

    lines = [line_of(item) for item in items]

    assert [parse_line(json.loads(line)) for line in lines] == list(items)
    assert [next(iter(json.loads(line))) for line in lines] == ["Made", "Made", "Answered"]


def test_a_line_of_a_spool_is_text_whatever_was_sent() -> None:
    sent = {"half": "\ud800", "number": float("nan"), "long": 2**70}

    line = line_of(NewDecision(Presented("u", NOW, "c", sent), None))

    read = parse_line(json.loads(line))
    assert isinstance(read, NewDecision)
    assert read.presented.at == NOW
    assert read.presented.document == {"half": "?", "number": None, "long": 2**70}
