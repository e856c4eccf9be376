"""Stores for tests: on SQLite always, on PostgreSQL where a server is running."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import event

from drum_like.store.entities import NewVersion, Status, Version
from drum_like.store.location import Place
from drum_like.store.store import Store
from drum_like.store.versions import File
from tests.support.postgres import URL_VARIABLE

SQLITE, POSTGRES = "sqlite", "postgres"
DATABASES = (SQLITE, POSTGRES)


@contextmanager
def place_on(database: str, root: Path) -> Iterator[Place]:
    """Give a place for a store with an empty database; skip where there is no server."""
    if database == SQLITE:
        yield Place(root)
        return
    server = os.environ.get(URL_VARIABLE)
    if server is None:
        pytest.skip(f"{URL_VARIABLE} names no PostgreSQL server; `make test-postgres` starts one")
    name = f"tests_{uuid4().hex}"
    _on_server(server, f"CREATE DATABASE {name}")
    try:
        yield Place(root, server.rpartition("/")[0] + f"/{name}")
    finally:
        _on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


def put(
    store: Store,
    name: str,
    content: bytes = b"bytes",
    status: Status = Status.READY,
    max_bytes: int = 1 << 20,
) -> Version:
    """Store bytes as a version, without a look at them."""
    with store.files.receive(max_bytes) as incoming:
        incoming.write(content)
        received = incoming.received()
        file = File(received, received.sha256, received.size, "onnx")
        return store.versions.add(NewVersion(1, name, "model.onnx"), file, status, ("stored",))


def files_of(root: Path) -> list[str]:
    """Return the files of a store beside those of its database, by path."""
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.parent != root
    )


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """Give a list of the statements that a store's database gets from now on."""
    found: list[str] = []

    def note(*about: object) -> None:
        found.append(str(about[2]))

    engine = store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _on_server(url: str, statement: str) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(statement)
