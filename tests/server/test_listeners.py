"""Addresses to listen on."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drum_like.errors import SettingsError
from drum_like.server.listeners import listen, listen_at, remove_file, turn_away, url


def test_port_0_is_any_free_port() -> None:
    with listen("127.0.0.1", 0, 8) as listener:
        host, port = listener.getsockname()

        assert url(listener) == f"http://127.0.0.1:{port}"
        socket.create_connection((host, port), timeout=5).close()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["::", "::1"])
def test_ipv6_addresses_are_written_in_brackets(host: str) -> None:
    with listen(host, 0, 8) as listener:
        assert url(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_every_address_is_shown_as_one_that_can_be_called() -> None:
    with listen("0.0.0.0", 0, 8) as listener:
        assert url(listener).startswith("http://127.0.0.1:")


def test_a_port_in_use_is_named() -> None:
    with listen("127.0.0.1", 0, 8) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(SettingsError, match=f"127.0.0.1:{port}: the port is in use"):
            listen("127.0.0.1", port, 8)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("no-such-host.invalid", "the host is not known"),
        ("a" * 70, "not the name of a host"),
        ("a..b", "not the name of a host"),
        ("192.0.2.1", "this machine does not have that address"),
    ],
)
def test_an_impossible_host_is_named(host: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        listen(host, 0, 8)


@pytest.fixture(name="path")
def fixture_path() -> Iterator[Path]:
    """A path that is short enough for a socket."""
    with TemporaryDirectory(prefix="unix-") as name:
        yield Path(name) / "socket"


def test_who_looks_for_a_unix_socket_that_turns_away_does_not_find_it(path: Path) -> None:
    with listen_at(str(path), 8) as listener, socket.socket(socket.AF_UNIX) as early:
        early.connect(str(path))
        turn_away([listener])

        assert not path.exists()
        listener.accept()[0].close()


def test_a_file_that_another_server_has_made_since_stays(path: Path) -> None:
    with listen_at(str(path), 8), socket.socket(socket.AF_UNIX) as other:
        path.unlink()
        other.bind(str(path))
        remove_file(str(path))

        assert path.exists()


def test_a_unix_socket_does_not_change_the_rights_of_other_files(path: Path) -> None:
    with listen_at(str(path), 8):
        path.with_name("file").touch()
        mask = os.umask(0)
        os.umask(mask)

        assert path.with_name("file").stat().st_mode & 0o777 == 0o666 & ~mask
