"""One connection to a server, kept open, and opened anew where the server closed it."""

from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.http_calls import Reply, send

TIMEOUT_S = 120.0


class Wire:
    """A connection that stays open over many requests."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection = self._new()

    def __enter__(self) -> Self:
        """Return the connection itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self._connection.close()

    def post(self, path: str, body: bytes, **headers: str) -> Reply:
        """POST a body; a header's name is given with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            return send(self._connection, "POST", path, body=body, headers=named)
        except (HTTPException, OSError):
            self._connection.close()
            self._connection = self._new()
            return send(self._connection, "POST", path, body=body, headers=named)

    def _new(self) -> HTTPConnection:
        return HTTPConnection(urlsplit(self._url).netloc, timeout=TIMEOUT_S)
