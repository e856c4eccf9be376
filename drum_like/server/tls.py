"""TLS: the certificate of a server, and sockets that speak TLS as others speak plain TCP.

OpenSSL reads and writes on the client's socket itself, without waiting, so the loop treats such a
client as any other; the handshake is a part of the first read. Two things differ. OpenSSL decrypts
a whole record at a time, and the poller does not see what is left of one: see `decrypted`. And one
of its connections may be used by one thread at a time only.
"""

import errno
import logging
import select
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Self, cast

from gunicorn.http.errors import ParseException

from drum_like import logs
from drum_like.errors import SettingsError
from drum_like.server.body_buffer import PATIENCE_S

logger = logging.getLogger(__name__)

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; all of TLS 1.3 are strong
_RECORD = 1 << 14
"""The most bytes of a record."""

_LOOK_EACH_S = 10.0

_PLAIN = frozenset({"HTTP_REQUEST", "HTTPS_PROXY_REQUEST"})
"""OpenSSL's names of a client that speaks HTTP without TLS."""


class PlainHttpError(ParseException):
    """A client speaks plain HTTP where TLS is spoken."""


class _EncryptedError(Exception):
    """A key is of no use without its passphrase."""


class TlsSocket(ssl.SSLSocket):
    """A client's socket over TLS, which behaves as a non-blocking one of TCP.

    It raises BlockingIOError where OpenSSL has to wait for the client, and another OSError where
    the connection is of no use any more.
    """

    _is_over: bool
    _is_plain: bool
    _unsent: bytes
    _guard: Lock

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Return a socket; `SSLContext.wrap_socket` calls no `__init__`."""
        made = super().__new__(cls, *args, **kwargs)
        made._is_over = made._is_plain = False
        made._unsent = b""  # OpenSSL holds its record until there is room
        made._guard = Lock()  # a request that is late is answered by another thread than its own
        return made

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Return bytes that have come; with a flag, and after the end, as they are on the wire.

        Raises:
            BlockingIOError: nothing has come.
            PlainHttpError: the client speaks no TLS; it is answered without.
        """
        if flags or self._is_over or self._is_plain:
            return socket.socket.recv(self, buflen, flags)
        with self._guard:
            try:
                return self.read(buflen)
            except (OSError, ValueError) as error:
                raise self._failed(error) from None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Fill a buffer with bytes that have come; return their number, and raise as `recv`.

        With MSG_WAITALL it waits for the rest, for `PATIENCE_S` at most.
        """
        del nbytes
        view = memoryview(buffer)
        return self._fill(view) if flags & socket.MSG_WAITALL else self._read_into(view)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send what the client has room for; return the number of its bytes.

        Raises:
            BlockingIOError: there is no room.
        """
        del flags
        view = memoryview(data)
        with self._guard:
            if self._is_over:
                raise BrokenPipeError
            if self._is_plain:
                return socket.socket.send(self, view)
            n_sent = self._send_unsent(view)
            try:
                while n_sent < len(view):
                    n_sent += self.write(view[n_sent : n_sent + _RECORD])
            except ssl.SSLWantWriteError:
                self._unsent = bytes(view[n_sent : n_sent + _RECORD])
            except (OSError, ValueError) as error:
                raise self._failed(error) from None
        if view and not n_sent:
            raise BlockingIOError
        return n_sent

    def shutdown(self, how: int) -> None:
        """Tell the client the end, so that it knows an answer to be whole, then shut the socket.

        Raises:
            BlockingIOError: there is no room for that, and the socket was to be shut for sending
                alone.
        """
        with self._guard:
            if not (self._is_over or self._is_plain):
                self._say_end(may_wait=how == socket.SHUT_WR)
            self._is_over = True
            super().shutdown(how)

    def _say_end(self, *, may_wait: bool) -> None:
        try:
            self._send_unsent(memoryview(b""))
            self.unwrap()
        except (BlockingIOError, ssl.SSLWantWriteError):
            if may_wait:
                raise BlockingIOError from None
        except (OSError, ValueError):  # the client has not ended its side yet, or has gone
            return

    def _send_unsent(self, view: memoryview) -> int:
        """Send the record that found no room; return how many bytes of these it was.

        OpenSSL demands that. None of them if a word was given up: the client gets it late.
        """
        unsent, n_sent = self._unsent, 0
        if unsent:
            try:
                n_sent = self.write(unsent)
            except ssl.SSLWantWriteError:
                raise BlockingIOError from None
            except (OSError, ValueError) as error:
                raise self._failed(error) from None
            self._unsent = b""
        return n_sent if view[:n_sent] == unsent[:n_sent] else 0

    def _fill(self, view: memoryview) -> int:
        self.settimeout(0)
        n_filled, until = 0, monotonic() + PATIENCE_S
        while n_filled < len(view) and (left_s := until - monotonic()) > 0:
            try:
                count = self._read_into(view[n_filled:])
            except BlockingIOError:
                _wait_for_data(self, left_s)
                continue
            if not count:
                return n_filled
            n_filled += count
        if not n_filled:
            raise BlockingIOError
        return n_filled

    def _read_into(self, view: memoryview) -> int:
        with self._guard:
            try:
                return int(self.read(len(view), view))  # a number, as a buffer is given
            except (OSError, ValueError) as error:
                raise self._failed(error) from None

    def _failed(self, error: OSError | ValueError) -> Exception:
        """Return the error that a socket without TLS would have raised."""
        if isinstance(error, ssl.SSLWantReadError):
            return BlockingIOError()
        reason = getattr(error, "reason", None)
        if reason in _PLAIN:
            self._is_plain = True
            return PlainHttpError()
        # Also where OpenSSL has to write before it reads: such a client has answers made that it
        # does not take, and would be found ready again and again.
        logger.debug("TLS failed: %s", reason or type(error).__name__)
        return OSError(errno.ENOTCONN, "the connection is of no use")


