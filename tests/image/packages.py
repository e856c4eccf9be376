"""Package indexes of this machine's pip, for the pip of an image."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

_INDEXES = ("index-url", "extra-index-url")
_FILES = ("cert", "client-cert", "constraint", "find-links")
_OTHERS = ("default-timeout", "no-index", "proxy", "retries", "timeout", "trusted-host")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where packages come from.

    Attributes:
        variables: For the environment of pip.
        paths: Files and folders of this machine that the variables name.
    """

    variables: Mapping[str, str]
    paths: tuple[Path, ...]


def found() -> Sources:
    """Ask the pip of this interpreter."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return sources(done.stdout)


def sources(listed: str) -> Sources:
    """Return the package indexes that `pip config list` names.

    Variables of the environment win over the section of `pip install`, and that over `global`.
    """
    settings: dict[str, str] = {}
    lines = [line.partition("=") for line in listed.splitlines()]
    for section in ("global.", "install.", ":env:."):
        for key, _, value in lines:
            name = key.removeprefix(section)
            if key.startswith(section) and name in {*_INDEXES, *_FILES, *_OTHERS}:
                settings[name] = str(ast.literal_eval(value))
    variables = {f"PIP_{name.upper().replace('-', '_')}": v for name, v in settings.items()}
    paths = {path for name, value in settings.items() for path in _paths(name, value)}
    return Sources(variables, tuple(sorted(paths)))


def _paths(name: str, value: str) -> Iterator[Path]:
    """Yield the places on this machine that a setting names and that are there."""
    for word in value.split() if name in _INDEXES or name in _FILES else ():
        url = urlsplit(word)
        if url.scheme not in ("", "file"):
            continue
        path = Path(unquote(url.path))
        # The pages of an index link to files beside its folder.
        is_index = name in _INDEXES and path.parent != Path("/")
        place = path.parent if is_index else path
        if place.is_absolute() and place.exists():
            yield place
