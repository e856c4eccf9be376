"""Whose turn it is, on a clock of the test's own."""

import threading

from drum_like.server.leader import Turns

TIMEOUT_S = 10


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_one_thread_at_a_time_has_the_turn() -> None:
    turns = Turns[str](lambda _: None)
    first = turns.take()
    others: list[bool] = []
    waiting = threading.Thread(target=lambda: others.append(turns.take().held))

    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    turns.pass_on(first)
    waiting.join(TIMEOUT_S)

    assert others == [True]
    assert not first.held


def test_work_is_released_before_anybody_else_has_the_turn() -> None:
    released: list[str] = []
    turns = Turns[str](released.append)
    turn = turns.take()
    turns.begin(turn, "a request")

    turns.pass_on(turn)
    turns.pass_on(turn)

    assert released == ["a request"]
    assert turns.take().held


def test_a_turn_is_taken_away_when_its_work_is_overdue() -> None:
    clock, released = Clock(), list[str]()
    turns = Turns[str](released.append, clock)
    turn = turns.take()
    turns.begin(turn, "slow")

    clock.now += 0.003
    looks_again = [turns.take_away(0.004)]
    kept = turn.held
    clock.now += 0.003
    looks_again += [turns.take_away(0.004), turns.take_away(0.004)]

    assert kept
    assert not turn.held
    assert looks_again == [True, False, False]
    assert released == ["slow"]


def test_a_turn_that_waits_for_clients_may_last() -> None:
    clock, released = Clock(), list[str]()
    turns = Turns[str](released.append, clock)
    turn = turns.take()
    turns.begin(turn, "done")
    turns.finish(turn)

    clock.now += 60
    looks_again = turns.take_away(0.004)

    assert turn.held
    assert not looks_again
    assert released == []


def test_nothing_is_taken_away_while_nobody_has_the_turn() -> None:
    turns = Turns[str](lambda _: None)
    turns.pass_on(turns.take())

    turns.take_away(0)

    assert turns.take().held
