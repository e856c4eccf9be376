"""Words shown as passphrases of which the server knows the hash: wrong ones hold up nobody."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from werkzeug.security import generate_password_hash

from tests.live.steered import eventually
from tests.support.http_calls import Reply, send
from tests.support.models import REG
from tests.support.serving import Server, serve

N_GUESSERS = 24
WATCHED_S = 1.0
N_WORKERS, TRIES = 2, 10

KNOWN, OTHER, THIRD, KEY = "open sesame", "close sesame", "third sesame", "mlops_kJ8xQ2vY6nB4tR9w"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("guessed")
    hashes = [generate_password_hash(word, "pbkdf2:sha256:50000") for word in (KNOWN, OTHER, THIRD)]
    entries = [f"- {{name: h{n}, passphrase_hash: '{one}'}}\n" for n, one in enumerate(hashes)]
    (root / "credentials.yaml").write_text("".join(entries) + f"- {{name: k, api_key: {KEY}}}\n")
    flags = ("--credentials", str(root / "credentials.yaml"), "--max-workers", str(N_WORKERS))
    with serve(REG.write(root / "m"), *REG.flags, *flags) as running:
        yield running


def ask(server: Server, shown: str, path: str = "/info/", source: str = "127.0.0.1") -> Reply:
    """Ask from an address of this machine."""
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=60, source_address=(source, 0))
    try:
        return send(connection, "GET", path, headers={"Authorization": f"Bearer {shown}"})
    finally:
        connection.close()


@contextmanager
def guessed(server: Server) -> Iterator[Counter[int]]:
    """Have random words shown until the block ends; gives the statuses of the answers."""
    over, statuses = Event(), Counter[int]()

    def guess() -> None:
        while not over.is_set():
            reply = ask(server, str(uuid4()))
            assert reply.status != 429 or int(reply.headers["Retry-After"]) >= 1
            statuses[reply.status] += 1

    guessers = [Thread(target=guess) for _ in range(N_GUESSERS)]
    for one in guessers:
        one.start()
    try:
        yield statuses
    finally:
        over.set()
        for one in guessers:
            one.join()


def slowest(action: Callable[[], Reply]) -> float:
    """Return the longest time of an action that is tried for a while, and always succeeds."""
    found, until = 0.0, time.monotonic() + WATCHED_S
    while time.monotonic() < until:
        began = time.monotonic()
        assert action().status == 200
        found = max(found, time.monotonic() - began)
    return found


def test_guesses_hold_up_no_probe_and_nobody_who_is_known(server: Server) -> None:
    """Nor somebody whose hash another worker has worked out, nor a new one at another address."""
    assert ask(server, KNOWN).status == 200

    with guessed(server) as statuses:
        eventually(lambda: statuses[429] > 5 * N_GUESSERS)
        waits = [
            slowest(lambda: ask(server, str(uuid4()), "/ping/")),
            slowest(lambda: ask(server, KEY)),
            slowest(lambda: ask(server, KNOWN)),
        ]
        elsewhere = eventually(lambda: ask(server, OTHER, source="127.0.0.2").status == 200)
        at_the_same = eventually(lambda: ask(server, THIRD).status == 200, timeout_s=60)

    assert max(waits) < 4  # a busy machine; who waits for the guessers waits longer and longer
    assert elsewhere
    assert at_the_same
    assert set(statuses) <= {401, 429}
    assert statuses[401] <= 2 * N_WORKERS * TRIES


def test_a_wrong_word_costs_its_hash_once(server: Server) -> None:
    """A client that goes on with an old passphrase gets 401, not 429."""
    word = str(uuid4())
    eventually(lambda: ask(server, word, source="127.0.0.3").status == 401)

    statuses = {ask(server, word, source="127.0.0.3").status for _ in range(20 * TRIES)}

    assert statuses <= {401}


def test_too_many_wrong_words_of_an_address_are_429(server: Server) -> None:
    def refused() -> Reply | None:
        reply = ask(server, str(uuid4()), source="127.0.0.4")
        return reply if reply.status == 429 else None

    last = eventually(refused)

    assert 1 <= int(last.headers["Retry-After"]) <= 60
    assert "wrong passphrases" in last.message
    assert ask(server, str(uuid4()), source="127.0.0.5").status == 401


def test_a_body_of_one_who_guesses_is_not_read(server: Server) -> None:
    eventually(lambda: ask(server, str(uuid4()), source="127.0.0.6").status == 429)
    head = f"POST /predict/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {uuid4()}\r\n"
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), 20, ("127.0.0.6", 0)) as client:
        client.sendall(f"{head}Content-Length: 1000000000\r\n\r\n".encode())

        assert client.recv(100).startswith((b"HTTP/1.1 429 ", b"HTTP/1.1 401 "))


def test_a_reload_forgets_no_limit_and_lets_nobody_in_who_was_removed(tmp_path: Path) -> None:
    """Workers share their results; those of entries that are gone count no more."""
    path = tmp_path / "credentials.yaml"

    def write(word: str) -> None:
        hashed = generate_password_hash(word, "pbkdf2:sha256:1000")
        path.write_text(f"- {{name: a, passphrase_hash: '{hashed}'}}\n")

    write("the old one")
    flags = ("--credentials", str(path), "--max-workers", "1", "--passphrase-tries", "1000")
    with serve(REG.write(tmp_path / "m"), *REG.flags, *flags) as running:
        before = [ask(running, word).status for word in ("the old one", "the new one")]
        write("the new one")
        running.process.send_signal(1)
        eventually(lambda: ask(running, "the new one").status == 200, timeout_s=60)
        after = eventually(lambda: ask(running, "the old one").status == 401)

    assert before == [200, 401]
    assert after


def test_guesses_of_a_passphrase_without_a_hash_are_429(tmp_path: Path) -> None:
    """Probes are not, nor is the right one, which was shown before."""
    flags = ("--passphrase", KNOWN, "--max-workers", "1")
    with serve(REG.write(tmp_path / "m"), *REG.flags, *flags) as running:
        assert ask(running, KNOWN).status == 200
        before = Counter(ask(running, str(uuid4()), source="127.0.0.2").status for _ in range(200))
        right = ask(running, KNOWN, source="127.0.0.2")
        first = ask(running, str(uuid4()), "/ping/", source="127.0.0.2")

    assert before.keys() == {401, 429}
    assert before[401] >= 10 * TRIES - 1
    assert (right.status, first.status) == (200, 200)
