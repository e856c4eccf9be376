"""Requests as they are read before the application, and the rules for reading them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drum_like.http.auth.admission import Admission, Caller
from drum_like.server.body_buffer import AT_ONCE
from drum_like.server.request_head import Head, Heads

BodyLimit = Callable[[Mapping[str, Any], Caller | None], int]
"""Says how long the body of a request may be, by WSGI's variables and who sends it; 0 for callers
who may not send it."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as far as it is read before the application sees it.

    Attributes:
        head: Its head.
        body: The whole body; None if it is not to be read.
        caller: Who sends it; None if everybody is let in.
        is_overlong: Whether the body was not read because it is too long.
    """

    head: Head
    body: bytes | None
    caller: Caller | None = None
    is_overlong: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """The rules for reading requests.

    Attributes:
        heads: Reads their heads.
        limit: The most bytes of a request's body; a longer one is not read, and the
            application refuses it.
        admission: Finds out who sends them; None where everybody is let in.
    """

    heads: Heads
    limit: BodyLimit
    admission: Admission | None = None

    def most(self, head: Head, caller: Caller | None) -> int | None:
        """Return the most bytes of a body, None if it is not to be read at all."""
        if not head.is_chunked and head.length <= AT_ONCE:
            return AT_ONCE
        limit = 0 if head.is_coded else self.limit(head.environ, caller)
        return limit if limit and head.length <= limit else None
