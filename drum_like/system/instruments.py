"""The kinds of metrics: counters, gauges, histograms, and readings.

Labels have few values, and none that callers make up. A metric has at most `most` series; what is
beyond is counted in one more, whose labels are all "other".
"""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from drum_like.system.series import Key, Shape, SharedSeries

SERIES = SharedSeries()
"""The numbers of this server; one object for the process, like its metrics."""

os.register_at_fork(after_in_child=SERIES.disown)

LATENCY = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the buckets of times, in seconds."""

Values = Iterable[tuple[Key, float]]
"""Values of a metric, each with its labels."""


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: As Prometheus shows it, a counter's without its suffix `_total`.
        help: The meaning, in a sentence.
        labels: Names of its labels.
        most: Series that it has at most, beside that of all others.
        known: Labels of series that are shown before anything was counted; the only series of a
            metric without labels always is.
    """

    kind: ClassVar[str]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    most: int = 100
    known: tuple[Key, ...] = ()

    def __post_init__(self) -> None:
        """Know the only series of a metric without labels."""
        if not self.labels:
            object.__setattr__(self, "known", ((),))

    @property
    def shape(self) -> Shape:
        """The room of its series."""
        return Shape(most=self.most)

    def place(self, labels: Key) -> int:
        """Return the place of a series in the part of each process."""
        found = SERIES.known.get(key := (self.name, *labels))
        return SERIES.place(self.shape, key) if found is None else found


@dataclass(frozen=True)
class Counter(Metric):
    """A number that only grows."""

    kind = "counter"

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Add to the series with these labels."""
        SERIES.add(self.place(labels), amount)


@dataclass(frozen=True)
class Gauge(Metric):
    """A number of the moment; that of the server is the sum over its workers."""

    kind = "gauge"

    @property
    def shape(self) -> Shape:
        """The room of its series, which begin at 0 in each process."""
        return Shape(most=self.most, lasts=False)

    def set(self, value: float, *labels: str) -> None:
        """Set this worker's number of the series with these labels."""
        SERIES.set(self.place(labels), value)


@dataclass(frozen=True)
class Histogram(Metric):
    """Counts of values by size.

    Attributes:
        bounds: Upper bounds of the buckets; one more bucket has no bound.
    """

    kind = "histogram"
    bounds: tuple[float, ...] = LATENCY

    @property
    def shape(self) -> Shape:
        """The room of its series: a number for each bucket, and the sum of the values."""
        return Shape(len(self.bounds) + 2, self.most)

    def observe(self, value: float, *labels: str) -> None:
        """Count a value in the series with these labels."""
        place = self.place(labels)
        SERIES.add(place + bisect_left(self.bounds, value), 1)
        SERIES.add(place + len(self.bounds) + 1, value)


@dataclass(frozen=True)
class LiveGauge(Metric):
    """A gauge that is read when the metrics are: something that all workers see alike.

    Attributes:
        sources: The function that reads it; empty where there is nothing to read.
    """

    kind = "gauge"
    sources: list[Callable[[], Values]] = field(default_factory=list)

    def read_by(self, source: Callable[[], Values]) -> None:
        """Read it by this function, in place of any before."""
        self.sources[:] = [source]

    def read(self) -> Iterator[tuple[Key, float]]:
        """Yield its values with their labels."""
        for source in self.sources:
            yield from source()
