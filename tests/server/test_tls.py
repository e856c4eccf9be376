"""A socket over TLS, used as the loop uses sockets."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drum_like.server.request_reader import GO_ON
from drum_like.server.tls import PlainHttpError, TlsSocket, decrypted, open_certificate
from tests.support.certificates import Authority

ANSWER = bytes(range(256)) * (1 << 17)
"""More bytes than a socket holds for a client that does not read."""


class Pair:
    """Both ends of a connection.

    Attributes:
        ours: The socket under test.
        theirs: The client's; over TLS after the handshake.
        client: The same, after it.
    """

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder)
        files = authority.issue()
        certificate = open_certificate(files.chain, files.key)
        assert certificate is not None
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        theirs.settimeout(20)
        self.ours = certificate.secure(ours)
        self.theirs, self._context = theirs, authority.trusting()
        self._context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        self.client: ssl.SSLSocket

    def shake_hands(self) -> None:
        """Have the client shake hands, and say something that is read."""
        client = threading.Thread(target=self._begin)
        client.start()
        assert self.received() == b"x"
        client.join()

    def received(self, most: int = 65536) -> bytes:
        """Return the next bytes that come, as the loop waits for them."""
        while True:
            try:
                return self.ours.recv(most)
            except BlockingIOError:
                assert select.select([self.ours], [], [], 20)[0]

    def close(self) -> None:
        """Close both ends."""
        for sock in (self.ours, self.theirs):
            sock.close()

    def _begin(self) -> None:
        self.client = self._context.wrap_socket(
            self.theirs, server_hostname="localhost", suppress_ragged_eofs=False
        )
        self.theirs = self.client
        self.client.sendall(b"x")


@pytest.fixture(name="pair")
def fixture_pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    yield pair
    pair.close()


def sent(sock: TlsSocket, data: bytes) -> int:
    """Send until there is no room; return the number of bytes."""
    n_sent = 0
    while n_sent < len(data):
        try:
            n_sent += sock.send(memoryview(data)[n_sent:])
        except BlockingIOError:
            break
    return n_sent


def words(sock: TlsSocket) -> int:
    """Send words until one is given up; return the number of bytes before it."""
    n_sent = 0
    try:
        while True:
            n_sent += sock.send(GO_ON)
    except BlockingIOError:
        return n_sent


def read(client: ssl.SSLSocket, number: int) -> bytes:
    received = bytearray()
    while len(received) < number:
        piece = client.recv(65536)
        assert piece
        received += piece
    return bytes(received)


def test_an_answer_that_finds_no_room_is_whole_at_the_end(pair: Pair) -> None:
    pair.shake_hands()
    n_sent = sent(pair.ours, ANSWER)
    received = b""
    while n_sent < len(ANSWER):
        received += read(pair.client, n_sent - len(received))
        n_sent += sent(pair.ours, ANSWER[n_sent:])
    received += read(pair.client, n_sent - len(received))

    assert 0 < len(received) == len(ANSWER)
    assert received == ANSWER


def test_a_word_that_was_given_up_does_not_cost_the_answer_its_beginning(pair: Pair) -> None:
    pair.shake_hands()
    n_before = words(pair.ours)

    read(pair.client, n_before)
    assert pair.ours.send(b"answer") == 6

    assert read(pair.client, len(GO_ON) + 6) == GO_ON + b"answer"


def test_the_end_is_said_when_there_is_room_for_it(pair: Pair) -> None:
    pair.shake_hands()
    n_sent = sent(pair.ours, ANSWER)

    with pytest.raises(BlockingIOError):
        pair.ours.shutdown(socket.SHUT_WR)
    read(pair.client, n_sent)
    pair.ours.shutdown(socket.SHUT_WR)

    rest = b"".join(iter(lambda: pair.client.recv(65536), b""))
    assert ANSWER[n_sent:].startswith(rest)
    with pytest.raises(BrokenPipeError):
        pair.ours.send(b"more")


def test_a_late_request_is_cut_off_whether_there_is_room_or_not(pair: Pair) -> None:
    pair.shake_hands()
    n_sent = sent(pair.ours, ANSWER)

    pair.ours.shutdown(socket.SHUT_RDWR)

    read(pair.client, n_sent)
    with pytest.raises(ssl.SSLEOFError):
        pair.client.recv(65536)


def test_what_is_left_of_a_record_is_found(pair: Pair) -> None:
    pair.shake_hands()
    pair.client.sendall(b"body and beginning")

    assert pair.received(4) == b"body"
    assert decrypted(pair.ours) == b" and beginning"
    assert decrypted(pair.ours) == b""
    with pytest.raises(BlockingIOError):
        pair.ours.recv(1)


def test_a_body_is_waited_for_as_far_as_it_comes_soon(pair: Pair) -> None:
    pair.shake_hands()
    body = bytearray(100_000)
    view = memoryview(body)
    with pytest.raises(BlockingIOError):
        pair.ours.recv_into(view, 0, socket.MSG_WAITALL)

    client = threading.Thread(target=pair.client.sendall, args=(b"y" * 100_000,))
    client.start()
    n_filled = 0
    while n_filled < len(body):
        n_filled += pair.ours.recv_into(view[n_filled:], 0, socket.MSG_WAITALL)
    client.join()

    assert body == b"y" * 100_000


def test_a_look_sees_bytes_that_have_come_and_takes_none(pair: Pair) -> None:
    pair.shake_hands()
    with pytest.raises(BlockingIOError):
        pair.ours.recv(1, socket.MSG_PEEK)
    pair.client.sendall(b"come")

    assert select.select([pair.ours], [], [], 20)[0]
    assert pair.ours.recv(1, socket.MSG_PEEK)
    assert pair.received() == b"come"


def test_the_end_of_the_client_is_an_end_whether_it_was_said_or_not(pair: Pair) -> None:
    pair.shake_hands()
    pair.client.close()

    assert pair.received() == b""


def test_a_client_without_tls_is_answered_without(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    client = pair.theirs
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")

    with pytest.raises(PlainHttpError):
        pair.received()
    pair.ours.send(b"speak TLS")
    pair.ours.shutdown(socket.SHUT_WR)

    assert client.recv(100) == b"speak TLS"
    assert client.recv(100) == b""
    pair.close()


def test_a_client_that_sends_nonsense_is_lost(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.theirs.sendall(bytes(range(256)))

    with pytest.raises(OSError, match="no use"):
        pair.received()
    pair.close()
