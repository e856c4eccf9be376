"""The part of the language of Dockerfiles that ours uses; anything else is an error."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=", re.IGNORECASE)
_ENV = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


class ImageError(Exception):
    """The Dockerfile, or what its steps make, is not as it has to be."""


@dataclass(frozen=True, slots=True)
class Workdir:
    """The folder of the steps that follow, and of the process."""

    path: str


@dataclass(frozen=True, slots=True)
class Copy:
    """Files out of the build context, or out of another stage.

    Attributes:
        sources: Below the context, or below the root of the stage.
        target: A folder if it ends with a slash.
        stage: Name of the stage; empty for the context.
    """

    sources: tuple[str, ...]
    target: str
    stage: str


@dataclass(frozen=True, slots=True)
class Run:
    """A command of the image's shell."""

    command: str


@dataclass(frozen=True, slots=True)
class Env:
    """Variables of the steps that follow, and of the process."""

    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Expose:
    """The port on which the process listens."""

    port: int


@dataclass(frozen=True, slots=True)
class User:
    """The user and the group of the process, by their numbers."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """The first words of the process."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cmd:
    """The words after them, in whose place a caller may give others."""

    words: tuple[str, ...]


Step = Workdir | Copy | Run | Env | Expose | User | Entrypoint | Cmd


@dataclass(frozen=True, slots=True)
class Instruction:
    """A step with the text that it was read from."""

    text: str
    step: Step


@dataclass(frozen=True, slots=True)
class Stage:
    """The image that a stage begins with, its name ("" without one), and its instructions."""

    image: str
    name: str
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class Process:
    """The process of an image's containers, as a stage describes it."""

    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    variables: Mapping[str, str]
    user: User
    port: int
    folder: str

    @property
    def words(self) -> tuple[str, ...]:
        """The program and its arguments."""
        return self.entrypoint + self.command


def read(text: str) -> tuple[Stage, ...]:
    """Return the stages of a Dockerfile.

    Raises:
        ImageError: it has an instruction, a form or a flag that is not known here.
    """
    stages: list[Stage] = []
    for name, rest in _instructions(text):
        if name == "FROM":
            stages.append(_stage(rest))
            continue
        if not stages:
            raise ImageError(f"{name} stands before FROM")
        last = stages[-1]
        done = (*last.instructions, Instruction(f"{name} {rest}", _step(name, rest)))
        stages[-1] = Stage(last.image, last.name, done)
    if not stages:
        raise ImageError("there is no FROM")
    return tuple(stages)


def process_of(stage: Stage) -> Process:
    """Return the process that a stage describes.

    Raises:
        ImageError: it does not say which user, program or port.
    """
    steps = [one.step for one in stage.instructions]
    last: dict[type[Step], Step] = {type(step): step for step in steps}
    variables = {k: v for step in steps if isinstance(step, Env) for k, v in step.variables.items()}
    defaults = {Cmd: Cmd(()), Workdir: Workdir("/")}
    match [(defaults | last).get(kind) for kind in (Entrypoint, Cmd, User, Expose, Workdir)]:
        case [Entrypoint(first), Cmd(more), User() as user, Expose(port), Workdir(folder)]:
            return Process(first, more, variables, user, port, folder)
    raise ImageError("the last stage needs ENTRYPOINT, USER and EXPOSE")


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the rest of each instruction; lines that go on are joined."""
    joined = ""
    for line in text.splitlines():
        if _DIRECTIVE.match(line):
            raise ImageError(f"directives are not known here: {line}")
        if line.lstrip().startswith("#") or not line.strip():
            continue
        joined += line.strip()
        if joined.endswith("\\"):
            joined = joined[:-1].rstrip() + " "
            continue
        name, _, rest = joined.partition(" ")
        yield name.upper(), rest.strip()
        joined = ""
    if joined:
        raise ImageError(f"the last line goes on: {joined}")


def _stage(rest: str) -> Stage:
    match rest.split():
        case [image] if "$" not in image:
            return Stage(image, "", ())
        case [image, word, name] if word.upper() == "AS" and "$" not in image:
            return Stage(image, name, ())
    raise ImageError(f"this form is not known here: FROM {rest}")


def _step(name: str, rest: str) -> Step:
    if name not in _READERS:
        raise ImageError(f"this instruction is not known here: {name} {rest}")
    if "<<" in rest or (name != "RUN" and "$" in rest):
        raise ImageError(f"variables and here-documents are not known here: {name} {rest}")
    try:
        return _READERS[name](rest)
    except ValueError as error:
        raise ImageError(f"this form is not known here: {name} {rest}: {error}") from error


def _workdir(rest: str) -> Workdir:
    if not rest.startswith("/"):
        raise ValueError("only absolute paths")
    return Workdir(rest)


def _copy(rest: str) -> Copy:
    words, stage = rest.split(), ""
    if words and words[0].startswith("--from="):
        stage = words.pop(0).removeprefix("--from=")
    *sources, target = words
    if not sources or rest.startswith("[") or any(set(word) & set("*?[") for word in words):
        raise ValueError("only paths without wildcards")
    if any(word.startswith("--") for word in words):
        raise ValueError("--from is the only flag")
    return Copy(tuple(sources), target, stage)


def _run(rest: str) -> Run:
    if rest.startswith(("--", "[")):
        raise ValueError("only a command of the shell, without flags")
    return Run(rest)


def _env(rest: str) -> Env:
    words = shlex.split(rest)
    if not words or not all(map(_ENV.fullmatch, words)):
        raise ValueError("only NAME=VALUE")
    return Env(MappingProxyType(dict(word.split("=", 1) for word in words)))


def _user(rest: str) -> User:
    uid, gid = rest.split(":")
    return User(int(uid), int(gid))


def _words(rest: str) -> tuple[str, ...]:
    words = json.loads(rest)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("only a list of words, which starts no shell")
    return tuple(words)


_READERS: Mapping[str, Callable[[str], Step]] = MappingProxyType(
    {
        "WORKDIR": _workdir,
        "COPY": _copy,
        "RUN": _run,
        "ENV": _env,
        "EXPOSE": lambda rest: Expose(int(rest)),
        "USER": _user,
        "ENTRYPOINT": lambda rest: Entrypoint(_words(rest)),
        "CMD": lambda rest: Cmd(_words(rest)),
    }
)
