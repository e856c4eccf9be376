"""A slice of the streams that `make wire` reads with gunicorn's reader and with ours."""

from dataclasses import replace

from tests.wire.live import judged_live
from tests.wire.readers import OurReader
from tests.wire.streams import draw
from tests.wire.verdict import Judge, judged

SEED = 16
COUNT = 2000
LIVE = 150


def test_what_gunicorn_reads_is_read_or_the_connection_closed() -> None:
    tally = Judge(SEED).judge(range(COUNT))

    assert tally.failures == {}
    assert tally.kinds["valid, kept"] >= 0.3 * COUNT
    assert tally.kinds["odd, read by both"] >= 0.05 * COUNT
    assert tally.kinds["odd, refused by both"] >= 0.3 * COUNT


def test_real_servers_answer_the_same_requests() -> None:
    tally = judged_live(SEED, range(LIVE))

    assert tally.failures == {}
    assert tally.kinds["valid"] >= 0.3 * LIVE


def test_a_request_more_or_less_is_noticed() -> None:
    stream = next(s for s in (draw(SEED, n) for n in range(100)) if s.wanted and not s.closes)
    assert stream.wanted is not None
    reader = OurReader()

    assert judged(stream, reader) == ("valid, kept", "")
    assert judged(replace(stream, wanted=stream.wanted[:-1]), reader)[1]
    assert judged(replace(stream, pieces=(*stream.pieces[:-1], b"")), reader)[1]
