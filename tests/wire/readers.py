"""Two readers of the same bytes: gunicorn's own, and ours on a pair of sockets."""

import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from werkzeug.security import generate_password_hash

from drum_like.http.auth.authenticator import Admission, authenticator
from drum_like.server.refusals import plain, refusal
from drum_like.server.request_head import Heads, Reading, Received
from drum_like.server.request_reader import ClosedError, RequestReader
from tests.wire.streams import Seen

LIMIT = 400_000
ADDRESSES = (("127.0.0.1", 50000), ("127.0.0.1", 6789))
_CONFIG = Config()
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(slots=True)
class Outcome:
    """Requests that a reader has found in a stream.

    Attributes:
        seen: The requests.
        closed: Whether it reads no more of the connection; always true at its end.
        error: Why it has stopped, None if a request has asked for it or the stream is at its end.
        told: The bytes that it has sent to the client.
        unread: Whether it has stopped at a body that it does not read.
    """

    seen: list[Seen]
    closed: bool = False
    error: Exception | None = None
    told: bytes = b""
    unread: bool = False


def by_gunicorn(pieces: Sequence[bytes]) -> Outcome:
    """Return the requests that gunicorn reads before it refuses, or the bytes end."""
    outcome = Outcome([])
    parser = RequestParser(_CONFIG, iter(pieces), ADDRESSES[0])
    try:
        for request in parser:
            body = request.body.read() if request.body is not None else b""
            outcome.seen.append(_seen(request, body))
    except Exception as error:  # noqa: BLE001 - whatever it raises, it does not accept the rest
        outcome.error = error
    outcome.closed = True
    return outcome


class OurReader:
    """Our reader, with what the connections of a worker share.

    Args:
        asks: Whether it works out who calls before it reads on.
    """

    def __init__(self, *, asks: bool = False) -> None:
        self._reading = Reading(Heads(_CONFIG), lambda *_: LIMIT, _admission() if asks else None)

    def read(self, pieces: Sequence[bytes], *, ends: bool) -> Outcome:
        """Return the requests read of a stream, in the steps of a connection.

        Args:
            pieces: The stream.
            ends: Whether the client closes its side behind it.
        """
        ours, client = socket.socketpair()
        ours.settimeout(0)
        client.settimeout(5)
        outcome = Outcome([])
        with ours, client:
            reader = RequestReader(ours, ADDRESSES, self._reading)
            for at, piece in enumerate(pieces):
                client.sendall(piece)
                self._take(reader, ours, outcome, last=at == len(pieces) - 1)
                if outcome.closed:
                    break
            if ends and not outcome.closed:
                client.shutdown(socket.SHUT_WR)
                self._take(reader, ours, outcome, last=False)
                outcome.closed = True
            client.setblocking(False)  # noqa: FBT003 - its only form
            with suppress(BlockingIOError):
                outcome.told = client.recv(65536)
        return outcome

    def _take(
        self, reader: RequestReader, ours: socket.socket, outcome: Outcome, *, last: bool
    ) -> None:
        """Read until nothing is there, or the connection would be closed."""
        try:
            while not outcome.closed and _has_come(ours):
                received = reader.receive_large() if last and reader.is_large else None
                received = received or reader.receive()
                for one in _following(reader, received):
                    if one.body is None:
                        outcome.closed = outcome.unread = True
                        return
                    outcome.seen.append(_seen(one.head.request, one.body))
                    if one.head.request.should_close():
                        outcome.closed = True
                        return
        except (ClosedError, OSError):
            outcome.closed = True
        except Exception as error:  # noqa: BLE001 - the connection is closed after any
            outcome.closed, outcome.error = True, error


def _following(reader: RequestReader, received: Received | None) -> Iterator[Received]:
    """Give a request, and those that the client has sent behind it."""
    while True:
        if received is None and reader.needs_caller:
            reader.authenticate()
            received = reader.go_on()
        if received is None:
            return
        yield received
        received = reader.buffered()


def _has_come(sock: socket.socket) -> bool:
    """Return whether there are bytes to read, or the end."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    return True


def _admission() -> Admission:
    """Return an admission that has to work out a hash, a quick one, for each bearer."""
    hashed = generate_password_hash("right", "pbkdf2:sha256:1")
    with tempfile.TemporaryDirectory() as folder:
        credentials = Path(folder) / "credentials.yaml"
        credentials.write_text(f"- {{name: caller, passphrase_hash: '{hashed}'}}\n")
        return Admission(authenticator(None, credentials, public=True), lambda _: True)


def _seen(request: Request, body: bytes) -> Seen:
    return Seen(request.method or "", request.uri or "", tuple(request.headers), body)


def is_expected(error: Exception | None) -> bool:
    """Return whether our reader may stop for this reason, and has a whole answer for it."""
    if error is None:
        return True
    refused = refusal(error)
    answer = plain({}, refused).last()
    whole = answer.startswith(f"HTTP/1.1 {refused.code} ".encode())
    return isinstance(error, ParseException) and whole and b"\r\nConnection: close\r\n" in answer
