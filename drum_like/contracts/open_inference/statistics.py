"""Triton's extension for statistics: how often models were asked by this protocol, and how long."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

from drum_like.inference.service import ModelInfo
from drum_like.system.model_counts import Counts, ModelCounts


@dataclass(slots=True)
class Watch:
    """The times at which a request came from one step to the next.

    Attributes:
        rows: Rows of the request, once they are read.
        laps: Nanoseconds of a clock: the beginning, and the end of each step.
    """

    rows: int = 0
    laps: list[int] = field(default_factory=lambda: [perf_counter_ns()])

    def lap(self) -> None:
        """Note the end of a step."""
        self.laps.append(perf_counter_ns())

    @property
    def good(self) -> Counts:
        """The counts of a request that was answered."""
        start, read, predicted, end = self.laps
        steps = (read - start, predicted - read, end - predicted)
        return Counts(1, end - start, 0, 0, self.rows, *steps)

    @property
    def bad(self) -> Counts:
        """The counts of a request that was refused, or failed."""
        return Counts(bad=1, bad_ns=perf_counter_ns() - self.laps[0])


@contextmanager
def counted(counts: ModelCounts, info: ModelInfo) -> Iterator[Watch]:
    """Count a request to a model, whether it is answered or not."""
    watch = Watch()
    try:
        yield watch
    except BaseException:
        counts.record(info.name, info.version, watch.bad)
        raise
    watch.lap()
    counts.record(info.name, info.version, watch.good)


def described(name: str, version: str, counts: Counts) -> dict[str, Any]:
    """Return the counts of a version of a model as Triton writes them.

    An inference is a row, an execution a request.
    """
    good = counts.good
    return {
        "name": name,
        "version": version,
        "last_inference": counts.last_ms,
        "inference_count": counts.rows,
        "execution_count": good,
        "inference_stats": {
            "success": _duration(good, counts.good_ns),
            "fail": _duration(counts.bad, counts.bad_ns),
            "queue": _duration(good, 0),
            "compute_input": _duration(good, counts.input_ns),
            "compute_infer": _duration(good, counts.predict_ns),
            "compute_output": _duration(good, counts.output_ns),
        },
        "batch_stats": [],
    }


def _duration(count: int, nanoseconds: int) -> dict[str, int]:
    return {"count": count, "ns": nanoseconds}
