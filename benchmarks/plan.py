"""Measurements: server, request and number of clients; and their results."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

Values = tuple[float, ...]
"""One figure for each round, in the order of the rounds."""


@dataclass(frozen=True, order=True, slots=True)
class Setup:
    """A server to be started.

    Attributes:
        peer: Name of a peer, or of a floor.
        model: Name of a model.
        workers: Worker processes.
        threads: Threads of a worker; 0 for what the server does by itself.
    """

    peer: str
    model: str = "xgboost"
    workers: int = 1
    threads: int = 0


@dataclass(frozen=True, order=True, slots=True)
class Case:
    """Work that a server is asked to do.

    Attributes:
        part: Part of the benchmark that it belongs to.
        setup: The server.
        what: Form of the body (csv, json, arrow), `ping`, or what else is measured.
        n_rows: Rows of a request.
        connections: How many clients ask at a time, each on a connection of its own.
    """

    part: str
    setup: Setup
    what: str
    n_rows: int = 0
    connections: int = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """Cases that are measured in turns while all their servers run.

    Attributes:
        name: Stages of one name are measured as one.
        cases: In the order of measuring; those that are compared stand side by side.
    """

    name: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Effort:
    """The effort of a measurement.

    Attributes:
        rounds: How often each case is measured.
        seconds: How long a case is under load in a round.
        score_mb: Size of the file that `score` is measured with.
        retries: How often a case is measured again because other programs were busy meanwhile.
    """

    rounds: int = 3
    seconds: float = 2.0
    score_mb: int = 1000
    retries: int = 1


@dataclass(frozen=True, slots=True)
class Measurement:
    """Figures of one case in one round, by name: `p50_ms`, `rps`, `pss_mb` ..."""

    case: Case
    figures: Mapping[str, float]


class Results:
    """All measurements of a run.

    Args:
        measurements: In the order in which they were made.
        gaps: Why something could not be measured, by part and peer: `score, drum`.
    """

    def __init__(
        self, measurements: Iterable[Measurement], gaps: Mapping[str, str] | None = None
    ) -> None:
        self.measurements = tuple(measurements)
        self.gaps = dict(gaps or {})

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every case that was measured, once."""
        return tuple(dict.fromkeys(each.case for each in self.measurements))

    def figures(self, case: Case) -> dict[str, Values]:
        """Return the rounds of every figure of a case; empty if it was not measured."""
        found: dict[str, list[float]] = {}
        for each in self.measurements:
            if each.case == case:
                for name, value in each.figures.items():
                    found.setdefault(name, []).append(value)
        return {name: tuple(values) for name, values in found.items()}

    def rounds(self, case: Case, figure: str) -> Values:
        """Return a figure of a case in each round; empty if it was not measured."""
        return self.figures(case).get(figure, ())


def ratios(above: Values, below: Values) -> Values:
    """Return above / below of each round that both have."""
    return tuple(a / b for a, b in zip(above, below, strict=False))


def middle(values: Values) -> float | None:
    """Return the median, None of nothing."""
    return median(values) if values else None


Say = Callable[[str], None]
"""Tells whoever waits how far the measurement is."""
