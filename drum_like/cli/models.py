"""`drum-like models`: the models of a store, on this machine or of a server."""

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from pwd import getpwuid

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn
from rich.progress import Progress as Bar

from drum_like import logs
from drum_like.cli.local_store import LocalStore
from drum_like.cli.model_store import ModelStore, Progress, Push, packed
from drum_like.cli.remote_store import RemoteStore
from drum_like.cli.tables import as_json, models_table, print_json, print_text, versions_table
from drum_like.config.model_settings import TargetSettings
from drum_like.config.store_settings import (
    AliasSettings,
    ChangeSettings,
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
from drum_like.system import audit


@contextmanager
def models_of(settings: ListSettings) -> Iterator[ModelStore]:
    """Give the models of the server, or of the store on this machine, that a command is about.

    Args:
        settings: Of the command; one that pushes makes a store where there is none.

    Raises:
        SettingsError: there is no store.
    """
    if settings.url is not None:
        yield RemoteStore(settings.url, settings.workspace, settings.token)
        return
    place = place_of(settings.location.store, settings.location.database_url)
    if not isinstance(settings, PushSettings) and not place.is_there:
        raise SettingsError(
            f"there is no model store at {place.root}; name it with --store, or push a model"
        )
    store = open_store(place)
    try:
        yield LocalStore(store, settings.workspace)
    finally:
        store.close()


@contextmanager
def changed(settings: ChangeSettings, action: str) -> Iterator[ModelStore]:
    """Give the models that a command changes; the audit log gets a line.

    A server writes its own one.

    Args:
        settings: Of the command.
        action: Verb and object of the change.

    Raises:
        SettingsError: there is no store.
    """
    logs.configure(settings.log_format, settings.logging_level)
    is_here = settings.url is None
    with audit.command(action, _user()) if is_here else nullcontext(), models_of(settings) as found:
        yield found


def _user() -> str:
    """Return the name of the user who runs this program, the number of one without a name."""
    try:
        return getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def only_model(settings: ShowSettings) -> str:
    """Return the model that a command names.

    Raises:
        SettingsError: it names a version.
    """
    wanted = reference(settings.name)
    if wanted.version is not None:
        raise SettingsError(f"a model is needed, not one version of it: {wanted.key}")
    return wanted.key


def run_push(settings: PushSettings, _environ: MutableMapping[str, str]) -> int:
    """Store a file as a new version, after a trial; return 0.

    Raises:
        DrumLikeError: it cannot be stored, or not be served.
    """
    if settings.file is None:
        raise SettingsError("FILE is needed: a model file, or a model directory")
    name = only_model(settings)
    with packed(settings.file) as path, changed(settings, "upload model") as models:
        declared = declared_of(settings.target)
        push = Push(name, path, path.name, declared, settings.uploads, settings.load)
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
    with changed(settings, "set alias") as models:
        audit.about(model=name, version=wanted, alias=settings.alias)
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
    action = "delete model" if settings.all_versions else "delete version"
    with changed(settings, action) as models:
        audit.about(model=name, version=wanted)
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
