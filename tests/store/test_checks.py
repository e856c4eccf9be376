"""Checks of versions: the process that checks, and checks that never end."""

import pytest

from drum_like.store.check_queue import ATTEMPTS, Outcome
from drum_like.store.entities import Status
from drum_like.store.store import Store
from tests.support.stores import put

LONG_S = 3600.0
OVER_S = -1.0


def test_a_version_is_claimed_by_one(store: Store) -> None:
    version = put(store, "m", status=Status.PENDING)

    mine = store.checks.claim("me", LONG_S)

    assert mine is not None
    assert (mine.id, mine.status, mine.attempts) == (version.id, Status.LOADING, 1)
    assert store.checks.claim("you", LONG_S) is None


@pytest.mark.parametrize(
    ("error", "status"), [(None, Status.READY), ("it does not load", Status.ERROR)]
)
def test_a_check_ends_in_ready_or_error(store: Store, error: str | None, status: Status) -> None:
    version = put(store, "m", status=Status.PENDING)
    store.checks.claim("me", LONG_S)

    assert store.checks.finish(version.id, "me", Outcome(error, ("done",)))

    found = store.versions.get(version.id)
    assert (found.status, found.error) == (status, error)
    assert found.updated_at > version.updated_at
    assert store.logs.of_version(version.id)[-1].text == "done"
    assert store.checks.claim("me", LONG_S) is None


def test_a_lease_that_is_over_goes_to_another(store: Store) -> None:
    version = put(store, "m", status=Status.PENDING)
    store.checks.claim("dead", OVER_S)

    again = store.checks.claim("me", LONG_S)

    assert again is not None
    assert again.attempts == 2
    assert not store.checks.finish(version.id, "dead", Outcome("too late"))
    assert store.checks.finish(version.id, "me", Outcome(None))
    assert store.versions.get(version.id).status is Status.READY


def test_a_version_whose_check_never_ends_is_given_up(store: Store) -> None:
    version = put(store, "m", status=Status.PENDING)
    for _ in range(ATTEMPTS):
        assert store.checks.claim("dying", OVER_S) is not None

    assert store.checks.claim("me", LONG_S) is None

    found = store.versions.get(version.id)
    assert found.status is Status.ERROR
    assert "without a result" in str(found.error)


def test_a_released_version_counts_as_not_begun(store: Store) -> None:
    version = put(store, "m", status=Status.PENDING)
    store.checks.claim("me", LONG_S)

    store.checks.release(version.id, "me")

    found = store.versions.get(version.id)
    assert (found.status, found.attempts) == (Status.PENDING, 0)
    assert store.checks.claim("you", LONG_S) is not None


def test_a_version_that_is_gone_cannot_be_finished(store: Store) -> None:
    version = put(store, "m", status=Status.PENDING)
    store.checks.claim("me", LONG_S)
    store.versions.delete((version.uuid,))

    assert not store.checks.finish(version.id, "me", Outcome(None))


def test_good_verdicts_are_remembered(store: Store) -> None:
    assert not store.checks.is_known_good("f" * 64)

    store.checks.remember_good("f" * 64)
    store.checks.remember_good("f" * 64)

    assert store.checks.is_known_good("f" * 64)
