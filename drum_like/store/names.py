"""Valid names of models and aliases, and references to a model and a version in one text."""

import re
from typing import NamedTuple

from drum_like.errors import UploadError
from drum_like.store.entities import FIRST_WORKSPACE

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
LIVE = "live"
"""The alias that a name without a version means, where it is set."""

_QUALIFIED = re.compile(r"w([1-9][0-9]{0,17})\.(.+)", re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class Reference(NamedTuple):
    """A model and, where one is named, a version of it.

    Attributes:
        key: The model as the catalog names it: `name`, or `w<workspace>.name`.
        version: A number, a UUID or an alias; None for what the name itself means.
    """

    key: str
    version: str | None


def check_model_name(name: str) -> None:
    """Refuse a text that cannot be the name of a model.

    Raises:
        UploadError: the name breaks the rule, or reads like a name with its workspace.
    """
    if NAME.fullmatch(name) is None:
        raise UploadError(
            "a model's name has 1 to 128 letters, digits, dots, dashes and underscores of ASCII, "
            "and starts with a letter or a digit"
        )
    if _QUALIFIED.fullmatch(name):
        raise UploadError(
            "a model's name cannot begin with w, a number and a dot: that names a workspace"
        )


def check_alias(alias: str) -> None:
    """Refuse a text that cannot be an alias.

    Raises:
        UploadError: the alias breaks the rule, or reads like a UUID.
    """
    if ALIAS.fullmatch(alias) is None or is_uuid(alias):
        raise UploadError(
            "an alias has 1 to 64 letters, digits, dots, dashes and underscores of ASCII, and "
            "starts with a letter"
        )


def key_of(workspace_id: int, name: str) -> str:
    """Return the catalog's name of a model of a workspace."""
    return name if workspace_id == FIRST_WORKSPACE else f"w{workspace_id}.{name}"


def split_key(key: str) -> tuple[int, str]:
    """Return workspace and name of a model that the catalog names so; the opposite of `key_of`."""
    found = _QUALIFIED.fullmatch(key)
    return (FIRST_WORKSPACE, key) if found is None else (int(found[1]), found[2])


def reference(name: str, version: str | None = None) -> Reference:
    """Parse `name`, `name@version` or `@alias`; `version` wins over one in the name."""
    key, _, inner = name.partition("@")
    chosen = (version or inner).removeprefix("@")
    return Reference(key, chosen or None)


def is_number(version: str) -> bool:
    """Return whether a version is named by its number."""
    return _NUMBER.fullmatch(version) is not None


def is_uuid(version: str) -> bool:
    """Return whether a version is named by its UUID, in lower case."""
    return _UUID.fullmatch(version) is not None
