"""Clients that upload, configure and name versions over HTTP until their server is gone."""

import hashlib
import json
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.http_calls import Part, form
from tests.support.wallaroo_api import sums

NAMES = ("m-0", "m-1", "m-2")
TIMEOUT_S = 60


@dataclass
class Told:
    """Writes that servers have confirmed, and those that were not answered.

    Attributes:
        versions: Digests by id.
        configs: The newest id and its threshold, by version.
        aliases: UUIDs by model and alias.
        open_versions: Digests of uploads without an answer.
        open_aliases: UUIDs that an alias may have got without an answer, by model and alias.
        wrong: Answers that were no yes.
    """

    versions: dict[int, str] = field(default_factory=dict)
    configs: dict[int, tuple[int, float]] = field(default_factory=dict)
    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    open_versions: set[str] = field(default_factory=set)
    open_aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    wrong: list[tuple[int, bytes]] = field(default_factory=list)


class Contents:
    """Model files, each one different, that several threads may take from."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def take(self) -> bytes:
        """Return a model that nobody has got before."""
        return sums(float(next(self._numbers)))

    def some(self, n_models: int) -> Sequence[bytes]:
        """Return models to come, which still come."""
        first = next(self._numbers)
        self._numbers = count(first)
        return [sums(float(number)) for number in range(first, first + n_models)]


@contextmanager
def clients(url: str, n_clients: int, told: Told, contents: Contents) -> Iterator[None]:
    """Let clients send changes until their server is gone, which has to be in the block."""
    targets = [Client(url, number, told, contents).run for number in range(n_clients)]
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert not any(thread.is_alive() for thread in threads)


class Client:
    """One client with a connection of its own."""

    def __init__(self, url: str, number: int, told: Told, contents: Contents) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
        self._alias = f"client-{number}"
        self._told = told
        self._contents = contents
        self._chance = random.Random()

    def run(self) -> None:
        """Send changes until there is no answer."""
        with suppress(OSError, HTTPException):
            while True:
                self._round()
        self._connection.close()

    def _round(self) -> None:
        name = self._chance.choice(NAMES)
        version = self._upload(name)
        if version is None:
            return
        if self._chance.random() < 0.6:
            self._configure(version)
        if self._chance.random() < 0.3:
            self._name(name, version)

    def _upload(self, name: str) -> int | None:
        content = self._contents.take()
        digest = hashlib.sha256(content).hexdigest()
        self._told.open_versions.add(digest)
        answer = self._sent(*_upload(self._chance, name, content))
        self._told.open_versions.discard(digest)
        if answer is None:
            return None
        version: int = answer["insert_models"]["returning"][0]["models"][0]["id"]
        self._told.versions[version] = digest
        return version

    def _configure(self, version: int) -> None:
        threshold = self._chance.random()
        content = {"model_version_id": version, "filter_threshold": threshold}
        answer = self._sent(*_json("insert_model_config", content))
        if answer is not None:
            self._told.configs[version] = (answer["model_config"]["id"], threshold)

    def _name(self, name: str, version: int) -> None:
        answer = self._sent(*_json("get_version_by_id", {"model_version_id": version}))
        if answer is None:
            return
        uuid = answer["model_version"]["model_version"]["file_info"]["version"]
        key = (name, self._alias)
        self._told.open_aliases[key] = uuid
        content = {
            "model_id": name, "workspace_id": 1, "alias": self._alias, "model_version": uuid,
        }  # fmt: skip
        if self._sent(*_json("set_alias", content)) is not None:
            self._told.aliases[key] = uuid
        del self._told.open_aliases[key]

    def _sent(self, path: str, body: bytes, kind: str) -> Any:
        self._connection.request("POST", f"/v1/api/models/{path}", body, {"Content-Type": kind})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status in (200, 202):
            return json.loads(answer)
        self._told.wrong.append((response.status, answer))
        return None


def _json(path: str, content: dict[str, Any]) -> tuple[str, bytes, str]:
    return path, json.dumps(content).encode(), "application/json"


def _upload(chance: random.Random, name: str, content: bytes) -> tuple[str, bytes, str]:
    """Return an upload in one of its three forms."""
    route = chance.choice(("upload", "upload_and_convert", "upload_stream"))
    metadata = {"name": name, "workspace_id": 1, "conversion": {"framework": "onnx"}}
    if route != "upload_stream":
        parts = (Part("metadata", json.dumps(metadata), None), Part("file", content, "m.onnx"))
        return route, *form(*parts)
    query = {"name": name, "filename": "m.onnx", "visibility": "private", "workspace_id": 1}
    return f"{route}?{urlencode(query)}", content, "application/octet-stream"
