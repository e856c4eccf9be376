"""`drum-like perf-test`: measure how fast a model directory answers over HTTP."""

import csv
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from io import StringIO
from itertools import cycle, islice
from time import monotonic, perf_counter

from drum_like.cli.child_server import Child, started
from drum_like.cli.input_file import input_path, is_csv
from drum_like.cli.tables import print_text
from drum_like.config.command_line import flags_of
from drum_like.config.file_settings import PerfTestSettings
from drum_like.config.settings import options, values_of
from drum_like.config.verbs import PERF_TEST, SERVER
from drum_like.errors import DrumLikeError, SettingsError
from drum_like.types.target import TargetType

_MB = 1_000_000
_HEADER: tuple[str, ...] = (
    *("size", "samples", "iters", "min", "avg", "max", "p50", "p95", "p99"),
    *("total (s)", "used (MB)", "total physical (MB)"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A size of requests, and their number.

    Attributes:
        name: For the table.
        iterations: Requests.
        samples: Rows of a request; None to fill `n_bytes`.
        n_bytes: Bytes of a request, about.
    """

    name: str
    iterations: int
    samples: int | None = None
    n_bytes: int = 0


DEFAULT_CASES = (
    Case("1 row", 100, samples=1),
    Case("0.1MB", 50, n_bytes=_MB // 10),
    Case("10MB", 5, n_bytes=10 * _MB),
    Case("50MB", 1, n_bytes=50 * _MB),
)


class PerfTestError(DrumLikeError):
    """The server did not start, or did not answer as it should."""


def run(settings: PerfTestSettings, environ: MutableMapping[str, str]) -> int:
    """Start a server, send it every case, print a table of seconds a request.

    Raises:
        SettingsError: the input cannot be repeated, or the model is unstructured.
        PerfTestError: the server does not start, or refuses a request.
    """
    if settings.model.target_type is TargetType.UNSTRUCTURED:
        raise SettingsError("Performance testing is not implemented for unstructured models.")
    header, rows = _rows(settings)
    is_transform = settings.model.target_type is TargetType.TRANSFORM
    path = "/transform/" if is_transform else "/predict/"
    lines = [(*_HEADER, "prediction") if settings.in_server else _HEADER]
    with started(_server_flags(settings), environ) as child:
        for case in cases(settings):
            body, n_rows = body_of(header, rows, case)
            seconds = list(_send(child, path, body, case.iterations, settings.timeout))
            lines.append(_line(case, n_rows, seconds, child, in_server=settings.in_server))
    print_text(_table(lines))
    return 0


def cases(settings: PerfTestSettings) -> tuple[Case, ...]:
    """Return the cases to run: one if --samples or --iterations asks for it, else all."""
    if settings.samples is None and settings.iterations is None:
        return DEFAULT_CASES
    samples = settings.samples or 1
    return (Case(f"{samples} row{'s' * (samples > 1)}", settings.iterations or 1, samples),)


def body_of(header: str, rows: list[str], case: Case) -> tuple[bytes, int]:
    """Return a CSV body with the rows of the input repeated to size, and their number."""
    n_rows = case.samples
    if n_rows is None:
        mean = sum(len(row.encode()) for row in rows) / len(rows)
        n_rows = max(1, round((case.n_bytes - len(header.encode())) / mean))
    return (header + "".join(islice(cycle(rows), n_rows))).encode(), n_rows


def percentile(ordered: list[float], percent: int) -> float:
    """Return the smallest value that `percent` percent of the values do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _rows(settings: PerfTestSettings) -> tuple[str, list[str]]:
    """Return the header and the rows of the input, each as CSV text with its line end."""
    path = input_path(settings)
    if not is_csv(path):
        raise SettingsError("perf-test repeats rows of CSV; --input is a file of another format")
    try:
        text = path.read_text(encoding="utf-8-sig")
        header, *rows = [_text(cells) for cells in csv.reader(StringIO(text, newline="")) if cells]
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise SettingsError("perf-test needs a CSV file in UTF-8 with a header") from error
    if not rows:
        raise SettingsError("perf-test needs at least one row in --input")
    return header, rows


def _text(cells: list[str]) -> str:
    out = StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _server_flags(settings: PerfTestSettings) -> list[str]:
    """Return the flags of a server with the same settings."""
    passed = {name: option for name, option in options().items() if PERF_TEST in option.verbs}
    values = {
        name: value
        for name, value in values_of(settings).items()
        if value != passed[name].default and name != "class_labels_file"
    }
    language = ["--language", settings.load.language] if settings.load.language else []
    return [*flags_of(passed, values, SERVER), *language, "--show-perf"]


def _send(child: Child, path: str, body: bytes, iterations: int, timeout_s: int) -> Iterator[float]:
    """Yield the seconds that each request takes.

    Raises:
        PerfTestError: an answer is not 200, or the case takes longer than it may.
    """
    deadline = monotonic() + timeout_s
    for _ in range(iterations):
        left = deadline - monotonic()
        if left <= 0:
            raise PerfTestError(f"a case takes longer than {timeout_s} s; raise --timeout")
        begun = perf_counter()
        status, answer = child.post(path, body, left)
        taken = perf_counter() - begun
        if status != 200:
            said = answer.decode(errors="replace")[:500]
            raise PerfTestError(f"the server answers {status} to the input: {said}")
        yield taken


def _line(
    case: Case, n_rows: int, seconds: list[float], child: Child, *, in_server: bool
) -> tuple[str, ...]:
    ordered = sorted(seconds)
    times = (
        ordered[0],
        sum(ordered) / len(ordered),
        ordered[-1],
        *(percentile(ordered, percent) for percent in (50, 95, 99)),
        sum(ordered),
    )
    stats = child.stats()
    memory = (stats["mem_info"]["drum_rss"], stats["mem_info"]["total"])
    line = (
        *(case.name, str(n_rows), str(len(seconds))),
        *(f"{value:.3f}" for value in times),
        *(f"{value:.2f}" for value in memory),
    )
    if not in_server:
        return line
    inside = stats["time_info"]["run_predictor_total"]["avg"]
    return (*line, "" if inside is None else f"{inside:.3f}")


def _table(lines: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
        for line in lines
    )
