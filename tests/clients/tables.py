"""Tables of docs/ that a test makes, and compares with what stands there."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.clients.members import Key

DOCS = Path(__file__).parents[2] / "docs"
WRITE = "DRUM_LIKE_WRITE_TABLES"
"""The variable that makes a test write its table instead of comparing it."""


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(
        "|"
        + "|".join(f" {cell} " if cell not in ("---", "") else cell or " " for cell in line)
        + "|"
        for line in lines
    )


def listed(names: Iterable[str]) -> str:
    """Return names as code, one after the other."""
    return ", ".join(f"`{name}`" for name in sorted(names))


def grouped(keys: Iterable[Key]) -> str:
    """Return members as code, those of a class together."""
    owners: dict[str, list[str]] = {}
    for owner, name in keys:
        owners.setdefault(owner, []).append(name)
    return "; ".join(f"`{owner}`: {listed(names)}" for owner, names in sorted(owners.items()))


def differences(page: str, parts: Mapping[str, str]) -> list[str]:
    """Return the names of the parts of a page that are not as they should be; or write them."""
    path = DOCS / page
    text = before = path.read_text("utf-8")
    wrong = []
    for name, content in parts.items():
        start, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
        head, _, rest = text.partition(start)
        old, found, tail = rest.partition(end)
        if not found or old != f"{content}\n":
            wrong.append(name)
        text = f"{head}{start}{content}\n{end}{tail}" if found else text
    if os.environ.get(WRITE):
        path.write_text(text, "utf-8")
        return [name for name in wrong if f"<!-- end: {name} -->" not in before]
    return wrong
