"""Bodies of more than 64 KiB from callers whose authentication takes longer."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from werkzeug.security import generate_password_hash

from tests.support.issuers import ISSUER, key_server, key_set, token
from tests.support.models import REG
from tests.support.raw_clients import get_s, whole
from tests.support.serving import Server, serve

SIZES = (66_000, 2_000_000)
WAYS = ("length", "chunks", "length, expected", "chunks, expected")
CLOUD = "https://cloud.example"
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"


class Locked(NamedTuple):
    """A server that asks who calls, and what its issuers sign with."""

    server: Server
    key: RSAPrivateKey

    def bearer(self, kind: str, case: str) -> str:
        """Return a credential that the server has not seen."""
        if kind == "hash":
            return case
        return token(self.key, iss=CLOUD if kind == "keys at a URL" else ISSUER, jti=case)


def case_of(size: int, way: str) -> str:
    return f"{size} {way}"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    directory = tmp_path_factory.mktemp("locked")
    key = generate_private_key(65537, 2048)
    public: Any = key_set({"first": key}, "first")
    (directory / "jwks.json").write_text(json.dumps(public))
    entries = [
        {"name": case, "passphrase_hash": generate_password_hash(case, "pbkdf2:sha256:1000")}
        for case in (case_of(size, way) for size in SIZES for way in WAYS)
    ]
    with key_server(lambda: public) as url:
        for issuer, place in ((ISSUER, "jwks.json"), (CLOUD, url)):
            entries.append({"name": issuer, "issuer": issuer, "audience": "scorer", "jwks": place})
        (directory / "credentials.yaml").write_text(json.dumps(entries))
        flags = (*REG.flags, "--max-workers", "1", "--threads", "2")
        credentials = ("--credentials", str(directory / "credentials.yaml"))
        with serve(REG.write(directory / "model"), *flags, *credentials) as server:
            yield Locked(server, key)


def sent(server: Server, bearer: str, size: int, way: str) -> tuple[bytes, bytes]:
    """Send rows in one of the ways; return the word that was waited for, and the answer."""
    rows = b"a\n" + b"1.5\n" * ((size - 2) // 4)
    framing = f"Content-Length: {len(rows)}"
    if "chunks" in way:
        pieces = [rows[at : at + 50_000] for at in range(0, len(rows), 50_000)]
        rows = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        framing = "Transfer-Encoding: chunked"
    expects = "Expect: 100-continue\r\n" if "expected" in way else ""
    head = (
        "POST /predict/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
        f"Connection: close\r\nAuthorization: Bearer {bearer}\r\n{expects}{framing}\r\n\r\n"
    )
    with server.connect() as client:
        client.sendall(head.encode())
        word = client.recv(len(GO_ON)) if expects else b""
        if word == GO_ON or not expects:
            client.sendall(rows)
        return word, word + whole(client)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["keys in a file", "keys at a URL", "hash"])
def test_a_large_body_comes_whole_the_first_time(
    locked: Locked, kind: str, size: int, way: str
) -> None:
    word, answer = sent(locked.server, locked.bearer(kind, case_of(size, way)), size, way)

    assert word in (b"", GO_ON)
    answer = answer.removeprefix(word)
    assert answer.startswith(b"HTTP/1.1 200 ")
    predictions = json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"]
    assert predictions == [1.5] * ((size - 2) // 4)


@pytest.mark.parametrize("way", WAYS[1:])
@pytest.mark.parametrize("kind", ["token", "hash"])
def test_a_body_is_not_asked_for_where_the_credential_is_wrong(
    locked: Locked, kind: str, way: str
) -> None:
    """The answer is 401, and the connection is closed whatever else comes."""
    bearer = token(generate_private_key(65537, 2048)) if kind == "token" else "wrong"

    word, answer = sent(locked.server, bearer, 66_000, way)

    assert word != GO_ON
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_wrong_credential_and_a_body_that_comes_anyhow_is_401(locked: Locked) -> None:
    _, answer = sent(locked.server, "wrong", 66_000, "length")

    assert answer.startswith(b"HTTP/1.1 401 ")


def test_a_probe_asks_for_no_hash_and_reads_no_body(locked: Locked) -> None:
    with locked.server.connect() as client:
        head = "POST /ping/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n"
        client.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode())

        answer = whole(client)

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nConnection: close\r\n" in answer


def held_up_s(server: Server, bearers: list[str]) -> float:
    """Return the longest that a probe takes while callers are looked at."""
    with ExitStack() as stack:
        for bearer in bearers:
            client = stack.enter_context(server.connect())
            request = (
                f"GET /info/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {bearer}\r\n\r\n"
            )
            client.sendall(request.encode())
        slowest, until = 0.0, time.monotonic() + 1.5
        while time.monotonic() < until:
            slowest = max(slowest, get_s(server))
    return slowest


def test_wrong_passphrases_hold_up_nobody(tmp_path: Path) -> None:
    """Each costs some tenths of a second of a CPU, of two threads."""
    hashed = generate_password_hash("open sesame", "pbkdf2:sha256:1000000")
    path = tmp_path / "credentials.yaml"
    path.write_text(f"- name: a\n  passphrase_hash: {hashed}\n")
    flags = (*REG.flags, "--max-workers", "1", "--threads", "2", "--credentials", str(path))
    with serve(REG.write(tmp_path / "model"), *flags) as server:
        assert held_up_s(server, [f"wrong-{number}" for number in range(20)]) <= 1


def test_an_issuer_that_says_nothing_holds_up_nobody(tmp_path: Path) -> None:
    key = generate_private_key(65537, 2048)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        jwks = f"http://127.0.0.1:{silent.getsockname()[1]}/certs"
        entry = {"name": "a", "issuer": ISSUER, "audience": "scorer", "jwks": jwks}
        path = tmp_path / "credentials.yaml"
        path.write_text(json.dumps([entry]))
        flags = (*REG.flags, "--max-workers", "1", "--threads", "2", "--credentials", str(path))
        with serve(REG.write(tmp_path / "model"), *flags) as server:
            assert held_up_s(server, [token(key, jti=str(n)) for n in range(20)]) <= 1
