"""Packages and modules that a model directory needs: of requirements.txt, and of pickles."""

import pickletools
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shlex import quote
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from drum_like import plugins
from drum_like.cli.doctor.finding import Finding, warning

FILE_NAME = "requirements.txt"

_DISTRIBUTIONS = {
    "PIL": "pillow",
    "catboost": "catboost",
    "category_encoders": "category-encoders",
    "cv2": "opencv-python-headless",
    "imblearn": "imbalanced-learn",
    "keras": "keras",
    "mlflow": "drum-like[mlflow]",
    "skops": "drum-like[skops]",
    "statsmodels": "statsmodels",
    "tensorflow": "tensorflow",
    "torch": "torch",
    "transformers": "transformers",
    "yaml": "PyYAML",
}
"""Distributions by a module that they bring, for those that models often need."""

_NOT_NEEDED = frozenset({"datarobot-drum", "drum-like", "mlflow", "pip"})
"""Distributions that requirements.txt may name, and that are not needed for serving here."""


def findings(directory: Path) -> Iterator[Finding]:
    """Yield the lines of requirements.txt that the installed packages do not meet."""
    for number, needed in _requirements(directory / FILE_NAME):
        if isinstance(needed, str):
            found = f"{FILE_NAME} line {number} is no requirement"
            yield warning("requirements", found, f"write line {number} as NAME==VERSION")
            continue
        installed = _installed(needed.name)
        if installed is not None and needed.specifier.contains(installed, prereleases=True):
            continue
        fix = f"pip install {quote(_spelled(needed))}"
        if installed is None:
            found = f"{FILE_NAME} names {needed.name}, which is not installed"
            yield warning("package-missing", found, fix)
        else:
            found = (
                f"{FILE_NAME} asks for {needed.name}{needed.specifier}, installed is {installed}"
            )
            yield warning("package-version", found, fix)


def install_command(module: str, directory: Path) -> str:
    """Return the command that brings a module, or the place where it has to lie.

    Args:
        module: The module that does not import.
        directory: The model directory, whose requirements.txt may name the distribution.
    """
    package = module.partition(".")[0]
    if package in _DISTRIBUTIONS:
        return f"pip install {quote(_DISTRIBUTIONS[package])}"
    for _, needed in _requirements(directory / FILE_NAME):
        if isinstance(needed, Requirement) and canonicalize_name(needed.name) == canonicalize_name(
            package
        ):
            return f"pip install {quote(_spelled(needed))}"
    hint = plugins.install_hint(module)
    if hint.startswith("Run: "):
        return hint.removeprefix("Run: ")
    return f"put {package}.py into the model directory, or `pip install` the package that has it"


def names_in_pickle(path: Path) -> frozenset[str]:
    """Return the modules and names that a pickle looks up when it is loaded; loads nothing.

    Of a file that is compressed, or has arrays between its parts, those up to there.

    Args:
        path: The file.
    """
    found: set[str] = set()
    last = deque[str | None](maxlen=2)
    memo: dict[Any, str | None] = {}
    with path.open("rb") as file, suppress(Exception):  # whatever a file that is none raises
        for operation, argument, _ in pickletools.genops(file):
            if operation.name == "MEMOIZE" or operation.name.endswith("PUT"):
                memo[len(memo) if argument is None else argument] = last[-1] if last else None
                continue
            if operation.name in ("GLOBAL", "INST"):
                found.add(str(argument).replace(" ", "."))
            elif operation.name == "STACK_GLOBAL":
                found.add(".".join(map(str, last)))
            is_got = operation.name.endswith("GET")
            text = memo.get(argument) if is_got else argument
            last.append(text if isinstance(text, str) else None)
    return frozenset(found)


def _requirements(path: Path) -> Iterator[tuple[int, Requirement | str]]:
    """Yield the requirements of a file that hold here, with their lines; text for one that is none.

    Options, such as -r and --index-url, and addresses are left out.
    """
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        text = line.partition(" #")[0].strip()
        if not text or text.startswith(("#", "-", ".")) or "://" in text:
            continue
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            yield number, text
            continue
        holds = needed.marker is None or needed.marker.evaluate()
        if holds and canonicalize_name(needed.name) not in _NOT_NEEDED:
            yield number, needed


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _spelled(needed: Requirement) -> str:
    extras = f"[{','.join(sorted(needed.extras))}]" if needed.extras else ""
    return f"{needed.name}{extras}{needed.specifier}"
