"""`drum-like score`: score a file.

Rows go through in blocks where that gives the same as the whole file; otherwise, and always where a
hook sees them, the whole file is one frame, as in DRUM.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import BinaryIO

from rich.console import Console
from rich.progress import Progress

from drum_like.cli.csv_input import Dialect, beside, plain
from drum_like.cli.input_file import codec_of, encoded, input_path, template, unstructured_answer
from drum_like.cli.streams import check, opened, unpacked
from drum_like.codecs.csv.encode import predictions_csv
from drum_like.codecs.multipart import frame_csv
from drum_like.config.file_settings import ScoreSettings
from drum_like.config.value_types import DASH
from drum_like.errors import RequestError, SettingsError
from drum_like.inference.loading import open_service, predict_limiter
from drum_like.inference.pipeline import decode
from drum_like.inference.service import Service
from drum_like.system import cgroup
from drum_like.system.cpus import set_native_threads
from drum_like.system.lazy import pd
from drum_like.types.payload import Payload
from drum_like.types.target import TargetType

_NO_PASSTHROUGH = "a transform model answers its rows itself; let the hook keep the columns"

_MOST_AHEAD = 8
"""Blocks that are scored at a time, at most; else one a CPU. As many wait to be.

A block is small enough to stay in a core's cache, and for most models to be predicted by the thread
that has it: no core waits for another one's part of a step.
"""


def run(settings: ScoreSettings, environ: MutableMapping[str, str]) -> int:
    """Score the input file; write the output file, or print a table.

    Raises:
        LoadError: the model does not load.
        DrumLikeError: scoring failed.
    """
    started = perf_counter()
    if settings.verbose:
        _say("Detected score mode", settings)
    check(settings.output, "--output")
    dialect = Dialect.of(settings)
    # One process has all CPUs to itself: a block on each of them, or a large one on all of them.
    set_native_threads(environ, cgroup.cpus())
    service = open_service(settings.model, settings.load, limiter=predict_limiter(1))
    loaded = perf_counter()
    if service.target.type is TargetType.UNSTRUCTURED:
        _check_is_structured(settings, dialect)
        _answer(settings, service)
    else:
        with unpacked(input_path(settings)) as file, plain(file, dialect, service.inputs) as path:
            _score(replace(settings, input=path), service)
    if settings.show_perf:
        _show_perf((started, loaded, perf_counter()), settings)
    return 0


def score_to(stream: BinaryIO, settings: ScoreSettings, service: Service) -> None:
    """Write the predictions as CSV: comma, LF, full precision, no index; or as the suffix says.

    Raises:
        DrumLikeError: scoring failed.
    """
    if (body := encoded(settings, service)) is not None:
        stream.write(body)
        return
    path = input_path(settings)
    payload = template(settings, path)
    score = partial(_predictions, service, settings.passthrough)
    if service.target.type is TargetType.TRANSFORM:
        if settings.passthrough:
            raise SettingsError(f"--passthrough: {_NO_PASSTHROUGH}")
        # DRUM gives transform models no names of sparse columns here; hooks never see them.
        names = None if service.inputs is None else payload.columns
        whole = replace(payload, body=path.read_bytes(), columns=names)
        stream.write(frame_csv(service.transform(whole).x))
    elif service.streams and (cut := codec_of(path).cut) is not None:
        stream.writelines(_blocks(path, lambda rows: cut(rows, payload), partial(_scored, score)))
    else:
        stream.write(score(replace(payload, body=path.read_bytes()))[1])


@dataclass(frozen=True, slots=True)
class _Scored:
    """A block of the input file, scored.

    Attributes:
        n_rows: Its rows.
        head: The header of the predictions.
        rows: The predictions as CSV.
    """

    n_rows: int
    head: bytes
    rows: bytes


def _blocks(
    path: Path,
    cut: Callable[[BinaryIO], Iterator[Payload]],
    score: Callable[[Payload], _Scored],
) -> Iterator[bytes]:
    """Yield the CSV of one block of rows after the other, the header with the first."""
    done = 0
    with path.open("rb") as stream, _progress(path.stat().st_size) as advance:
        scored = _ahead(score, cut(stream))
        for future in scored:
            try:
                block = future.result()
            except RequestError as error:
                if done == 0:
                    raise
                where = f"(rows are counted after the first {done} of the file)"
                raise type(error)(f"{error} {where}") from error
            yield block.rows if done else block.head + block.rows
            done += block.n_rows
            advance(stream.tell())


def _scored(score: Callable[[Payload], tuple[int, bytes]], block: Payload) -> _Scored:
    n_rows, text = score(block)
    end = _header_end(text)
    return _Scored(n_rows, text[:end], text[end:])


def _header_end(text: bytes) -> int:
    """Return the position of a CSV's first row; a line break inside of quotes ends no header."""
    end = text.index(b"\n") + 1
    while text.count(b'"', 0, end) % 2:
        end = text.index(b"\n", end) + 1
    return end


