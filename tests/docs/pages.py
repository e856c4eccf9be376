"""The steps that a page of the documentation asks of its reader.

Blocks are told apart by the word after the three backticks:

- `console`: lines that begin with `$ ` are commands, which a backslash at the end of a line
  continues, and an open quotation mark of the shell; the lines after a command are its whole
  output, where `...` stands for anything within a line and, alone on a line, for any number of
  lines;
- `bash`: every line is a command, and what they print is not told;
- `sh`: commands that are not run here, each of a kind that the test lists with a reason;
- `python`, `yaml`, `csv`, `json` and `text` with a file name after the word: the reader saves it;
- all others, and these without a file name, are for reading only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))

READ_ONLY = frozenset({"", "csv", "json", "python", "text", "toml", "yaml"})
KINDS = READ_ONLY | {"console", "bash", "sh"}

_FENCE = re.compile(r"^ *```(?P<info>[^\n`]*)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        kind: The first word after the backticks, "" without one.
        name: The word after it: the file that the reader saves; "" without one.
        lines: The content.
        number: Line of the page on which the content begins.
    """

    kind: str
    name: str
    lines: tuple[str, ...]
    number: int


@dataclass(frozen=True, slots=True)
class Save:
    """The reader saves a file."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Run:
    """The reader runs a command.

    Attributes:
        command: As printed, lines joined as the shell does.
        expected: A pattern that the whole output matches; None if the page does not tell.
        number: Line of the page.
    """

    command: str
    expected: re.Pattern[str] | None
    number: int


Step = Save | Run


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in their order."""
    text = page.read_text("utf-8")
    return [_block(found, text) for found in _FENCE.finditer(text)]


def steps(page: Path) -> list[Step]:
    """Return the steps of a page's reader, in order."""
    return [step for block in blocks(page) for step in _steps(block)]


def not_run(page: Path) -> list[str]:
    """Return the commands that a page prints and that are not run."""
    return [
        command
        for block in blocks(page)
        if block.kind == "sh"
        for _, command in _joined(block)
        if not command.startswith("#")
    ]


def pattern(lines: list[str]) -> re.Pattern[str]:
    """Return the pattern that a whole output has to match; every line ends with a line break."""
    parts = [r"(?:[^\n]*\n)*" if line == "..." else f"{_line(line)}\n" for line in lines]
    return re.compile("".join(parts))


def _line(line: str) -> str:
    return r"[^\n]*".join(map(re.escape, line.split("...")))


def _block(found: re.Match[str], text: str) -> Block:
    kind, _, name = found["info"].strip().partition(" ")
    number = text.count("\n", 0, found.start("body")) + 1
    return Block(kind, name.strip(), tuple(found["body"].splitlines()), number)


def _steps(block: Block) -> Iterator[Step]:
    if block.kind == "console":
        yield from _console(block)
    elif block.kind == "bash":
        yield from (Run(c, None, n) for n, c in _joined(block) if not c.startswith("#"))
    elif block.name:
        yield Save(block.name, "\n".join(block.lines) + "\n")


def _console(block: Block) -> Iterator[Run]:
    command: tuple[int, str] | None = None
    output: list[str] = []
    for number, line in _joined(block):
        if line.startswith(_PROMPT):
            if command is not None:
                yield Run(command[1], pattern(output), command[0])
            command, output = (number, line.removeprefix(_PROMPT)), []
        else:
            output.append(line)
    if command is not None:
        yield Run(command[1], pattern(output), command[0])


def _joined(block: Block) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers; commands over several lines are one, with line breaks."""
    lines = iter(enumerate(block.lines, block.number))
    for number, line in lines:
        whole = line
        while whole.endswith("\\") or (whole.startswith(_PROMPT) and whole.count("'") % 2):
            whole += "\n" + next(lines)[1]
        if whole.strip():
            yield number, whole
