"""A process that changes a store until it is killed, and says what was acknowledged.

`python -m tests.faults.stress ROOT URL|- SEED`: a line on standard output for each change that the
store has taken, written after the call has returned.
"""

import os
import random
import sys
from pathlib import Path

from drum_like.store.entities import NewConfig, NewVersion, Status
from drum_like.store.location import Place
from drum_like.store.store import Store, open_store
from drum_like.store.versions import File


def main(root: str, url: str, seed: str) -> None:
    """Change a store for ever."""
    chance = random.Random(seed)
    store = open_store(Place(Path(root), None if url == "-" else url))
    say("open", "")
    while True:
        version_id, digest = upload(store, f"m{chance.randrange(3)}", chance.randbytes(20_000))
        say("version", f"{version_id} {digest}")
        if chance.random() < 0.5:
            config = store.configs.add(version_id, NewConfig(filter_threshold=chance.random()))
            say("config", str(config.id))
        if chance.random() < 0.3:
            version = store.versions.get(version_id)
            store.aliases.set(version.model_id, "live", version_id)
            say("alias", f"{version.model_id} {version_id}")


def upload(store: Store, name: str, content: bytes) -> tuple[int, str]:
    """Store bytes as a version; return its id and the digest of the bytes."""
    with store.files.receive(1 << 20) as incoming:
        for at in range(0, len(content), 1000):
            incoming.write(content[at : at + 1000])
        received = incoming.received()
        file = File(received, received.sha256, received.size, "onnx")
        version = store.versions.add(NewVersion(1, name, "m.onnx"), file, Status.READY, ("stored",))
        return version.id, received.sha256


def say(what: str, about: str) -> None:
    """Write a line that a kill cannot take back."""
    os.write(1, f"{what} {about}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
