"""The end of the decision log: what is not written is counted."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.contracts.ecosystem.decision_log.calls import DecisionCall
from drum_like.contracts.ecosystem.decision_log.log import open_log
from drum_like.contracts.ecosystem.decision_log.queue import MOST_BYTES
from tests.support.campaigns import decisions


def test_what_had_no_room_since_the_last_write_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log ends before its thread looks again for entries without room."""
    store = tmp_path / "store"
    log = open_log(load(ServerSettings, ["server", "--store", str(store)], {}))
    assert log is not None
    for _ in range(4):
        log.put(made(), MOST_BYTES)

    with caplog.at_level(logging.ERROR):
        log._finish()  # noqa: SLF001 - as its thread does where it is told to end

    assert len(decisions(store)) == 1
    assert "lost 3 decisions" in caplog.text


def made() -> DecisionCall:
    """Return a call as it is answered."""
    now = datetime.now(UTC)
    return DecisionCall(
        uuid=str(uuid4()),
        began=now,
        ended=now,
        clock_ns=0,
        duration_ns=1,
        campaign="spend",
        sub_campaign="",
        channel="app",
        customer="c1",
        user="u1",
        n_results=1,
        in_params={},
        final_result=[],
        model="m",
        failed=False,
    )
