"""Who may call what: one layer for all contracts, asked before a body is read."""

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


Authenticator = Callable[[Headers], Principal]
"""From the headers of a request to its caller."""

_ANYONE = Principal("anonymous", frozenset(Scope))


def allow_all(_headers: Headers) -> Principal:
    """Return a caller who may do everything: no credentials are configured."""
    return _ANYONE
