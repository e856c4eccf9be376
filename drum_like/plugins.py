"""Plugins by entry-point group and name; imported when one is asked for, not before.

And, for messages, the extras of drum-like that bring a framework which is missing.
"""

from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, metadata
from typing import Any

from drum_like.errors import PluginError

PREDICTORS = "drum_like.predictors"
ARTIFACTS = "drum_like.artifacts"
CODECS = "drum_like.codecs"
CONTRACTS = "drum_like.contracts"

_DISTRIBUTION = "drum-like"

_NO_FRAMEWORKS = frozenset({"all", "jwt", "mlflow", "otel", "postgres", "skops", "xgboost-cpu"})
"""Extras of drum-like that bring no framework, or one that another extra brings, too."""

_EXTRAS = {"joblib": "sklearn", "onnxruntime": "onnx"}
"""Extras by a module that they bring; others are named as their module."""


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
                f"two plugins declare {point.name!r} in {group}: {owner(other)} and "
                f"{owner(point)}; uninstall one of them"
            )
    return found


def own(group: str) -> frozenset[str]:
    """Return the names of the plugins in a group that come with drum-like."""
    points = registered(group).items()
    return frozenset(name for name, point in points if owner(point) == _DISTRIBUTION)


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
            f"the plugin {name!r} of {owner(point)} needs the module {missing!r}, which does not "
            "import; install the package that brings it, or drum-like with the extra for it"
        ) from error


def describe_frameworks() -> str:
    """Say which frameworks can be served here, and how more are added."""
    installed = ", ".join(sorted(registered(PREDICTORS))) or "none"
    return (
        f"Installed plugins: {installed}; frameworks come with the extras of drum-like: "
        f"{', '.join(_extras())}. For any other write a score hook: "
        "`drum-like new model --code-dir DIR` begins a custom.py"
    )


def install_hint(module: str) -> str:
    """Return the command that brings a module, or where it has to lie."""
    package = module.partition(".")[0]
    extra = _EXTRAS.get(package, package)
    if extra in _extras():
        return f"Run: pip install 'drum-like[{extra}]'"
    return "Install the package that has it, or put the module beside custom.py"


def _extras() -> list[str]:
    """Return the extras of this distribution that bring a framework."""
    try:
        extras = metadata(_DISTRIBUTION).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        extras = []
    return sorted(set(extras) - _NO_FRAMEWORKS)


def owner(point: EntryPoint) -> str:
    """Return the distribution that declares an entry point."""
    return point.dist.name if point.dist is not None else point.value
