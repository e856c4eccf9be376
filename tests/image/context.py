"""The build context: the files of the checkout that the Dockerfile's ignore file lets through."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.image.dockerfile import ImageError

Kept = Callable[[PurePosixPath], bool]
"""Says whether a path, relative to the root of the context, is copied."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of an ignore file: what it names, and whether it takes that back in."""

    pattern: re.Pattern[str]
    is_exception: bool


def rules(text: str) -> tuple[Rule, ...]:
    """Return the rules of an ignore file."""
    lines = [line.strip() for line in text.splitlines()]
    return tuple(_rule(line) for line in lines if line and not line.startswith("#"))


def keeping(read: tuple[Rule, ...]) -> Kept:
    """Return the answer of an ignore file: the last rule that fits a path, or a parent, wins."""

    def kept(path: PurePosixPath) -> bool:
        names = [str(one) for one in (path, *path.parents) if str(one) != "."]
        fitting = [rule for rule in read if any(map(rule.pattern.fullmatch, names))]
        return not fitting or fitting[-1].is_exception

    return kept


def _rule(line: str) -> Rule:
    is_exception = line.startswith("!")
    path = line.removeprefix("!").strip().strip("/")
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]*\])", path)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    regex = "".join(
        part if part.startswith("[") else known.get(part, re.escape(part)) for part in parts
    )
    return Rule(re.compile(regex), is_exception)


def copy(
    root: Path, sources: tuple[str, ...], target: Path, *, kept: Kept, is_folder: bool
) -> None:
    """Copy files and what is in folders, as COPY does: they belong to root afterwards.

    Args:
        root: Of the context, or of a stage.
        sources: Below it.
        target: A folder, made if it is not there, or the name of the one file.
        kept: Which paths below `root` are there.
        is_folder: Whether `target` is a folder even for one file.

    Raises:
        ImageError: a source is not there.
    """
    if len(sources) > 1 and not is_folder:
        raise ImageError(f"COPY of several sources needs a folder: {target.name}/")
    for name in sources:
        below = PurePosixPath(name.strip("/"))
        source = root / below
        if source.is_dir():
            n_copied = _copy_folder(root, below, target, kept)
        else:
            n_copied = _copy_one(root, below, target / below.name if is_folder else target, kept)
        if not n_copied:
            raise ImageError(f"COPY finds nothing: {name}")


def _copy_folder(root: Path, folder: PurePosixPath, target: Path, kept: Kept) -> int:
    """Copy what is in a folder, and return the number of files."""
    n_copied = 0
    is_new = not target.exists()
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(os.scandir(root / folder), key=lambda one: one.name):
        below = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            # A folder that is left out may hold files that are not.
            if kept(below) or any(kept(one) for one in _all_below(root, below)):
                n_copied += _copy_folder(root, below, target / entry.name, kept)
        else:
            n_copied += _copy_one(root, below, target / entry.name, kept)
    if is_new:
        shutil.copystat(root / folder, target)
    return n_copied


def _all_below(root: Path, folder: PurePosixPath) -> list[PurePosixPath]:
    return [PurePosixPath(path.relative_to(root)) for path in (root / folder).rglob("*")]


def _copy_one(root: Path, path: PurePosixPath, target: Path, kept: Kept) -> int:
    source = root / path
    if not kept(path) or not (source.exists() or source.is_symlink()):
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)
    os.chown(target, 0, 0, follow_symlinks=False)
    return 1
