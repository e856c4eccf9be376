"""Which requests are read before the application sees them, and what it gets of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drum_like.auth.admission import Admission, Caller
from drum_like.server.bodies import AT_ONCE
from drum_like.server.heads import Head, Heads


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
    """How requests are read.

    Attributes:
        heads: Reads their heads.
        max_body: Longer bodies, in bytes, are not read; the application refuses them.
        admission: Finds out who sends them, for strangers' large bodies are not read either; None
            where everybody is let in.
        room: How long a body may be that is longer than `max_body`, by WSGI's variables: routes
            that take uploads take more.
    """

    heads: Heads
    max_body: int
    admission: Admission | None = None
    room: Callable[[Mapping[str, Any]], int] = lambda _: 0

    def may_come(self, head: Head, caller: Caller | None) -> bool:
        """Return whether to read a body before the application is asked."""
        if not head.is_chunked and head.length <= AT_ONCE:
            return True
        is_stranger = self.admission is not None and (caller is None or caller.principal is None)
        if is_stranger or head.is_coded:
            return False
        return head.length <= self.max_body or head.length <= self.room(head.environ)

    def most(self, head: Head) -> int:
        """Return how long a body may be that does not say how long it is."""
        return max(self.max_body, self.room(head.environ))