def decrypted(sock: socket.socket) -> bytes:
    """Return bytes that have left the socket, but have not been read; none without TLS."""
    if isinstance(sock, TlsSocket) and (count := sock.pending()):
        return sock.recv(count)
    return b""


def _wait_for_data(sock: socket.socket, seconds: float) -> None:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    poll.poll(seconds * 1000)


class Certificate:
    """The certificate that a server shows, and its rules for TLS.

    Args:
        chain: PEM file of the certificate, and of those that clients need beside it.
        key: PEM file of its key; None where that lies in the same file.

    Raises:
        SettingsError: they cannot be used.

    Attributes:
        summary: A line for the operator.
    """

    def __init__(self, chain: Path, key: Path | None) -> None:
        self._files = chain, key
        self._versions = _versions(chain, key)
        self._context, self.summary = _read(chain, key)
        self._next_look = 0.0

    def renew(self) -> None:
        """Read the files again, for connections that this process opens from now on.

        If they cannot be used, the certificate stays as it is, and the log says so.
        """
        self._versions = _versions(*self._files)
        try:
            self._context, self.summary = _read(*self._files)
        except SettingsError as error:
            logs.ANNOUNCE.error("%s; the certificate stays as it was", error)
        else:
            logs.ANNOUNCE.info("%s", self.summary)

    def secure(self, sock: socket.socket) -> TlsSocket:
        """Return the socket that speaks TLS with a client, in place of its plain one.

        Raises:
            OSError: the client has left.
        """
        self._look()
        made = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return cast(TlsSocket, made)

    def _look(self) -> None:
        """Renew the certificate if its files have changed since a while ago.

        Whoever keeps certificates in Kubernetes replaces the files, and sends no signal.
        """
        if (now := monotonic()) < self._next_look:
            return
        self._next_look = now + _LOOK_EACH_S
        if _versions(*self._files) not in (self._versions, None):
            self.renew()


def open_certificate(chain: Path | None, key: Path | None) -> Certificate | None:
    """Return the certificate of a server, None without one; raises as `Certificate`."""
    if chain is None and key is not None:
        raise SettingsError("--tls-key needs --tls-cert, the file of the certificate of that key")
    return None if chain is None else Certificate(chain, key)


def _versions(chain: Path, key: Path | None) -> list[tuple[int, int]] | None:
    """Return marks of the files that change with them, links followed; None while one is away."""
    try:
        found = [path.stat() for path in (chain, key) if path is not None]
    except OSError:
        return None
    return [(one.st_ino, one.st_mtime_ns) for one in found]


def _read(chain: Path, key: Path | None) -> tuple[ssl.SSLContext, str]:
    """Return the rules with the certificate, and a line for the operator; see `Certificate`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = TlsSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    where = f"--tls-cert {chain}" if key is None else f"--tls-cert {chain}, --tls-key {key}"
    try:
        context.load_cert_chain(chain, key, _refuse_encrypted)
        until = _valid_until(context, chain)
    except _EncryptedError:
        raise SettingsError(
            f"{where}: the private key is encrypted, and a server cannot ask for its passphrase; "
            f"write one without: openssl pkey -in {key or chain} -out FILE"
        ) from None
    except ssl.SSLError as error:
        raise SettingsError(f"{where}: {_advice(error)}") from error
    except OSError as error:
        raise SettingsError(f"{where}: cannot be read ({error.strerror})") from error
    return context, f"TLS 1.2 and 1.3, {until}"


def _refuse_encrypted() -> str:
    raise _EncryptedError


def _advice(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return (
            "the private key is not that of the first certificate; name the key that it was made "
            "with, and put the certificate of the server in front of the others"
        )
    return (
        f"OpenSSL found no certificate with a private key that it can use ({error.reason}); it "
        "expects both in PEM, for example an ECDSA key on the curve P-256 or RSA of 2048 bits; "
        "--tls-key names the key if it lies in a file of its own"
    )


def _valid_until(context: ssl.SSLContext, chain: Path) -> str:
    """Return until when a certificate is valid, by a handshake with a client in memory.

    That client trusts whoever has signed it. If not even then, for its dates or its purpose, there
    is a warning.

    Raises:
        SSLError: no client can speak with a server that has this certificate.
    """
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trusting.load_verify_locations(chain)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(back, there)
    server = context.wrap_bio(there, back, server_side=True)
    try:
        for side in (client, server, client, server):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        why = f"clients will not trust the certificate of {chain}: {error.verify_message}"
        logs.ANNOUNCE.warning("%s; renew it", why)
        return why
    found: Any = client.getpeercert()
    return f"the certificate is valid until {found['notAfter']}"
