"""Who may call what: one layer for all contracts, asked before a body is read.

The modules of this package check what a caller shows; this one says what they answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from werkzeug.datastructures import Headers


class Scope(Enum):
    """What a route lets its caller do."""

    PROBE = "probe"
    PREDICT = "predict"
    OBSERVE = "observe"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    Attributes:
        name: For logs; "anonymous" without credentials.
        scopes: What it may do.
    """

    name: str
    scopes: frozenset[Scope]


Authenticator = Callable[[Headers], Principal | None]
"""From the headers of a request to its caller, None if they prove nobody."""

ANYONE = Principal("anonymous", frozenset(Scope))
"""Who calls a server without credentials."""

STRANGER = Principal("anonymous", frozenset(Scope) - {Scope.ADMIN})
"""Who calls it from another machine: nothing that others use is changed without a credential."""


def allow_all(_headers: Headers) -> Principal:
    """Return a caller who may do everything: no credentials are configured."""
    return ANYONE


def allow_strangers(_headers: Headers) -> Principal:
    """Return a caller who may do all but change what is served."""
    return STRANGER
