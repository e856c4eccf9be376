"""The store of a server, over the routes for model management that it answers."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from drum_like.cli.model_store import ListedModel, ListedVersion, Progress, Push, with_aliases
from drum_like.errors import DrumLikeError, NotFoundError, UploadError

_API = "/v1/api/models"
_CHUNK = 1 << 18
_TIMEOUT_S = 600.0
_POLL_S = 0.5
_FINAL = ("ready", "error")
_AGENT = "WallarooSDK/drum-like"
"""A server gives clients with such a name all that it knows of a model at once."""


class RemoteError(DrumLikeError):
    """The server refuses, or does not answer."""


class RemoteStore:
    """The store of a server; see ModelStore.

    Args:
        url: Of the server.
        workspace: Number of the workspace.
        token: The bearer token to send; None for none.
    """

    def __init__(self, url: str, workspace: int, token: str | None) -> None:
        self._url = urlsplit(url)
        self._workspace = workspace
        self._token = token

    def push(self, push: Push, progress: Progress) -> ListedVersion:
        """Store a file as a new version; wait until it is checked.

        Raises:
            UploadError: it cannot be served.
            RemoteError: the server refuses it, or does not answer.
        """
        declared = push.declared
        query: list[tuple[str, str | int | None]] = [
            ("name", push.name),
            ("filename", push.file_name),
            ("visibility", "private"),
            ("workspace_id", self._workspace),
            ("target_type", declared.target_type),
            ("positive_label", declared.positive_label),
            ("negative_label", declared.negative_label),
            ("target_name", declared.target_name),
            *(("label", label) for label in declared.labels),
        ]
        given = urlencode([(key, value) for key, value in query if value is not None])
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(push.path.stat().st_size),
        }
        body = _pieces(push.path, progress)
        answer = self._call(f"{_API}/upload_stream?{given}", body, headers)
        version_id = answer["insert_models"]["returning"][0]["models"][0]["id"]
        return self._awaited(version_id)

    def models(self) -> list[ListedModel]:
        """Return all models, the newest first."""
        answer = self._json("list", {"workspace_id": self._workspace})
        return [self._listed(item) for item in answer["models"]]

    def model(self, name: str) -> ListedModel:
        """Return one model.

        Raises:
            NotFoundError: there is none of that name.
        """
        for item in self._json("list", {"workspace_id": self._workspace})["models"]:
            if item["name"] == name:
                return self._listed(item, self._aliases(name))
        raise NotFoundError(f"there is no model {name!r} in workspace {self._workspace}")

    def set_alias(self, name: str, alias: str, version: ListedVersion | None) -> None:
        """Give a version an alias; None takes it away."""
        uuid = None if version is None else version.uuid
        self._json("set_alias", self._of(name) | {"alias": alias, "model_version": uuid})

    def remove_version(self, version: ListedVersion) -> int:
        """Remove a version; return the bytes that this frees."""
        body = {"model_versions": [version.uuid], "confirm_delete": True}
        return int(self._json("delete_model_versions", body)["bytes"])

    def remove_model(self, name: str) -> int:
        """Remove a model with all its versions; return the bytes that this frees."""
        return int(self._json("delete_model", self._of(name) | {"confirm_delete": True})["bytes"])

    def _of(self, name: str) -> dict[str, Any]:
        return {"model_id": name, "workspace_id": self._workspace}

    def _aliases(self, name: str) -> Mapping[str, str]:
        aliases: dict[str, str] = self._json("list_aliases", self._of(name))["aliases"]
        return aliases

    def _awaited(self, version_id: int) -> ListedVersion:
        """Return a version as soon as it is checked."""
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            found = self._json("get_version_by_id", {"model_version_id": version_id})
            version = _version(found["model_version"]["model_version"], {})
            if version.status == "error":
                raise UploadError(version.error or "the version cannot be served")
            if version.status in _FINAL or time.monotonic() > deadline:
                return version
            time.sleep(_POLL_S)

    def _listed(self, item: Any, aliases: Mapping[str, str] | None = None) -> ListedModel:
        versions = [_version(one["model_version"], aliases or {}) for one in item["model_versions"]]
        newest_first = sorted(versions, key=lambda version: -version.number)
        return ListedModel(item["name"], tuple(newest_first))

    def _json(self, route: str, content: Mapping[str, Any]) -> Any:
        body = json.dumps(content).encode()
        return self._call(f"{_API}/{route}", body, {"Content-Type": "application/json"})

    def _call(self, path: str, body: bytes | Iterator[bytes], headers: dict[str, str]) -> Any:
        """Return the JSON that a POST is answered with.

        Raises:
            NotFoundError: the server says that there is no such thing.
            RemoteError: it refuses for another reason, or does not answer.
        """
        headers |= {"User-Agent": _AGENT}
        headers |= {"Authorization": f"Bearer {self._token}"} if self._token else {}
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.netloc, timeout=_TIMEOUT_S)
        try:
            # A server that refuses a file may close while it is sent, and says why nevertheless.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", self._url.path + path, body, headers)
            return _content(connection.getresponse())
        except (OSError, HTTPException, ValueError) as error:
            raise RemoteError(
                f"the server does not answer as it should ({type(error).__name__}); check --url"
            ) from error
        finally:
            connection.close()


def _content(response: HTTPResponse) -> Any:
    content = response.read()
    if response.status < 300:
        return json.loads(content)
    try:
        reason = str(json.loads(content)["msg"])
    except (ValueError, KeyError, TypeError):
        reason = f"status {response.status}; is the contract wallaroo among its --contracts?"
    raise (NotFoundError if response.status == 404 else RemoteError)(f"the server says: {reason}")


def _pieces(path: Path, progress: Progress) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
            progress(len(piece))


def _version(content: Any, aliases: Mapping[str, str]) -> ListedVersion:
    file = content["file_info"]
    return ListedVersion(
        number=content["number"],
        uuid=file["version"],
        status=content["status"],
        sha256=file["sha"],
        size=file["size"],
        file_name=file["file_name"],
        created_at=datetime.fromisoformat(content["created_at"]),
        aliases=with_aliases(aliases, file["version"]),
        error=content["error_summary"],
    )
