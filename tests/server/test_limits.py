"""The limits of clients: time by bytes, and connections by open files."""

import math
import resource
from collections.abc import Iterator

import pytest

from drum_like.config.server_settings import ServerSettings
from drum_like.server.limits import (
    MOST_CONNECTIONS,
    RESERVED_FILES,
    ClientLimits,
    allow_files,
    client_limits,
)


@pytest.fixture(name="hard")
def fixture_hard() -> Iterator[int]:
    """Return the most open files that this process may allow itself; few are allowed at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("limits", "n_bytes", "expected"),
    [
        (ClientLimits(), 0, 30),
        (ClientLimits(), 5000, 40),
        (ClientLimits(request_s=5), 0, 5),
        (ClientLimits(request_s=5), 5000, pytest.approx(5, abs=0.1)),
        (ClientLimits(request_s=600), 1 << 30, 600 + 4096),
        (ClientLimits(request_s=5, rate=0), 0, 5),
        (ClientLimits(rate=0), 0, math.inf),
    ],
)
def test_a_transfer_may_take_longer_the_more_has_gone(
    limits: ClientLimits, n_bytes: int, expected: float
) -> None:
    assert limits.transfer_s(n_bytes) == expected


def test_no_part_of_a_request_may_take_longer_than_a_request() -> None:
    limits = ClientLimits(header_s=10, request_s=5)

    assert (limits.head_s, limits.pause_s) == (5, 5)
    assert ClientLimits(header_s=10, request_s=600).head_s == 10


def test_the_limit_of_open_files_is_raised_as_far_as_needed(hard: int) -> None:
    assert [allow_files(100), allow_files(300), allow_files(200)] == [256, 300, 300]
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, hard)


def test_the_connections_are_those_asked_for_or_those_that_fit(hard: int) -> None:
    asked = client_limits(ServerSettings(worker_connections=100))
    usual = client_limits(ServerSettings())

    assert asked.connections == 100
    assert usual.files == min(hard, MOST_CONNECTIONS + RESERVED_FILES)
    assert usual.connections == min(MOST_CONNECTIONS, max(hard - RESERVED_FILES, hard // 2))
