"""Authentication and scopes: one layer for all contracts, asked before a body is read.

The modules of this package check credentials; this one defines their results.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from werkzeug.datastructures import Headers


class Scope(Enum):
    """The kind of use that a route needs and a credential grants."""

    PROBE = "probe"
    PREDICT = "predict"
    OBSERVE = "observe"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    Attributes:
        name: For logs; "anonymous" without credentials.
        scopes: The scopes granted to it.
    """

    name: str
    scopes: frozenset[Scope]


Shown = Headers | Mapping[str, str]
"""The headers of a request, or those of them by which callers are known."""


class Authenticator(Protocol):
    """Tells who sends a request."""

    def __call__(self, headers: Shown, address: str = "") -> Principal | None:
        """Return the caller, None if the headers prove no caller.

        Args:
            headers: Those of the request.
            address: Where it comes from, for a limit on wrong credentials.
        """

    def begin(self, headers: Shown, address: str) -> None:
        """Begin a slower check without waiting for it.

        Raises:
            HTTPException: no check is begun for this caller now.
        """

    def at_once(self, headers: Shown, address: str = "") -> Principal | None:
        """Return the caller if it is known without waiting, else None.

        Raises:
            HTTPException: the address has sent too many wrong credentials.
        """

    def takes_longer(self, headers: Shown) -> bool:
        """Return whether a slower check may yet know a caller that `at_once` does not know."""


@dataclass(frozen=True, slots=True)
class Open:
    """Takes every caller for the same one: no credentials are configured.

    Attributes:
        principal: Who that is.
    """

    principal: Principal

    def __call__(self, headers: Shown, address: str = "") -> Principal:  # noqa: ARG002 - see above
        """Return the one."""
        return self.principal

    def begin(self, headers: Shown, address: str) -> None:
        """Do nothing."""

    def at_once(self, headers: Shown, address: str = "") -> Principal:  # noqa: ARG002 - see above
        """Return the one."""
        return self.principal

    def takes_longer(self, headers: Shown) -> bool:  # noqa: ARG002 - an Authenticator
        """Return False."""
        return False


ANYONE = Principal("anonymous", frozenset(Scope))
"""The caller of a server without credentials."""

STRANGER = Principal("anonymous", frozenset(Scope) - {Scope.ADMIN})
"""The same from another machine, which must not change anything that others use."""
