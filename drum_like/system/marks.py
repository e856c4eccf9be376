"""The marks of a request: which model it is for, and where its time goes.

Whoever works on a request finds them in the context: `MARKS.get().rows += 3`. All times are those
of `time.perf_counter`. Work is timed by a clock that stands still while the request waits for other
requests: `perf_counter() - marks.waited_s`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Protocol

PHASES = ("read", "wait", "decode", "predict", "encode")
"""The parts of the time of a request, up to the moment when its answer is ready."""


class Named(Protocol):
    """The identity of a model."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def version(self) -> str:
        """Its version."""


class RequestMarks:
    """The marks of one request.

    Attributes:
        began: When the application was called.
        ready: When its answer was ready, and counted; 0 before.
        read_s: From its first byte to its last; 0 if it came in one piece.
        queue_s: Time that it waited for a thread.
        waited_s: Time that it has waited since for its turn in custom code or in a framework.
        asked: When a model was first asked, by the clock of work; 0 before.
        predict_s: Time of the model.
        rows: Rows that a model has answered.
        model: The model that it is for; None for none, or one that is not here.
    """

    __slots__ = (
        "asked",
        "began",
        "model",
        "predict_s",
        "queue_s",
        "read_s",
        "ready",
        "rows",
        "waited_s",
    )

    def __init__(self, began: float = 0.0, read_s: float = 0.0, queue_s: float = 0.0) -> None:
        self.began, self.read_s, self.queue_s = began, read_s, queue_s
        self.ready = self.waited_s = self.asked = self.predict_s = 0.0
        self.rows = 0
        self.model: Named | None = None

    def phases(self, ready: float) -> tuple[float, float, float, float, float]:
        """Return the seconds of each of PHASES for an answer that is ready then; `asked` is set."""
        wait_s, decode_s = self.queue_s + self.waited_s, self.asked - self.began
        encode_s = ready - self.waited_s - self.asked - self.predict_s
        return self.read_s, wait_s, decode_s, self.predict_s, encode_s

    def timing(self) -> str:
        """Return the phases so far as a Server-Timing header, in milliseconds.

        Empty for a request that has asked no model: times of others are nobody's business.
        """
        if not self.asked:
            return ""
        spent = zip(PHASES, self.phases(self.ready or perf_counter()), strict=True)
        return ", ".join(f"{phase};dur={1000 * seconds:.3f}" for phase, seconds in spent)


MARKS: ContextVar[RequestMarks] = ContextVar("marks", default=RequestMarks())  # noqa: B039 - of no request
"""The marks of the request that this thread works on; outside of requests those of none."""


@contextmanager
def model_time() -> Iterator[None]:
    """Count the time of this block as that of the model, predictions in it included."""
    marks = MARKS.get()
    began, before = perf_counter() - marks.waited_s, marks.predict_s
    marks.asked = marks.asked or began
    try:
        yield
    finally:
        marks.predict_s = before + perf_counter() - marks.waited_s - began
