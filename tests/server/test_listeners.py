"""Addresses to listen on."""

import socket

import pytest

from drum_like.errors import SettingsError
from drum_like.server.listeners import listen, url


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