def _predictions(
    service: Service, passthrough: Sequence[str], payload: Payload
) -> tuple[int, bytes]:
    """Return the number of scored rows, and their predictions as CSV."""
    prediction = service.predict(payload)
    text = predictions_csv(prediction, service.target)
    if passthrough:
        text = beside(text, decode(payload), passthrough)
    return prediction.n_rows, text


def _ahead(
    task: Callable[[Payload], _Scored], blocks: Iterator[Payload]
) -> Iterator[Future[_Scored]]:
    """Yield the results of blocks in order; the next ones are read and scored meanwhile."""
    pending: deque[Future[_Scored]] = deque()
    ahead = min(_MOST_AHEAD, cgroup.cpus())
    with ThreadPoolExecutor(ahead) as pool:
        for future in _submitted(pool, task, blocks):
            pending.append(future)
            if len(pending) > 2 * ahead:
                yield pending.popleft()
        yield from pending


def _submitted(
    pool: Executor, task: Callable[[Payload], _Scored], blocks: Iterator[Payload]
) -> Iterator[Future[_Scored]]:
    """Yield a future a block, and a failed one where the file cannot be cut any further."""
    try:
        for block in blocks:
            yield pool.submit(task, block)
    except RequestError as error:
        failed: Future[_Scored] = Future()
        failed.set_exception(error)
        yield failed


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    """Show the progress in `size` bytes on a terminal; elsewhere show nothing."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Scoring", total=size)
        yield lambda position: progress.update(task, completed=position)


def _score(settings: ScoreSettings, service: Service) -> None:
    if settings.output is not None:
        with opened(settings.output, "--output") as stream:
            score_to(stream, settings, service)
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        with path.open("wb") as stream:
            score_to(stream, settings, service)
        as_sent = dict.fromkeys(settings.passthrough, str)
        _say(str(pd.read_csv(path, dtype=as_sent, keep_default_na=not as_sent)), settings)


def _answer(settings: ScoreSettings, service: Service) -> None:
    body = unstructured_answer(settings, service)
    if settings.output is not None:
        with opened(settings.output, "--output") as stream:
            stream.write(body)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(body + b"\n")
    sys.stdout.buffer.flush()


def _check_is_structured(settings: ScoreSettings, dialect: Dialect) -> None:
    if dialect != Dialect() or settings.passthrough:
        raise SettingsError(
            "--delimiter, --decimal, --encoding and --passthrough are about rows of CSV; an "
            "unstructured model gets the file as it is, see --content-type"
        )


def _show_perf(moments: tuple[float, float, float], settings: ScoreSettings) -> None:
    started, loaded, ended = moments
    blocks = {
        "Full time:": ended - started,
        "Init time (incl model loading):": loaded - started,
        "Run time (incl reading CSV):": ended - loaded,
    }
    for title, seconds in blocks.items():
        _say(
            f"{title}\n\tsec: min: {seconds:.2f}; avg: {seconds:.2f}; max: {seconds:.2f}", settings
        )


def _say(text: str, settings: ScoreSettings) -> None:
    """Print a line about the command, not among predictions on standard output."""
    print(text, file=sys.stderr if settings.output == DASH else sys.stdout)
