"""`drum-like models push`: put a model file or a model directory into a store."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as Bar

from drum_like import logs
from drum_like.cli.model_store import Progress, Push
from drum_like.cli.models import models_of, only_model
from drum_like.cli.packing import packed
from drum_like.cli.tables import print_json, print_text
from drum_like.config.settings import Settings
from drum_like.errors import SettingsError
from drum_like.store.entities import Declared


def run(settings: Settings, _environ: MutableMapping[str, str]) -> int:
    """Store a file as a new version, after a trial; return 0.

    Raises:
        DrumLikeError: it cannot be stored, or not be served.
    """
    logs.configure("text", settings.logging_level)
    if settings.file is None:
        raise SettingsError("FILE is needed: a model file, or a model directory")
    name = only_model(settings)
    with packed(settings.file) as path, models_of(settings, make=True) as models:
        push = Push(name, path, path.name, declared_of(settings))
        with _progress(path) as progress:
            version = models.push(push, progress)
    if settings.json:
        print_json({"name": name, **asdict(version)})
    else:
        print_text(f"{name}@{version.number} is {version.status}, sha256 {version.sha256}")
    return 0


def declared_of(settings: Settings) -> Declared:
    """Return what the flags say about the target."""
    return Declared(
        target_type=None if settings.target_type is None else settings.target_type.value,
        positive_label=settings.positive_class_label,
        negative_label=settings.negative_class_label,
        labels=settings.class_labels,
        target_name=settings.target_name,
    )


@contextmanager
def _progress(path: Path) -> Iterator[Progress]:
    """Show on a terminal how far an upload is; after its last byte the model is tried."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("sending", total=path.stat().st_size)

        def advance(n_bytes: int) -> None:
            bar.advance(task, n_bytes)
            if bar.finished:
                bar.update(task, description="trying")

        yield advance
