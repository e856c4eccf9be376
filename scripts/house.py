"""Counts of the house: the sizes of its parts, and the imports between its rooms.

`python scripts/house.py` prints each count beside its bar; `--check` exits with 1 where one is
missed. A room is a package of `drum_like`, a contract in a folder of its own, or a file at the
root; an arrow is an import between two rooms; a floor is a step of the longest path down. Contracts
are counted apart: one more client adds its folder, and the house under it stays as it is.
"""

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

TOP = Path(__file__).parents[1]
SETUP = TOP / "setup.cfg"
CORE, PREDICTORS = "drum_like", "predictors"
SMALL = 40
"""Lines below which a module is small; an `__init__` with a docstring is not counted."""

_RIDDLE = re.compile(r"(Return )?[Ww]hat\b")
_MOCK = re.compile(r"\bunittest\.mock\b|\bMagicMock\b|\bmocker\b")

Node = TypeVar("Node", bound=ast.AST)
Arrows = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Module:
    """A module by its name with dots, the folder of its file with dots, and its syntax."""

    name: str
    folder: str
    n_lines: int
    tree: ast.Module

    @property
    def room(self) -> str:
        """The room that it belongs to."""
        parts = self.folder.split(".")
        if len(parts) == 1:
            return self.name
        return ".".join(parts[: 3 if parts[1] == "contracts" else 2])


@dataclass(frozen=True, slots=True)
class Count:
    """A count with its bar.

    Attributes:
        name: Name of the count.
        value: The count.
        bar: The most that it may be; None without a bar.
    """

    name: str
    value: int
    bar: int | None = None

    @property
    def is_kept(self) -> bool:
        """Whether the count is within its bar."""
        return self.bar is None or self.value <= self.bar

    def __str__(self) -> str:
        """Return a line of the table."""
        bar = "" if self.bar is None else f"<= {self.bar}"
        return f"{self.name:44} {self.value:6}  {bar:8}{'' if self.is_kept else 'missed'}".rstrip()


def main() -> int:
    """Print the counts; return 1 if a bar is missed and that was asked for."""
    parser = argparse.ArgumentParser(description="Count the modules, rooms and words of drum-like.")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bar is missed")
    is_check = parser.parse_args().check
    core, predictors = modules_of(CORE), modules_of(PREDICTORS)
    counts = [*sizes(core, predictors), *floor_plan(core), *words([*core, *predictors]), *rules()]
    print("\n".join(map(str, counts)))
    return int(is_check and not all(count.is_kept for count in counts))


def modules_of(package: str) -> list[Module]:
    """Read all modules of a package."""
    found = []
    for path in sorted((TOP / package).rglob("*.py")):
        text = path.read_text("utf-8")
        place = path.relative_to(TOP)
        folder = ".".join(place.parent.parts)
        name = folder if path.stem == "__init__" else f"{folder}.{path.stem}"
        found.append(Module(name, folder, len(text.splitlines()), ast.parse(text)))
    return found


def is_contract(module: Module) -> bool:
    """Whether a module belongs to a wire contract."""
    return module.folder.startswith(f"{CORE}.contracts")


def sizes(core: list[Module], predictors: list[Module]) -> Iterator[Count]:
    """Count modules, and measure the parts of those of both packages."""
    every = [*core, *predictors]
    functions = list(_nodes(every, ast.FunctionDef))
    small = sum(m.n_lines < SMALL and m.name != m.folder for m in every)
    roots = {module.name.split(".")[1] for module in core if "." in module.name}
    yield Count("entries at the root, with __init__", len(roots) + 1, 22)
    own = [module for module in core if not is_contract(module)]
    yield Count("modules of contracts", len(core) - len(own))
    # 225 before natural batching and metrics, which added 18, spans of OpenTelemetry one, the
    # verb doctor 10, TLS one, and the audit log, to which rooms above the store write, one. The
    # application of 482 lines became three: two more. The files of a manifest left the module of
    # its value type, and the signatures that manifests tell left inputSchema: two more.
    yield Count("modules of drum_like without contracts", len(own), 260)
    yield Count("modules of predictors", len(predictors), 35)
    yield Count(
        f"modules under {SMALL} lines, without __init__",
        small,
        15,
    )
    yield Count("lines of a function's body, p95", p95(map(_body_lines, functions)), 16)
    yield Count("lines of a module, p95", p95(module.n_lines for module in every), 250)
    yield Count("lines of the longest class", max(map(_lines, _nodes(every, ast.ClassDef))), 200)
    untyped = sum(not _is_typed(function) for function in functions)
    yield Count("functions without types", untyped, 0)


