"""Settings of the model store, and of the verbs about its models and decisions."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drum_like.config.model_settings import (
    CommandSettings,
    LoadSettings,
    LoggedSettings,
    TargetSettings,
)
from drum_like.config.options import group, option, switch
from drum_like.config.value_types import (
    ALIAS_NAME,
    DATABASE,
    MEGABYTES,
    MODEL_NAME,
    MOMENT,
    NUMBER,
    STORE_DIRECTORY,
    TEXT,
    UPLOAD,
    WEB_ADDRESS,
)
from drum_like.config.verbs import (
    LOG,
    MODELS_ALIAS,
    MODELS_LIST,
    MODELS_PUSH,
    MODELS_RM,
    MODELS_SHOW,
)


@dataclass(frozen=True)
class StoreSettings:
    """The place of the model store."""

    store: Path | None = option(
        None,
        "directory of the model store; without it, `models` uses the store of this user",
        STORE_DIRECTORY,
    )
    database_url: str | None = option(
        None,
        "PostgreSQL database of the store, postgresql://USER@HOST/NAME; else a SQLite file in it",
        DATABASE,
    )

    @property
    def is_named(self) -> bool:
        """Whether the operator names a store."""
        return self.store is not None or self.database_url is not None


@dataclass(frozen=True)
class UploadSettings:
    """The models that a store takes."""

    allow_code_uploads: bool = switch(
        "store models that run code when they are loaded: pickles, and zips with a custom.py"
    )
    max_upload_mb: int = option(4096, "largest model file in MiB; 0 for no limit", MEGABYTES)


@dataclass(frozen=True)
class PrintedSettings:
    """Settings of a verb that prints a table, or JSON."""

    json: bool = switch("print JSON")


@dataclass(frozen=True)
class LogSettings(CommandSettings, PrintedSettings):
    """Settings of `log`.

    Attributes:
        location: The place of the store that keeps the decisions.
    """

    verb = LOG
    location: StoreSettings = group(StoreSettings)
    campaign: str | None = option(None, "decisions of this campaign only", TEXT)
    uuid: str | None = option(None, "the decision of this UUID only", TEXT)
    since: datetime | None = option(
        None, "decisions from this time on: 2026-01-31T12:00, or 90s, 15m, 12h, 7d ago", MOMENT
    )
    until: datetime | None = option(None, "decisions before this time", MOMENT)
    lines: int = option(20, "largest number of decisions to show, the latest ones", NUMBER)
    follow: bool = switch("keep running and show further decisions as they are made")


@dataclass(frozen=True)
class ListSettings(CommandSettings, PrintedSettings):
    """Settings of `models list`, which the other verbs about models have, too.

    Attributes:
        location: The place of the store on this machine.
    """

    verb = MODELS_LIST
    location: StoreSettings = group(StoreSettings)
    url: str | None = option(None, "server whose store is used, instead of --store", WEB_ADDRESS)
    token: str | None = option(None, "bearer token for --url", TEXT)
    workspace: int = option(1, "workspace of the model, by its number", NUMBER)


@dataclass(frozen=True)
class ShowSettings(ListSettings):
    """Settings of `models show`, and of all verbs about one model."""

    verb = MODELS_SHOW
    name: str = option(
        "",
        "model; NAME@VERSION for one version, by number, UUID or alias",
        MODEL_NAME,
        positional=True,
    )


@dataclass(frozen=True)
class ChangeSettings(ShowSettings, LoggedSettings):
    """Settings of the verbs that change models: each is a line of the audit log."""


@dataclass(frozen=True)
class PushSettings(ChangeSettings):
    """Settings of `models push`.

    Attributes:
        target: The target of the model.
        load: The way in which the model is tried.
        uploads: The models that the store takes.
    """

    verb = MODELS_PUSH
    file: Path | None = option(None, "model file, or model directory", UPLOAD, positional=True)
    target: TargetSettings = group(TargetSettings)
    load: LoadSettings = group(LoadSettings)
    uploads: UploadSettings = group(UploadSettings)


@dataclass(frozen=True)
class AliasSettings(ChangeSettings):
    """Settings of `models alias`."""

    verb = MODELS_ALIAS
    alias: str = option("", "name for the version", ALIAS_NAME, positional=True)
    remove: bool = switch("take the alias away")


@dataclass(frozen=True)
class RemoveSettings(ChangeSettings):
    """Settings of `models rm`."""

    verb = MODELS_RM
    all_versions: bool = switch("remove the model with all its versions")
