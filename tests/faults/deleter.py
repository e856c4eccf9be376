"""Makes and deletes projects until it is killed: `python -m tests.faults.deleter ROOT URL|-`.

Says "open", and then what the store has acknowledged: "made PROJECT", "gone PROJECT".
"going PROJECT" stands before a deletion, for who wants to kill it there.
"""

import os
import sys
from pathlib import Path
from uuid import uuid4

from drum_like.store.location import Place
from drum_like.store.store import open_store
from tests.support.projects import project


def main() -> None:
    """Go on until killed."""
    root, url = sys.argv[1:]
    store = open_store(Place(Path(root), None if url == "-" else url))
    say("open")
    while True:
        name = uuid4().hex
        made, runs = project(store, name)
        store.projects.deploy(runs[0])
        say(f"made {name}")
        say(f"going {name}")
        store.projects.delete(made.id, "deleter")
        say(f"gone {name}")


def say(line: str) -> None:
    """Write a line that a kill cannot take back."""
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
