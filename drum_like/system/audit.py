"""The audit log: a line for each change that somebody asks for, made or refused.

Whoever takes the wish begins a change, and ends it with its outcome. The code in between finds it
in the context, and tells its subject: `audit.about(model="churn", version=3)`.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from drum_like.errors import DrumLikeError

logger = logging.getLogger("drum_like.audit")
logger.setLevel(logging.INFO)  # shown whatever --logging-level says

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "who": "name of the credential, `anonymous` on a server without any, null for a stranger; "
        "the user who ran the command",
        "verb": "for example `upload`, `delete`, `set`",
        "object": "for example `model`, `version`, `alias`",
        "door": "contract of the request, or `cli`",
        "outcome": "`done`, `refused` or `failed`",
        "status": "status of the answer; none of a command",
        "model": "name of the model, or several",
        "version": "number of the version, or several; as the caller named it where there is none",
        "version_id": "id of the version, as the caller named it",
        "alias": "name for a version",
        "pipeline": "name of the pipeline; its id where there is none of that id",
        "pipeline_version": "version of the pipeline, as the caller named it",
        "deployment": "deployment of the pipeline",
        "workspace": "name or number of the workspace",
        "user": "user whom a workspace gets or loses",
        "configuration": "id of the configuration of a project",
        "project": "id of the project",
    }
)
"""Fields of its lines in JSON, with their meanings."""

_LONGEST = 128
_PLAIN = re.compile(r"[\w.@+/-]+", re.ASCII)


class Change:
    """A change that somebody asks for.

    Attributes:
        action: Verb and object, as `delete model`; empty for a request that only looks.
        who: Name of the caller, None for one who is not known.
        door: The contract that the request came by, or `cli`.
        names: The names of its subject, by their kinds.
        is_refused: Whether it is refused, whatever the status of the answer says.
    """

    __slots__ = ("action", "door", "is_refused", "names", "who")

    def __init__(self, action: str, who: str | None, door: str) -> None:
        self.action, self.who, self.door = action, who, door
        self.names: dict[str, str] = {}
        self.is_refused = False

    def answer(self, status: int) -> None:
        """Write the line of a change that a request asked for, by the status of its answer."""
        outcome = "done" if status < 400 else "failed" if status >= 500 else "refused"
        self.end("refused" if self.is_refused else outcome, status)

    def end(self, outcome: str, status: int | None = None) -> None:
        """Write the line, and leave the context."""
        _CHANGE.set(None)
        if not self.action:
            return
        verb, _, subject = self.action.partition(" ")
        known = {"who": self.who, "verb": verb, "object": subject, "door": self.door}
        told = {"outcome": outcome} | ({} if status is None else {"status": status})
        logger.info("%s", self._text(outcome, status), extra={"fields": known | told | self.names})

    def _text(self, outcome: str, status: int | None) -> str:
        """Return the line for people; names that are not plain stand in quotes."""
        who = "a stranger" if self.who is None else _quoted(self.who)
        told = outcome if status is None else f"{outcome} ({status})"
        names = "".join(f" {kind}={_quoted(name)}" for kind, name in self.names.items())
        return f"{self.action} by {who} through {self.door}: {told}{names}"


_CHANGE: ContextVar[Change | None] = ContextVar("change", default=None)


def begin(action: str, who: str | None, door: str) -> Change:
    """Begin a change, which the code of this context is about until it ends."""
    change = Change(action, who, door)
    _CHANGE.set(change)
    return change


@contextmanager
def command(action: str, who: str) -> Iterator[None]:
    """Write the line of a change that a command makes in this block."""
    change = begin(action, who, "cli")
    try:
        yield
    except BaseException as error:
        change.end("refused" if isinstance(error, DrumLikeError) else "failed")
        raise
    change.end("done")


def about(**names: object) -> None:
    """Tell names of the subject of the change under way, by their kinds; a later one wins.

    Args:
        names: Texts, numbers, and lists of texts; others are left out, and long ones cut.
    """
    if (change := _CHANGE.get()) is None:
        return
    for kind, name in names.items():
        listed = name if isinstance(name, list | tuple) else (name,)
        if name != "" and all(isinstance(one, str | int) for one in listed):
            change.names[kind] = ",".join(map(str, listed))[:_LONGEST]


def becomes(action: str) -> None:
    """Tell that the change under way is another one, or none: empty for a request that looks."""
    if (change := _CHANGE.get()) is not None:
        change.action = action


def refuse() -> None:
    """Tell that the change under way is refused by an answer whose status does not say so."""
    if (change := _CHANGE.get()) is not None:
        change.is_refused = True


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else json.dumps(name)
