"""A database server that goes away and comes back: predictions go on, changes are put off."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.models import ONE_WORKER
from tests.support.registries import eventually
from tests.support.serving import serve
from tests.support.stores import POSTGRES, files_of, place_on
from tests.support.wallaroo_api import Api, sums

ROWS = [{"x": [1, 2, 3]}]


class Way:
    """The way to a server, which can be closed: connections end, and new ones are refused."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._begin()

    def close(self) -> None:
        """End all connections and take no more."""
        # A blocked accept only ends with a shutdown.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        """Take connections again, at the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._begin()

    def _begin(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open |= {near, far}
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                target.sendall(piece)
        for one in (source, target):
            self._open.discard(one)
            one.close()


@contextmanager
def way_to(url: str) -> Iterator[tuple[Way, str]]:
    """Give a way to a database, and the URL that goes by it."""
    parts = urlsplit(url)
    assert parts.port is not None
    way = Way(parts.port)
    try:
        yield way, url.replace(f":{parts.port}/", f":{way.port}/")
    finally:
        with suppress(OSError):
            way.close()


@pytest.mark.parametrize("database", [POSTGRES])
def test_predictions_go_on_and_changes_are_put_off(database: str, tmp_path: Path) -> None:
    root = tmp_path / "store"
    with place_on(database, root) as place, way_to(place.url or "") as (way, url):
        flags = ("--store", str(root), "--database-url", url, *ONE_WORKER)
        with serve(None, *flags) as server:
            api = Api(server)
            version = api.stored("m")
            eventually(lambda: _infers(api))
            before = files_of(root)

            way.close()
            inferred = [_infers(api) for _ in range(20)]
            listed = api.post("models/list", {"workspace_id": 1})
            uploaded = api.upload(api.metadata("m"), sums(2.0))
            way.open()

            assert all(inferred)
            for reply in (listed, uploaded):
                assert (reply.status, reply.json()["code"]) == (503, 503)
                assert reply.headers["Retry-After"] == "1"
            assert files_of(root) == before
            eventually(lambda: api.post("models/list", {"workspace_id": 1}).status == 200)
            assert [row["id"] for row in api.rows("m")] == [version]
            api.stored("m", sums(2.0))
            eventually(lambda: _answer(api) == 12.0)
            assert server.process.poll() is None


def _infers(api: Api) -> bool:
    return api.infer("m-0/m", ROWS).status == 200


def _answer(api: Api) -> float:
    found: float = api.infer("m-0/m", ROWS).json()[0]["out.variable"][0]
    return found
