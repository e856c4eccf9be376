"""TLS in the server, asked by real clients."""

import json
import select
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.live.steered import events, eventually
from tests.support.certificates import Authority, Files, new_key, pem
from tests.support.curl import curl
from tests.support.http_calls import Reply, send
from tests.support.serving import Server, serve, start_failure

HOOK = """
import time


def load_model(code_dir):
    return "model"


def score_unstructured(model, data, query, **kwargs):
    time.sleep(float(query.get("sleep", 0)))
    return data, {"mimetype": "application/octet-stream"}
"""

ROUTES = """
import json
import os

from flask import Response, request


def init_app(app):
    @app.get("/parts")
    def parts():
        sizes = json.loads(request.args["sizes"])
        return Response(b"~" * size for size in sizes)

    @app.get("/about")
    def about():
        names = ("wsgi.url_scheme", "REMOTE_ADDR", "SERVER_PORT")
        more = {"url": request.url, "pid": os.getpid()}
        return {name: request.environ[name] for name in names} | more
"""

BINARY = {"Content-Type": "application/octet-stream"}
ECHO = "/predictUnstructured/"
FLAGS = ("--target-type", "unstructured")
VERSIONS = (
    *(ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1),
    *(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
)
SIZES = (1, 1 << 14, (1 << 14) + 1, (1 << 16) + 1, 5_000_000)
CUT_S = 60.0
"""Time on a busy machine in which a client that may take 5 seconds is cut off."""


def write(directory: Path) -> Path:
    (directory / "custom.py").write_text(HOOK)
    (directory / "custom_flask.py").write_text(ROUTES)
    return directory


@pytest.fixture(scope="module", name="authority")
def fixture_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module", name="server")
def fixture_server(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Server]:
    flags = (*FLAGS, "--max-workers", "1", *authority.issue().flags)
    with serve(write(tmp_path_factory.mktemp("model")), *flags) as server:
        yield server


def asked(server: Server, context: ssl.SSLContext, path: str = "/livez") -> Reply:
    """Return the answer to a GET on a connection of its own."""
    with connected(server, context) as connection:
        return send(connection, "GET", path)


@contextmanager
def connected(server: Server, context: ssl.SSLContext) -> Iterator[HTTPConnection]:
    netloc = urlsplit(server.url).netloc
    connection = HTTPSConnection(netloc, timeout=60, context=context)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def spoken(server: Server, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """Yield a connection for bytes as a test writes them; an end that nobody told is an error."""
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    with (
        server.connect() as plain,
        context.wrap_socket(
            plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False
        ) as client,
    ):
        yield client


def whole(client: ssl.SSLSocket) -> bytes:
    """Return all that is sent until the server tells the end.

    Raises:
        ssl.SSLEOFError: it was cut off.
    """
    return b"".join(iter(lambda: client.recv(1 << 16), b""))


def exchanged(client: ssl.SSLSocket, sent: bytes) -> bytes:
    """Send bytes while answers come, and return these until the server tells the end.

    In one thread: two must not use a connection of OpenSSL at one time.
    """
    client.settimeout(0)
    received, left = bytearray(), memoryview(sent)
    while True:
        assert any(select.select([client], [client] if left else [], [], 60))
        with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
            left = left[client.send(left[: 1 << 14]) :] if left else left
        with suppress(ssl.SSLWantReadError):
            while piece := client.recv(1 << 16):
                received += piece
            return bytes(received)


def body_of(size: int) -> bytes:
    return bytes(number * number % 251 for number in range(min(size, 1 << 16))) * -(-size >> 16)


def framed(body: bytes, ending: str = "") -> bytes:
    head = f"POST {ECHO} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{ending}\r\n".encode() + body


def test_requests_and_curl_are_answered(server: Server, authority: Authority) -> None:
    with requests.Session() as session:
        asking = partial(session.post, server.url + ECHO, b"rows", timeout=60)
        replies = [asking(verify=str(authority.path)) for _ in range(3)]
    by_curl = curl("--cacert", str(authority.path), "--data-binary", "rows", server.url + ECHO)

    assert [(reply.status_code, reply.content) for reply in replies] == [(200, b"rows")] * 3
    assert (by_curl.status, by_curl.body) == (200, b"rows")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(server.url, timeout=60)


def test_the_application_knows_that_it_is_called_by_https(
    server: Server, authority: Authority
) -> None:
    about = asked(server, authority.trusting(), "/about").json()

    assert about["wsgi.url_scheme"] == "https"
    assert about["REMOTE_ADDR"] == "127.0.0.1"
    assert about["url"] == f"{server.url}/about"


def test_the_start_says_address_and_end_of_the_certificate(server: Server) -> None:
    said = [event["msg"] for event in events(server.log())]

    assert f"listening {server.url}" in said
    assert any("TLS 1.2 and 1.3, the certificate is valid until" in line for line in said)


def only(authority: Authority, version: ssl.TLSVersion, ciphers: str) -> ssl.SSLContext:
    """Return the context of a client that speaks one version with these ciphers."""
    context = authority.trusting()
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    old = version < ssl.TLSVersion.TLSv1_2
    with pytest.deprecated_call() if old else nullcontext():
        context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("kind", ["ECDSA", "RSA"])
def test_a_scan_finds_no_old_version_and_no_weak_cipher(
    kind: str, authority: Authority, tmp_path: Path
) -> None:
    files = authority.issue("scanned", is_rsa=kind == "RSA")
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1", *files.flags) as server:
        versions = [
            version for version in VERSIONS if agreed(server, only(authority, version, "ALL"))
        ]
        ciphers = {
            name
            for name in known_ciphers()
            if agreed(server, only(authority, ssl.TLSVersion.TLSv1_2, name))
        }

    assert versions == list(VERSIONS[2:])
    assert ciphers == {
        f"ECDHE-{kind}-{name}"
        for name in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    }


def known_ciphers() -> list[str]:
    """Return the names of all ciphers before TLS 1.3 that OpenSSL has here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    names = [str(cipher["name"]) for cipher in context.get_ciphers()]
    found = [name for name in names if not name.startswith("TLS_")]
    assert len(found) > 30
    return found


def agreed(server: Server, context: ssl.SSLContext) -> bool:
    """Return whether a client and the server agree on a version and a cipher."""
    try:
        return asked(server, context).status == 200
    except (ssl.SSLError, ConnectionResetError):
        return False


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", SIZES)
def test_bodies_of_all_sizes_go_both_ways(
    size: int, version: ssl.TLSVersion, server: Server, authority: Authority
) -> None:
    context, body = authority.trusting(), body_of(size)[:size]
    context.maximum_version = version
    chunks = [body[at : at + 70_001] for at in range(0, size, 70_001)]
    with connected(server, context) as connection:
        replies = [
            send(connection, "POST", ECHO, body=each, headers=BINARY)
            for each in (body, chunks, body, chunks)
        ]

    assert [reply.status for reply in replies] == [200] * 4
    assert all(reply.body == body for reply in replies)


@pytest.mark.parametrize("size", [0, *SIZES])
def test_requests_that_are_sent_together_are_all_answered(
    size: int, server: Server, authority: Authority
) -> None:
    """The end of one is in a record with the beginning of the next."""
    body = body_of(size)[:size]
    sent = (
        framed(body) + framed(b"second") + framed(body) + framed(b"last", "Connection: close\r\n")
    )
    with spoken(server, authority.trusting()) as client:
        received = exchanged(client, sent)

    bodies = [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert bodies == [body, b"second", body, b"last"]


def test_records_that_come_in_pieces_are_put_together(server: Server, authority: Authority) -> None:
    """Each byte of handshake and requests comes alone."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = authority.trusting().wrap_bio(back, there, server_hostname="127.0.0.1")
    with server.connect() as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def until_done(step: Callable[[], object]) -> object:
            while True:
                with suppress(ssl.SSLWantReadError):
                    return step()
                for byte in there.read():
                    plain.send(bytes([byte]))
                back.write(plain.recv(65536))

        until_done(client.do_handshake)
        for number in range(3):
            client.write(framed(b"%d" % number))
            assert str(until_done(lambda: client.read(65536))).endswith(rf"\r\n\r\n{number}'")


def test_a_client_that_waits_for_100_continue_gets_it(
    server: Server, authority: Authority, tmp_path: Path
) -> None:
    body = tmp_path / "body"
    body.write_bytes(body_of(300_000))
    reply = curl(
        *("--cacert", str(authority.path), "-H", "Expect: 100-continue", "--verbose"),
        *("--expect100-timeout", "30", "--data-binary", f"@{body}", server.url + ECHO),
    )

    assert reply.status == 100
    assert reply.body.endswith(body.read_bytes())


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_streams_end_with_a_word(version: str, server: Server, authority: Authority) -> None:
    """Without a length that word alone tells that nothing was cut off."""
    sizes = [1, 100_000, 20_000_000, 1]
    request = f"GET /parts?sizes={json.dumps(sizes, separators=(',', ':'))} HTTP/{version}\r\n"
    with spoken(server, authority.trusting()) as client:
        client.sendall(f"{request}Host: localhost\r\nConnection: close\r\n\r\n".encode())
        time.sleep(1)
        received = whole(client)

    assert received.startswith(f"HTTP/{version} 200".encode())
    assert received.count(b"~") == sum(sizes)


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_plain_http_is_told_to_speak_tls(method: str, server: Server) -> None:
    with server.connect() as client:
        client.sendall(f"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = b"".join(iter(lambda: client.recv(65536), b""))

    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"call it by https://" in received


def test_what_is_no_tls_is_closed(server: Server) -> None:
    with server.connect() as client:
        client.sendall(bytes(range(256)))
        with suppress(ConnectionResetError):
            while client.recv(65536):
                pass
    assert server.get("/livez").status == 200


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a_handshake_that_does_not_end_is_cut_off(
    sent: bytes, authority: Authority, tmp_path: Path
) -> None:
    """Also one that goes on, a byte now and then; others are served meanwhile."""
    flags = (*FLAGS, "--max-workers", "1", "--header-timeout-s", "5", *authority.issue().flags)
    with serve(write(tmp_path), *flags) as server, server.connect() as client:
        began = time.monotonic()
        client.settimeout(0.5)
        client.sendall(sent)
        while is_open(client):
            assert asked(server, authority.trusting()).status == 200
            assert time.monotonic() < began + CUT_S
            with suppress(BrokenPipeError, ConnectionResetError):
                client.sendall(b"\x00" if sent else b"")

    assert time.monotonic() - began > 1


def is_open(client: socket.socket) -> bool:
    """Return whether the server has not closed a connection within half a second."""
    try:
        return client.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


def test_a_late_request_is_answered_in_the_place_of_its_thread(
    authority: Authority, tmp_path: Path
) -> None:
    flags = (*FLAGS, "--max-workers", "1", "--request-timeout-s", "1", *authority.issue().flags)
    with serve(write(tmp_path), *flags) as server, connected(server, authority.trusting()) as late:
        assert send(late, "POST", f"{ECHO}?sleep=4", body=b"x").status == 504


def test_sigterm_answers_what_is_in_flight(authority: Authority, tmp_path: Path) -> None:
    flags = (*FLAGS, "--max-workers", "2", *authority.issue().flags)
    with serve(write(tmp_path), *flags) as server, connected(server, authority.trusting()) as busy:
        busy.request("POST", f"{ECHO}?sleep=2", body=b"x")
        eventually(lambda: asked(server, authority.trusting()).status == 200)
        server.process.send_signal(signal.SIGTERM)
        answer = busy.getresponse()

        assert (answer.status, answer.read()) == (200, b"x")
        assert server.process.wait(20) == 0


def shown(server: Server, authority: Authority) -> int:
    """Return the serial number of the certificate that a new client gets."""
    with spoken(server, authority.trusting()) as client:
        found = client.getpeercert()
        assert found is not None
        return int(str(found["serialNumber"]), 16)


@pytest.mark.parametrize("is_told", [True, False], ids=["SIGHUP", "files alone"])
def test_a_certificate_is_changed_under_load_without_a_failed_request(
    authority: Authority,
    tmp_path: Path,
    is_told: bool,  # noqa: FBT001 - of a table
) -> None:
    """The flag names a link, as the keepers of certificates make them."""
    old, new = authority.issue("old"), authority.issue("new", is_rsa=True)
    link, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    point(link, key, old)
    flags = ("--tls-cert", str(link), "--tls-key", str(key), "--max-workers", "2")
    load = Load(authority)
    model = tmp_path / "model"
    model.mkdir()
    with serve(write(model), *FLAGS, *flags) as server, load.on(server):
        eventually(lambda: len(workers(server)) == 2)
        assert serials(server, authority) == {old.serial}
        first = workers(server)
        point(link, key, new)
        if is_told:
            server.process.send_signal(signal.SIGHUP)
        eventually(lambda: serials(server, authority) == {new.serial}, timeout_s=60)
        assert is_told or workers(server) == first
        load.go_on()

    assert set(load.statuses) == {200}


class Load:
    """Clients that ask as long as the block lasts, two of them over and over on one connection.

    Attributes:
        statuses: Those of the answers.
    """

    def __init__(self, authority: Authority) -> None:
        self.statuses: list[int] = []
        self._context = authority.trusting()
        self._is_over = threading.Event()

    @contextmanager
    def on(self, server: Server) -> Iterator[None]:
        """Ask a server until the block ends; raise what went wrong."""
        with ThreadPoolExecutor(3) as pool:
            clients = [pool.submit(self._ask, server, most) for most in (50, 50, 1)]
            try:
                self.go_on()
                yield
            finally:
                self._is_over.set()
            for client in clients:
                client.result()

    def go_on(self) -> None:
        """Wait for some more answers."""
        n_before = len(self.statuses)
        eventually(lambda: len(self.statuses) > n_before + 50, timeout_s=60)

    def _ask(self, server: Server, most: int) -> None:
        while not self._is_over.is_set():
            with connected(server, self._context) as connection:
                for _ in range(most):
                    reply = send(connection, "POST", ECHO, body=b"rows")
                    self.statuses.append(reply.status)
                    if reply.headers["Connection"] == "close":
                        break


def workers(server: Server) -> set[int]:
    """Return the ids of workers that answer; SIGHUP is ignored while one loads."""
    return {server.get("/about").json()["pid"] for _ in range(20)}


def serials(server: Server, authority: Authority) -> set[int]:
    return {shown(server, authority) for _ in range(8)}


def point(link: Path, key: Path, files: Files) -> None:
    """Let two links lead to other files, each at once."""
    for name, target in ((link, files.chain), (key, files.key)):
        fresh = name.with_suffix(".fresh")
        fresh.symlink_to(target)
        fresh.rename(name)


def test_a_new_certificate_that_cannot_be_used_leaves_the_old_one(
    authority: Authority, tmp_path: Path
) -> None:
    files = authority.issue("kept")
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1", *files.flags) as server:
        files.key.write_bytes(pem(new_key()))
        server.process.send_signal(signal.SIGHUP)
        (said,) = eventually(lambda: stayed(server))
        eventually(lambda: reloads(server))

        assert "the private key is not that of the first certificate" in said
        assert shown(server, authority) == files.serial


def stayed(server: Server) -> list[str]:
    said = [event["msg"] for event in events(server.log())]
    return [line for line in said if line.endswith("the certificate stays as it was")]


def reloads(server: Server) -> bool:
    """Return whether the worker that SIGHUP started serves alone."""
    return "Hang up" in server.log() and server.get("/readyz").status == 200


def test_a_certificate_that_has_expired_is_served_with_a_warning(
    authority: Authority, tmp_path: Path
) -> None:
    files = authority.issue("expired", days=-1)
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1", *files.flags) as server:
        warnings = [line["msg"] for line in events(server.log()) if line["level"] == "warning"]

        assert server.get("/livez").status == 200
        assert any("certificate has expired; renew it" in one for one in warnings)


def test_the_key_may_lie_in_the_file_of_the_certificate(
    authority: Authority, tmp_path: Path
) -> None:
    files = authority.issue("both")
    files.chain.write_bytes(files.key.read_bytes() + files.chain.read_bytes())
    env = {"DRUM_LIKE_TLS_CERT": str(files.chain)}
    with serve(write(tmp_path), *FLAGS, "--max-workers", "1", env=env) as server:
        assert asked(server, authority.trusting()).status == 200


def without_key(authority: Authority) -> list[str]:
    return ["--tls-cert", str(authority.issue("alone").chain)]


def encrypted(authority: Authority) -> list[str]:
    files = authority.issue("encrypted")
    files.key.write_bytes(pem(new_key(), b"secret"))
    return list(files.flags)


def mismatched(authority: Authority) -> list[str]:
    files = authority.issue("mismatched")
    files.key.write_bytes(pem(new_key()))
    return list(files.flags)


def of_der(authority: Authority) -> list[str]:
    files = authority.issue("binary")
    files.chain.write_bytes(ssl.PEM_cert_to_DER_cert(files.chain.read_text()))
    return list(files.flags)


def key_alone(authority: Authority) -> list[str]:
    return ["--tls-key", str(authority.issue("lonely").key)]


def missing(authority: Authority) -> list[str]:
    return ["--tls-cert", str(authority.path.with_name("nosuch"))]


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        (missing, 2, "there is no file"),
        (key_alone, 1, "--tls-key needs --tls-cert"),
        (without_key, 1, "--tls-key names the key if it lies in a file of its own"),
        (encrypted, 1, "the private key is encrypted"),
        (mismatched, 1, "the private key is not that of the first certificate"),
        (of_der, 1, "it expects both in PEM"),
    ],
)
def test_a_start_without_a_usable_certificate_ends_with_one_message(
    wrong: Callable[[Authority], list[str]],
    code: int,
    words: str,
    authority: Authority,
    tmp_path: Path,
) -> None:
    ended = start_failure(write(tmp_path), *FLAGS, *wrong(authority))

    assert ended.returncode == code
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
