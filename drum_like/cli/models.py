"""`drum-like models`: the models of a store, on this machine or of a server."""

import zipfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as Bar

from drum_like import logs
from drum_like.cli.local_store import LocalStore
from drum_like.cli.model_store import ModelStore, Progress, Push
from drum_like.cli.remote_store import RemoteStore
from drum_like.cli.tables import as_json, models_table, print_json, print_text, versions_table
from drum_like.config.model_settings import TargetSettings
from drum_like.config.store_settings import (
    AliasSettings,
    ListSettings,
    PushSettings,
    RemoveSettings,
    ShowSettings,
)
from drum_like.errors import SettingsError
from drum_like.store.entities import Declared
from drum_like.store.location import place_of
from drum_like.store.names import reference
from drum_like.store.store import open_store


@contextmanager
def models_of(settings: ListSettings, *, make: bool = False) -> Iterator[ModelStore]:
    """Give the models of the server, or of the store on this machine, that a command is about.

    Args:
        settings: Of the command.
        make: Whether a store is made where there is none.

    Raises:
        SettingsError: there is no store.
    """
    if settings.url is not None:
        yield RemoteStore(settings.url, settings.workspace, settings.token)
        return
    place = place_of(settings.location.store, settings.location.database_url)
    if not make and not place.is_there:
        raise SettingsError(
            f"there is no model store at {place.root}; name it with --store, or push a model"
        )
    store = open_store(place)
    try:
        yield LocalStore(store, settings.workspace)
    finally:
        store.close()


def only_model(settings: ShowSettings) -> str:
    """Return the model that a command names.

    Raises:
        SettingsError: it names a version.
    """
    wanted = reference(settings.name)
    if wanted.version is not None:
        raise SettingsError(f"a model is needed, not one version of it: {wanted.key}")
    return wanted.key


_LEFT_OUT = frozenset({"__pycache__"})
_DATE = (1980, 1, 1, 0, 0, 0)


@contextmanager
def packed(path: Path) -> Iterator[Path]:
    """Give a file, or the zip of a directory, which is there until the block ends.

    Hidden files, links and __pycache__ are left out. A directory that has not changed gives the
    same bytes again, and so the same digest.
    """
    if path.is_file():
        yield path
        return
    with TemporaryDirectory(prefix="model-") as folder:
        archive = Path(folder) / f"{path.name}.zip"
        with zipfile.ZipFile(archive, "w") as target:
            for file in _files(path):
                member = zipfile.ZipInfo(file.relative_to(path).as_posix(), _DATE)
                member.compress_type = zipfile.ZIP_DEFLATED
                with file.open("rb") as source, target.open(member, "w", force_zip64=True) as sink:
                    while piece := source.read(1 << 20):
                        sink.write(piece)
        yield archive


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        left_out = any(part.startswith(".") or part in _LEFT_OUT for part in parts)
        if path.is_file() and not path.is_symlink() and not left_out:
            yield path


def run_push(settings: PushSettings, _environ: MutableMapping[str, str]) -> int:
    """Store a file as a new version, after a trial; return 0.

    Raises:
        DrumLikeError: it cannot be stored, or not be served.
    """
    logs.configure("text", settings.logging_level)
    if settings.file is None:
        raise SettingsError("FILE is needed: a model file, or a model directory")
    name = only_model(settings)
    with packed(settings.file) as path, models_of(settings, make=True) as models:
        declared = declared_of(settings.target)
        no_pickle = settings.load.no_pickle
        push = Push(name, path, path.name, declared, settings.uploads, no_pickle)
        with _progress(path) as progress:
            version = models.push(push, progress)
    if settings.json:
        print_json({"name": name, **asdict(version)})
    else:
        print_text(f"{name}@{version.number} is {version.status}, sha256 {version.sha256}")
    return 0


def declared_of(settings: TargetSettings) -> Declared:
    """Return the target that the flags declare."""
    return Declared(
        target_type=None if settings.target_type is None else settings.target_type.value,
        positive_label=settings.positive_class_label,
        negative_label=settings.negative_class_label,
        labels=settings.class_labels,
        target_name=settings.target_name,
    )


@contextmanager
def _progress(path: Path) -> Iterator[Progress]:
    """Show the progress of an upload on a terminal; after its last byte the model is tried."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("sending", total=path.stat().st_size)

        def advance(n_bytes: int) -> None:
            bar.advance(task, n_bytes)
            if bar.finished:
                bar.update(task, description="trying")

        yield advance


def run_list(settings: ListSettings, _environ: MutableMapping[str, str]) -> int:
    """Print the models, the newest first; return 0."""
    with models_of(settings) as models:
        found = models.models()
    if settings.json:
        print_json([as_json(model) for model in found])
    else:
        print_text(models_table(found))
    return 0


def run_show(settings: ShowSettings, _environ: MutableMapping[str, str]) -> int:
    """Print a model, or one version of it; return 0.

    Raises:
        NotFoundError: there is no such model or version.
    """
    wanted = reference(settings.name)
    with models_of(settings) as models:
        model = models.model(wanted.key)
    if wanted.version is not None:
        model = replace(model, versions=(model.version(wanted.version),))
    if settings.json:
        print_json(as_json(model))
    else:
        print_text(versions_table(model))
    return 0


def run_alias(settings: AliasSettings, _environ: MutableMapping[str, str]) -> int:
    """Give a version an alias, the newest one if none is named; or take it away. Return 0.

    Raises:
        NotFoundError: there is no such model, version or alias.
    """
    name, wanted = (only_model(settings), None) if settings.remove else reference(settings.name)
    with models_of(settings) as models:
        version = None if settings.remove else models.model(name).version(wanted)
        models.set_alias(name, settings.alias, version)
    number = None if version is None else version.number
    if settings.json:
        print_json({"name": name, "alias": settings.alias, "version": number})
    elif number is None:
        print_text(f"{name}@{settings.alias} is gone")
    else:
        print_text(f"{name}@{settings.alias} is {name}@{number}")
    return 0


def run_rm(settings: RemoveSettings, _environ: MutableMapping[str, str]) -> int:
    """Remove the version or model named; return 0.

    Raises:
        SettingsError: a whole model is named without --all-versions.
        NotFoundError: there is no such model or version.
        ConflictError: a version is deployed.
    """
    name, wanted = reference(settings.name)
    if wanted is None and not settings.all_versions:
        raise SettingsError(
            f"name a version, as {name}@1, or remove the model with all of them: --all-versions"
        )
    if settings.all_versions:
        name = only_model(settings)
    with models_of(settings) as models:
        if settings.all_versions:
            n_bytes, what = models.remove_model(name), name
        else:
            version = models.model(name).version(wanted)
            n_bytes, what = models.remove_version(version), f"{name}@{version.number}"
    if settings.json:
        print_json({"removed": what, "bytes": n_bytes})
    else:
        print_text(f"{what} is removed, {n_bytes} bytes are free")
    return 0
