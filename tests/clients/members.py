"""Public members of a client library's classes, and what became of calling each of them."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

Key = tuple[str, str]
"""The name of a class and that of a member."""


@dataclass(frozen=True, slots=True)
class Member:
    """A public method or property.

    Attributes:
        owner: The class that is asked, which may have it from another.
        name: Its name.
        is_property: It is read, not called.
    """

    owner: type
    name: str
    is_property: bool

    @property
    def key(self) -> Key:
        """Return the names of class and member."""
        return self.owner.__name__, self.name

    def required(self) -> list[str]:
        """Return the names of the arguments that have no default."""
        if self.is_property:
            return []
        plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        parameters = inspect.signature(getattr(self.owner, self.name)).parameters.values()
        return [
            one.name
            for one in parameters
            if one.kind in plain and one.default is one.empty and one.name != "self"
        ]


def classes(package: ModuleType, *without: str) -> list[type]:
    """Return the classes of a package that hold a client, and its client.

    Args:
        package: The package.
        without: Parts of names of modules that are left out.
    """
    names = [found.name for found in walk_packages(package.__path__, f"{package.__name__}.")]
    wanted = sorted(name for name in names if not any(part in name for part in without))
    found = []
    for module in map(import_module, wanted):
        own = (one for one in vars(module).values() if inspect.isclass(one))
        found += [one for one in own if one.__module__ == module.__name__ and _has_client(one)]
    return found


def members(owner: type, *without: str) -> Iterator[Member]:
    """Yield a class's public methods and properties, those of foreign bases left out."""
    package = owner.__module__.split(".")[0]
    for name in dir(owner):
        home = next(base for base in owner.__mro__ if name in vars(base) or base is object)
        is_own = home.__module__.split(".")[0] == package
        if name.startswith("_") or not is_own or any(part in home.__module__ for part in without):
            continue
        found = inspect.getattr_static(owner, name)
        if isinstance(found, property) or callable(getattr(owner, name)):
            yield Member(owner, name, isinstance(found, property))


def _has_client(found: type) -> bool:
    try:
        return found.__name__ == "Client" or "client" in inspect.signature(found).parameters
    except ValueError:
        return False
