"""The leader among threads, on a clock of the test's own."""

import threading
from functools import partial

from drum_like.server.leader import Job, Leader, Leadership

TIMEOUT_S = 10


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def follow(leadership: Leadership[str]) -> None:
    """Have another thread wait for the lead."""
    threading.Thread(target=leadership.take, daemon=True).start()
    while not leadership.n_followers:
        threading.Event().wait(0.001)


def test_one_thread_at_a_time_leads() -> None:
    leadership = Leadership[str](lambda _: None)
    first = leadership.take()
    others: list[bool] = []
    waiting = threading.Thread(target=lambda: others.append(leadership.take().held))

    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    leadership.promote_follower(first)
    waiting.join(TIMEOUT_S)

    assert others == [True]
    assert not first.held


def test_work_is_released_before_another_thread_leads() -> None:
    released: list[str] = []
    leadership = Leadership[str](released.append)
    leader = leadership.take()
    leadership.begin(leader, "a request")

    leadership.promote_follower(leader)
    leadership.promote_follower(leader)

    assert released == ["a request"]
    assert leadership.take().held


def test_a_lead_is_revoked_when_its_work_is_overdue() -> None:
    clock, released = Clock(), list[str]()
    leadership = Leadership[str](released.append, clock)
    leader = leadership.take()
    leadership.begin(leader, "slow")
    follow(leadership)

    clock.now += 0.003
    looks_again = [leadership.revoke(0.004)]
    kept = leader.held
    clock.now += 0.003
    looks_again += [leadership.revoke(0.004), leadership.revoke(0.004)]

    assert kept
    assert not leader.held
    assert looks_again == [True, False, False]
    assert released == ["slow"]


def test_a_lead_that_waits_for_clients_may_last() -> None:
    clock, released = Clock(), list[str]()
    leadership = Leadership[str](released.append, clock)
    leader = leadership.take()
    leadership.begin(leader, "done")
    leadership.finish(leader)

    clock.now += 60
    looks_again = leadership.revoke(0.004)

    assert leader.held
    assert not looks_again
    assert released == []


def test_nothing_is_revoked_while_no_thread_leads() -> None:
    leadership = Leadership[str](lambda _: None)
    leadership.promote_follower(leadership.take())

    leadership.revoke(0)

    assert leadership.take().held


def test_the_last_thread_keeps_the_lead() -> None:
    clock, released = Clock(), list[str]()
    leadership = Leadership[str](released.append, clock)
    leader = leadership.take()
    leadership.begin(leader, "slow")

    clock.now += 60
    looks_again = leadership.revoke(0.004)

    assert leader.held
    assert looks_again
    assert released == []


def test_work_is_left_to_the_next_thread_that_is_free_while_one_leads() -> None:
    leadership, left, done = Leadership[str](lambda _: None), list[str](), list[str]()

    def job() -> Job | None:
        return partial(done.append, left.pop(0)) if left else None

    first = leadership.take_job(job)
    assert leadership.leave(lambda: left.append("a"))
    turn = leadership.take_job(job)
    assert not isinstance(turn, Leader)
    turn()

    assert isinstance(first, Leader)
    assert done == ["a"]


def test_work_is_not_left_while_a_thread_follows() -> None:
    leadership, left = Leadership[str](lambda _: None), list[str]()
    leadership.take()
    follow(leadership)

    assert not leadership.leave(lambda: left.append("a"))
    assert left == []
