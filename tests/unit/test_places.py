"""How many threads are let in at once."""

from threading import Event, Thread

import pytest

from drum_like.scoring.places import Places

WAIT_S = 10.0
NOT_YET_S = 0.05


def test_the_next_thread_waits_for_a_place() -> None:
    places, entered = Places(2), Event()

    def enter() -> None:
        with places:
            entered.set()

    waiting = Thread(target=enter)
    with places:
        with places:
            waiting.start()
            assert not entered.wait(NOT_YET_S)

        assert entered.wait(WAIT_S)
    waiting.join(WAIT_S)


def test_an_error_gives_the_place_back() -> None:
    places = Places(1)

    with pytest.raises(ValueError, match="inside"), places:
        raise ValueError("inside")

    with places:
        pass