def floor_plan(core: list[Module]) -> Iterator[Count]:
    """Count rooms, and the imports between them."""
    rooms = {module.room for module in core}
    arrows = arrows_between(core)
    reached = {room: _reached(room, arrows) for room in rooms}
    of_contracts = {module.room for module in core if is_contract(module)}
    yield Count("rooms of contracts", len(of_contracts))
    yield Count("rooms without contracts", len(rooms - of_contracts), 20)
    yield Count("arrows of contracts", sum(len(arrows[room]) for room in of_contracts))
    yield Count("arrows without contracts", sum(len(arrows[r]) for r in rooms - of_contracts), 76)
    yield Count("floors", _floors(arrows, reached), 14)
    yield Count("rooms on a circle", sum(room in below for room, below in reached.items()), 0)
    yield Count("arrows up", sum(1 for _ in _arrows_up(arrows)), 0)


def words(every: list[Module]) -> Iterator[Count]:
    """Count first lines that are riddles, and names of classes that mean many things."""
    lines = list(_first_lines(every))
    yield Count("docstrings", len(lines))
    yield Count("docstrings that begin with what", sum(bool(_RIDDLE.match(x)) for x in lines), 10)
    names = Counter(node.name for node in _nodes(every, ast.ClassDef))
    many = sum(times > 2 and not name.startswith("_") for name, times in names.items())
    yield Count("public class names of more than two things", many, 0)


def rules() -> Iterator[Count]:
    """Count the lines of the import linter, and mocks in tests."""
    _, _, linter = SETUP.read_text("utf-8").partition("[importlinter]")
    yield Count("lines of import-linter", len(linter.splitlines()), 95)
    tests = (TOP / "tests").rglob("*.py")
    mocks = sum(bool(_MOCK.search(path.read_text("utf-8"))) for path in tests)
    yield Count("test files with mocks", mocks, 0)


def p95(values: Iterator[int]) -> int:
    """Return the 95th percentile by the nearest rank."""
    ranked = sorted(values)
    return ranked[-(-len(ranked) * 95 // 100) - 1]


def arrows_between(core: list[Module]) -> Arrows:
    """Return the rooms that each room imports from, itself left out."""
    room_of = {module.name: module.room for module in core}
    arrows: dict[str, frozenset[str]] = {}
    for module in core:
        others = {room_of[name] for name in _imported(module, room_of)} - {module.room}
        arrows[module.room] = arrows.get(module.room, frozenset()) | others
    return arrows


def _imported(module: Module, known: Mapping[str, str]) -> Iterator[str]:
    """Yield the modules of `drum_like` that a module imports; all such imports are absolute."""
    for node in _nodes([module], ast.ImportFrom):
        for alias in node.names:
            names = (f"{node.module}.{alias.name}", str(node.module))
            yield from [name for name in names if name in known][:1]


def _reached(room: str, arrows: Arrows) -> set[str]:
    """Return all rooms below a room; with itself if it is on a circle."""
    found: set[str] = set()
    waiting = [room]
    while waiting:
        new = arrows.get(waiting.pop(), frozenset()) - found
        found |= new
        waiting += new
    return found


def _floors(arrows: Arrows, reached: Mapping[str, set[str]]) -> int:
    """Return the number of rooms on the longest path down; a circle counts once."""
    floor: dict[str, int] = {}
    for room in sorted(reached, key=lambda room: len(reached[room] | {room})):
        below = [n for n in arrows.get(room, ()) if room not in reached[n]]
        floor[room] = 1 + max((floor[n] for n in below), default=0)
    return max(floor.values())


def _arrows_up(arrows: Arrows) -> Iterator[tuple[str, str]]:
    """Yield the arrows that do not go down the ladder of setup.cfg."""
    setup = ConfigParser()
    setup.read(SETUP, "utf-8")
    ladder = setup["importlinter:contract:layers"]["layers"].split("\n")
    rung = {name.strip(): n for n, names in enumerate(ladder) for name in names.split("|")}
    rung[""] = len(ladder)
    rung |= {_name(room): -1 for room in arrows if _name(room) not in rung}
    for room, others in arrows.items():
        for other in others:
            if _name(room) != _name(other) and rung[_name(other)] <= rung[_name(room)]:
                yield room, other


def _name(room: str) -> str:
    """Return the name of a room on the ladder, its second part; nothing for `drum_like`."""
    return room.partition(".")[2].partition(".")[0]


def _nodes(every: list[Module], kind: type[Node]) -> Iterator[Node]:
    """Yield the syntax of one kind in all modules."""
    for module in every:
        yield from (node for node in ast.walk(module.tree) if isinstance(node, kind))


def _lines(node: ast.FunctionDef | ast.ClassDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def _body_lines(function: ast.FunctionDef) -> int:
    """Return the lines of a function's body without its docstring."""
    has_docstring = ast.get_docstring(function, clean=False) is not None
    body = function.body[1:] if has_docstring else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _is_typed(function: ast.FunctionDef) -> bool:
    """Whether all arguments and the result have types; `self` and `cls` need none."""
    taken = function.args
    named = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs, taken.vararg, taken.kwarg]
    wanted = [arg for arg in named if arg is not None and arg.arg not in ("self", "cls")]
    return function.returns is not None and all(arg.annotation for arg in wanted)


def _first_lines(every: list[Module]) -> Iterator[str]:
    """Yield the first lines of all docstrings."""
    for node in _nodes(every, ast.AST):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text.partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
