"""HTTP errors of requests that the server itself refuses, or whose body is coded or too long."""

import re
from typing import Any

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, UnsupportedMediaType

REFUSAL = "drum_like.refusal"
"""WSGI variable of a request that the server itself refuses: its ServerRefusal."""

READ_CODINGS = "gzip, deflate, zstd"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")


class ServerRefusal(HTTPException):
    """The server's own refusal of a request: before it reaches the application, or in its place.

    Args:
        status: HTTP status.
        text: The message, plain ASCII without quotes.
        retry_s: Seconds after which the client may try again; 0 for no word about that.
        limit_s: Seconds that a request may take, where this one took longer.
    """

    def __init__(self, status: int, text: str, retry_s: int = 0, limit_s: float = 0) -> None:
        super().__init__(text)
        self.code = status
        self.text = text
        self.retry_s = retry_s
        self.limit_s = limit_s

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the headers of the answer."""
        retry = [("Retry-After", str(self.retry_s))] if self.retry_s else []
        return [*super().get_headers(*args, **kwargs), *retry]


class CodedBodyError(UnsupportedMediaType):
    """A body that is compressed, or coded in another way that is not read; answered with 415.

    Args:
        field: The header that says so.
        codings: The codings that it names.
    """

    def __init__(self, field: str, codings: tuple[str, ...]) -> None:
        named = ", ".join(c if _TOKEN.fullmatch(c) else "(malformed)" for c in codings[:3])
        super().__init__(
            f"the body is coded: {field} is {named}, which this server does not read; send the "
            f"body as it is, without {field}, or with one Content-Encoding of {READ_CODINGS}"
        )

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """Return the headers of the answer: also which codings are read."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", READ_CODINGS)]


class LongBodyError(RequestEntityTooLarge):
    """A body that is longer than the limit of its route."""

    description = (
        "the body is longer than this server takes here; send less in one request, or start the "
        "server with a higher --max-body-mb (--max-upload-mb for a file of a model)"
    )


class LongFormError(RequestEntityTooLarge):
    """A form of too many parts, or with a field that is too long."""

    description = (
        "the form has more parts than this server takes here, or a long field that is no file; "
        "send fewer parts, and content as a file, or start the server with a higher "
        "--max-form-parts"
    )
