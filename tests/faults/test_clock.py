"""F-30: the wall clock is set while a server runs, by an hour and by a day, both ways."""

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from drum_like.http.auth.tokens import LEEWAY_S
from drum_like.store.entities import Status
from tests.faults.conftest import Tell
from tests.faults.scale import scaled
from tests.faults.senders import Question, asked
from tests.live.steered import begin, errors, eventually
from tests.support.clocks import Clock
from tests.support.issuers import ISSUER, key_set, token
from tests.support.models import ONE_WORKER, REG, Model, hooks
from tests.support.registries import opened
from tests.support.serving import Server, environment, serve
from tests.support.stores import put

HOUR, DAY = 3600, 86400
JUMPS = (HOUR, -HOUR, DAY, -DAY, 0)
STAY_S = scaled(1.5, 12)
KEY = generate_private_key(65537, 2048)
STEADY = "a-key-that-does-not-expire"
QUESTION = Question("/predict/", "a\n1\n", "text/csv", STEADY)
WAITING = Model(
    hooks("""
import threading

def score_unstructured(model, data, **kwargs):
    threading.Event().wait(float(data))  # a sleep would fail where libfaketime sets the clock
    return "waited"
"""),
    ("--target-type", "unstructured", *ONE_WORKER),
)


def credentials(folder: Path) -> tuple[str, str]:
    """Return the flags of a server that believes tokens of an issuer, and one key."""
    (folder / "keys.json").write_text(json.dumps(key_set({"first": KEY}, "first")))
    issuer = {"name": "cloud", "issuer": ISSUER, "audience": "scorer", "jwks": "keys.json"}
    entries = [issuer, {"name": "steady", "api_key": STEADY}]
    (folder / "credentials.yaml").write_text(json.dumps(entries))
    return "--credentials", str(folder / "credentials.yaml")


def token_at(offset_s: int, valid_s: int, nbf: datetime | None = None) -> str:
    """Return a token that expires so long after the time that a clock with this offset shows."""
    expires = datetime.now(UTC) + timedelta(seconds=offset_s + valid_s)
    return token(KEY, exp=expires, nbf=nbf)


def status(server: Server, shown: str) -> int:
    return server.post("/predict/", "a\n1\n", "text/csv", Authorization=f"Bearer {shown}").status


def test_requests_and_workers_go_on_while_the_clock_jumps(tmp_path: Path, tell: Tell) -> None:
    clock = Clock(tmp_path)
    flags = (*credentials(tmp_path), "--max-workers", "2", "--heartbeat-timeout-s", "5")
    model = REG.write(tmp_path / "model")
    shown = []
    with serve(model, *REG.flags, *flags, "--request-timeout-s", "10", env=clock.environ) as server:
        master = psutil.Process(server.process.pid)
        before = eventually(lambda: len(found := master.children()) == 2 and found)
        with asked(server.url, QUESTION) as replies:
            for offset_s in JUMPS:
                clock.set(offset_s)
                date = parsedate_to_datetime(server.get("/ping/").headers["Date"])
                shown.append(date - datetime.now(UTC) - timedelta(seconds=offset_s))
                time.sleep(STAY_S)
        time.sleep(2)

        assert master.children() == before
        assert errors(server.log()) == []
    tell(f"{len(replies)} requests over {len(JUMPS)} jumps of the clock, 0 failed")
    assert max(map(abs, shown)) < timedelta(seconds=10), "the clock of the server was not set"
    assert {status for _, status, _ in replies} == {200}


def test_tokens_are_judged_by_the_clock_as_it_is_now(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    model = REG.write(tmp_path / "model")
    flags = (*REG.flags, *ONE_WORKER, *credentials(tmp_path))
    with serve(model, *flags, env=clock.environ) as server:
        for offset_s in JUMPS:
            clock.set(offset_s)
            assert status(server, token_at(offset_s, 60)) == 200
            assert status(server, token_at(offset_s, 10 - LEEWAY_S)) == 200
            assert status(server, token_at(offset_s, -10 - LEEWAY_S)) == 401
            begins = datetime.now(UTC) + timedelta(seconds=offset_s + 10 + LEEWAY_S)
            assert status(server, token_at(offset_s, 600, nbf=begins)) == 401


def test_a_token_that_was_right_is_refused_as_soon_as_the_clock_says_so(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    model = REG.write(tmp_path / "model")
    flags = (*REG.flags, *ONE_WORKER, *credentials(tmp_path))
    with serve(model, *flags, env=clock.environ) as server:
        begun = datetime.now(UTC) - timedelta(seconds=60)
        known = token_at(0, 600, nbf=begun)
        assert status(server, known) == 200
        clock.set(HOUR)
        assert status(server, known) == 401
        clock.set(-HOUR)
        assert status(server, known) == 401
        clock.set(0)
        assert status(server, known) == 200


def test_the_end_of_a_server_takes_its_limit_though_the_clock_goes_back(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    model = WAITING.write(tmp_path / "model")
    flags = (*WAITING.flags, "--graceful-timeout-s", "3", "--request-timeout-s", "0")
    with serve(model, *flags, env=clock.environ) as server:
        running = begin(lambda: server.post("/predictUnstructured/", "600", "text/plain"))
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        clock.set(-HOUR)
        assert not running.done()

        server.process.wait(30)


def test_the_end_of_a_server_cuts_no_request_off_though_the_clock_goes_on(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    model = WAITING.write(tmp_path / "model")
    with serve(model, *WAITING.flags, env=clock.environ) as server:
        running = begin(lambda: server.post("/predictUnstructured/", "4", "text/plain"))
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        clock.set(HOUR)

        assert running.result(30).status == 200
        assert server.process.wait(30) == 0


CLAIM = """
import sys
from pathlib import Path
from drum_like.store.location import Place
from drum_like.store.store import open_store

assert open_store(Place(Path(sys.argv[1]))).checks.claim("gone", 300) is not None
"""


@pytest.mark.parametrize("offset_s", [HOUR, DAY])
def test_a_lease_of_a_process_that_is_gone_ends_though_the_clock_went_back(
    offset_s: int, tmp_path: Path
) -> None:
    clock, root = Clock(tmp_path), tmp_path / "store"
    clock.set(offset_s)
    with opened(root) as catalog:
        store = catalog.registry.store
        version = put(store, "m", status=Status.PENDING)
        environ = environment(clock.environ)
        subprocess.run([sys.executable, "-c", CLAIM, str(root)], env=environ, check=True)

        claimed = store.checks.claim("other", 300)

        assert claimed is not None
        assert claimed.id == version.id
        assert store.checks.claim("third", 300) is None


SWEEP = """
import sys
from pathlib import Path
from drum_like.store.location import Place
from drum_like.store.store import open_store

print(open_store(Place(Path(sys.argv[1]))).sweep())
"""


def test_an_upload_under_way_is_no_leftover_though_the_clock_goes_on(tmp_path: Path) -> None:
    clock, root = Clock(tmp_path), tmp_path / "store"
    clock.set(DAY)
    with opened(root) as catalog:
        store = catalog.registry.store
        with store.files.receive(1 << 20) as incoming:
            incoming.write(b"bytes")
            environ = environment(clock.environ)
            command = [sys.executable, "-c", SWEEP, str(root)]
            done = subprocess.run(command, env=environ, check=True, stdout=subprocess.PIPE)

            assert done.stdout == b"0\n"
            assert incoming.path.exists()
