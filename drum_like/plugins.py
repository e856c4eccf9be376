"""Plugins by entry-point group and name; imported when one is asked for, not before."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from drum_like.errors import PluginError

PREDICTORS = "drum_like.predictors"
ARTIFACTS = "drum_like.artifacts"
FORMATS = "drum_like.formats"
CONTRACTS = "drum_like.contracts"


@cache
def registered(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by name.

    Raises:
        PluginError: two installed distributions declare the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise PluginError(
                f"two plugins declare {point.name!r} in {group}: {_owner(other)} and "
                f"{_owner(point)}; uninstall one of them"
            )
    return found


@cache
def load(group: str, name: str) -> Any:
    """Import and return the plugin of that name.

    Raises:
        PluginError: no package declares the name, or its module does not import.
    """
    point = registered(group).get(name)
    if point is None:
        known = ", ".join(sorted(registered(group))) or "none"
        raise PluginError(f"no plugin named {name!r} in {group}; installed: {known}")
    try:
        return point.load()
    except ImportError as error:
        missing = error.name or name
        raise PluginError(
            f"the plugin {name!r} of {_owner(point)} needs the module {missing!r}, which does not "
            "import; install the package that brings it, or drum-like with the extra for it"
        ) from error


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
