"""The outcome of a client's call: the requests that it sent, and the value or the error."""

import asyncio
import inspect
import logging
import re
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_LOGS = {
    "httpx": re.compile(r'HTTP Request: (?P<method>\w+) (?P<url>\S+) "HTTP/[\d.]+ (?P<status>\d+)'),
    "urllib3.connectionpool": re.compile(
        r'(?P<host>http\S+) "(?P<method>\w+) (?P<path>\S+) HTTP/[\d.]+" (?P<status>\d+)'
    ),
}
"""The libraries that clients send with, and how they log a request."""

_FAULTS = (404, 405, 500)
"""Statuses of answers that do not say why."""


class Kind(StrEnum):
    """A call's outcome."""

    LOCAL = "local"
    WORKS = "works"
    EMPTY = "empty"
    REFUSED = "refused"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that the client sent.

    Attributes:
        method: GET, POST and so on.
        url: The whole address.
        status: Of the answer.
    """

    method: str
    url: str
    status: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A call and what came of it.

    Attributes:
        sent: The requests, in their order.
        value: What was returned.
        error: What was raised.
    """

    sent: tuple[Sent, ...]
    value: Any = None
    error: Exception | None = None

    @property
    def refusals(self) -> list[Sent]:
        """Return the requests that were refused."""
        return [one for one in self.sent if one.status >= 400]

    @property
    def kind(self) -> Kind:
        """Return the outcome; a 404 and a misread answer are faults."""
        name = type(self.error).__name__
        if not self.sent:
            return Kind.LOCAL
        if any(one.status in _FAULTS for one in self.sent):
            return Kind.FAULT
        if self.refusals or "Query" in name:
            return Kind.REFUSED
        if self.error is not None:
            return Kind.FAULT
        return Kind.EMPTY if _is_empty(self.value) else Kind.WORKS


def observe(call: Callable[[], Any], waits_for: str | None = None) -> Outcome:
    """Call, and return what came of it; coroutines are run to their end.

    Args:
        call: The call.
        waits_for: The end of an address that is asked until it answers 404.
    """
    value, raised = None, None
    with _sent() as sent:
        try:
            value = call()
            value = asyncio.run(value) if inspect.iscoroutine(value) else value
        except Exception as error:  # noqa: BLE001 - the outcome says which
            raised = error
    is_end = [waits_for is not None and one.url.endswith(waits_for) for one in sent]
    counted = [
        one for one, last in zip(sent, is_end, strict=True) if not (last and one.status == 404)
    ]
    return Outcome(tuple(counted), value, raised)


@contextmanager
def _sent() -> Iterator[list[Sent]]:
    """Collect the requests that the libraries write to their logs."""
    sent: list[Sent] = []
    handler = _Collector(sent)
    loggers = list(map(logging.getLogger, _LOGS))
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    try:
        yield sent
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


class _Collector(logging.Handler):
    """Appends each request that is logged to a list.

    Args:
        sent: The list.
    """

    def __init__(self, sent: list[Sent]) -> None:
        super().__init__()
        self._sent = sent

    def emit(self, record: logging.LogRecord) -> None:
        found = _LOGS[record.name].match(record.getMessage())
        if found is not None:
            parts = found.groupdict()
            url = parts.get("url") or parts["host"] + parts["path"]
            self._sent.append(Sent(parts["method"], url, int(parts["status"])))


def _is_empty(value: Any) -> bool:
    return isinstance(value, Sized) and not isinstance(value, str | bytes) and len(value) == 0
