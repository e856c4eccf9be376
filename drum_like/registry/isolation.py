"""Custom code of several models in one process.

DRUM's way is one model a process: custom.py is the module `custom`, and its folder stands on
sys.path. With several models the modules beside one custom.py would be found by another. So the
modules of a model are taken out of sys.modules as soon as it is loaded; its own functions keep
them. A hook that imports a module of its folder only when it is called does not find it then, and
fails: that is better than another model's module of the same name.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


@contextmanager
def isolated(directory: Path, others: tuple[Path, ...]) -> Iterator[None]:
    """Load a model in the block so that its modules and those of others do not meet.

    Callers take care that there is one such block at a time.

    Args:
        directory: Of the model that is loaded.
        others: Of models whose modules are in sys.modules to stay.
    """
    path = list(sys.path)
    away = _modules_below(others)
    for name in away:
        del sys.modules[name]
    sys.path[:] = [entry for entry in path if not _is_below(entry, others)]
    try:
        yield
    finally:
        for name in _modules_below((directory,)):
            del sys.modules[name]
        sys.modules.update(away)
        sys.path[:] = path


def _modules_below(directories: tuple[Path, ...]) -> dict[str, ModuleType]:
    """Return the modules whose file lies in one of these directories."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if _is_below(getattr(module, "__file__", None), directories)
    }


def _is_below(file: object, directories: tuple[Path, ...]) -> bool:
    return isinstance(file, str) and any(
        file == str(directory) or file.startswith(f"{directory}{os.sep}")
        for directory in directories
    )
