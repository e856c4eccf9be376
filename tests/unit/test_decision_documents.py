"""What is left out of the decision log, and what waits for its decision."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drum_like.contracts.ecosystem.decision_log.calls import Answered, Call
from drum_like.contracts.ecosystem.decision_log.documents import (
    MASK,
    STRUCTURE,
    Documents,
    Redaction,
)
from drum_like.contracts.ecosystem.decision_log.items import Made
from drum_like.contracts.ecosystem.decision_log.recorder import MOST_EARLY, Recorder
from drum_like.errors import SettingsError
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


def test_what_is_accepted_waits_for_its_decision(tmp_path: Path) -> None:
    recorder = Recorder(Place(tmp_path), DOCUMENTS)
    answered = Answered("u", NOW, ["x"], "web")
    recorder.write([answered])
    before = recorder.waits

    recorder.write([Made(DOCUMENTS.presented(_call("u")), None)])
    recorder.write(())
    recorder.close()

    (found,) = decisions(tmp_path)
    assert before
    assert not recorder.waits
    assert found.accepted is not None
    assert found.accepted.document["response"]["offers_accepted"] == [{"offer_name": "x"}]


def test_no_more_words_wait_than_there_is_room_for(tmp_path: Path) -> None:
    recorder = Recorder(Place(tmp_path), DOCUMENTS)

    n_lost = recorder.write([Answered(str(at), NOW, [], "") for at in range(MOST_EARLY + 5)])
    recorder.close()

    assert n_lost == 5
    assert len(recorder.early()) == MOST_EARLY


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    recorder = Recorder(Place(tmp_path), DOCUMENTS)
    presented = DOCUMENTS.presented(_call("u"))
    made = Made(presented, DOCUMENTS.automatic(presented, "web"))

    recorder.write([made])
    recorder.write([Answered("u", NOW, ["said"], "web")])
    recorder.write([made])
    recorder.close()

    (found,) = decisions(tmp_path)
    assert found.accepted is not None
    assert not found.accepted.is_automatic


def _call(uuid: str) -> Call:
    return Call(
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
