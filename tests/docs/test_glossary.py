"""The glossary names what the code names, and retired words are not in its names."""

import ast
import re

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "glossary.md").read_text("utf-8")
MOST_TERMS = 41

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

RETIRED = frozenset(
    _WORD.findall(
        "abilities ability blame bulk crowd entrance habits news pace patience places rooms shelf "
        "shelves specimen steering turn turns verdict"
    )
)
"""Words that the code had for things that the glossary, or the field, calls otherwise."""

_ROW = re.compile(r"^\| (?P<term>[^|]+) \| (?P<meaning>[A-Z][^|]*\.) \| (?:`(?P<name>\w+)` )?\|$")
_HEADER = ("| term |", "|---")

ROWS = [line for line in PAGE.splitlines() if line.startswith("|") and not line.startswith(_HEADER)]


def public_names() -> tuple[set[str], set[str]]:
    """Return the names of all modules of the packages, and of their public classes."""
    modules, classes = set(), set()
    for package in ("drum_like", "predictors"):
        for path in (ROOT / package).rglob("*.py"):
            modules.add(path.parent.name if path.stem == "__init__" else path.stem)
            body = ast.parse(path.read_text("utf-8")).body
            classes |= {node.name for node in body if isinstance(node, ast.ClassDef)}
    return modules, {name for name in classes if not name.startswith("_")}


def test_every_term_has_one_row_with_one_sentence() -> None:
    found = [_ROW.match(line) for line in ROWS]
    terms = [row["term"] for row in found if row is not None and ". " not in row["meaning"]]

    assert len(set(terms)) == len(ROWS) <= MOST_TERMS


def test_every_class_of_the_glossary_is_in_the_code() -> None:
    named = {row["name"] for row in map(_ROW.match, ROWS) if row is not None and row["name"]}
    _, classes = public_names()

    assert named
    assert named <= classes


def test_no_module_or_public_class_has_a_retired_word() -> None:
    modules, classes = public_names()
    words = {name: {word.lower() for word in _WORD.findall(name)} for name in modules | classes}

    assert not [name for name, parts in words.items() if parts & RETIRED]
