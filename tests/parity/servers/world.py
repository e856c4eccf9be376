"""The words in which a server of another product is described, and is asked beside ours."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.parity.case import SERVE, Build, Probe, files
from tests.parity.differences import AnswerRule, Exchange
from tests.parity.values import Answer, Request
from tests.support.models import ONE_WORKER, Model

JSON = "application/json"
CSV = "text/csv"
CELLS = """
def cells(row):
    found = row.values() if isinstance(row, dict) else row if isinstance(row, list) else [row]
    return [float(cell) for cell in found if cell is not None and cell == cell]
"""
"""Code for models of other servers: the numbers in a row, in whichever form it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How one of the two servers is started.

    In `command` and `environment`, `{dir}` stands for the directory that `build` filled, `{theirs}`
    for that of the other product, `{address}` for host and port, `{port}` for that port alone,
    `{second}` and `{third}` for two more.

    Attributes:
        build: Writes the directory.
        command: A program of the environment, and its arguments.
        environment: Variables beside a clean environment.
        ready: Path that is answered with 200 as soon as the server can predict.
    """

    build: Build
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Two servers of one model, and what both are asked, in groups by name."""

    theirs: Start
    ours: Start
    groups: Mapping[str, tuple[Probe, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RealServer:
    """A server of another product.

    Attributes:
        name: As `--servers` has it; tests/clients/NAME.txt lists the packages of its environment.
        title: Product and version, as the documentation has them.
        pages: Pages of the documentation that explain the ids of its differences.
        rules: The two answers that a difference means, by id.
        worlds: All that it is asked; the other server of a world starts first.
    """

    name: str
    title: str
    pages: tuple[str, ...]
    rules: Mapping[str, AnswerRule]
    worlds: tuple[World, ...]


def ours(model: Model, *flags: str, **environment: str) -> Start:
    """Return the start of our server with a model of the tests."""
    words = (*SERVE, *model.flags, *flags, *ONE_WORKER)
    return Start(
        build=model.write,
        command=("drum-like", *words),
        environment={**model.env, **environment},
        ready="/readyz",
    )


def ours_of(folder: str, *flags: str) -> Start:
    """Return the start of our server with a folder that the other server wrote."""
    words = ("server", "--code-dir", f"{{theirs}}/{folder}", "--address", "{address}", *flags)
    return Start(build=files({}), command=("drum-like", *words), ready="/readyz")


def asked(
    path: str,
    body: Any,
    *differs: str,
    kind: str | None = JSON,
    answer: Any = None,
    headers: Mapping[str, str] | None = None,
    compared: Sequence[str] = (),
) -> Probe:
    """Return a POST request; a body that is no text is sent as JSON.

    Args:
        path: The path.
        body: Text, bytes, or the value of JSON.
        differs: Ids of differences, of which one must show.
        kind: The Content-Type; None sends none.
        answer: The JSON that we must answer, whatever the other server does.
        headers: More headers.
        compared: Names of headers of the answer that are compared, too.
    """
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    raw = content.encode() if isinstance(content, str) else content
    typed = {} if kind is None else {"Content-Type": kind}
    sent = tuple({**typed, **(headers or {})}.items())
    name = f"POST {path} {kind} {content[:90]!r}"
    return Probe(
        name, Request("POST", path, sent, raw), differs, None, tuple(compared), answer=answer
    )


def called(
    method: str,
    path: str,
    *differs: str,
    answer: Any = None,
    headers: Mapping[str, str] | None = None,
    compared: Sequence[str] = (),
) -> Probe:
    """Return a request without a body; the rest is as for `asked`."""
    request = Request(method, path, tuple((headers or {}).items()))
    return Probe(f"{method} {path}", request, differs, None, tuple(compared), answer=answer)


def statuses(
    theirs: int | Sequence[int], here: int, is_error: Callable[[Answer], bool]
) -> AnswerRule:
    """Return the rule that the two answers have these statuses, and ours says why it refuses."""
    expected = (theirs,) if isinstance(theirs, int) else tuple(theirs)

    def holds(exchange: Exchange) -> bool:
        if exchange.theirs.status not in expected or exchange.ours.status != here:
            return False
        return here < 400 or is_error(exchange.ours)

    return holds


def one_of(*rules: AnswerRule) -> AnswerRule:
    """Return the rule that one of these holds."""
    return lambda exchange: any(rule(exchange) for rule in rules)


def has_keys(*keys: str) -> Callable[[Answer], bool]:
    """Return the test whether an answer is JSON with exactly these keys, and text in each."""

    def fits(answer: Answer) -> bool:
        tree = answer.json()
        if answer.header("content-type") != JSON or not isinstance(tree, dict):
            return False
        return list(tree) == list(keys) and all(
            isinstance(tree[key], str) and tree[key] for key in keys
        )

    return fits


def other_words(is_error: Callable[[Answer], bool]) -> AnswerRule:
    """Return the rule that both refuse with one status and the same keys, in other words."""

    def holds(exchange: Exchange) -> bool:
        theirs, here = exchange.answers
        both = is_error(theirs) and is_error(here) and theirs.status == here.status >= 400
        return both and theirs.body != here.body

    return holds


def not_found(is_error: Callable[[Answer], bool]) -> AnswerRule:
    """Return the rule for unknown paths and methods: `detail` is the only key of their answer."""

    def holds(exchange: Exchange) -> bool:
        theirs, here = exchange.answers
        same = theirs.status == here.status in (404, 405)
        is_ours = is_error(here) or here.message().startswith("ERROR: ")
        return same and has_keys("detail")(theirs) and is_ours

    return holds


def with_more_keys(exchange: Exchange) -> bool:
    """Return whether both answer, and ours has all that theirs has and more."""
    theirs, here = (answer.json() for answer in exchange.answers)
    if not isinstance(theirs, dict) or not isinstance(here, dict) or theirs == here:
        return False
    return exchange.ours.status == exchange.theirs.status == 200 and theirs.items() <= here.items()
