"""Settings of one model, and those that every verb has, or every verb with a model."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from drum_like.config.options import group, option, switch
from drum_like.config.value_types import (
    DIRECTORY,
    FILE,
    LABEL,
    MODEL_NAME,
    NAMES,
    NEW_FILE,
    NUMBER,
    TARGET_TYPE,
    TEXT,
)
from drum_like.config.verbs import LOADING, MODEL, NEW_MODEL, SERVING
from drum_like.types.payload import Limits
from drum_like.types.target import TargetType

LOGGING_LEVELS = ("all", "debug", "info", "warn", "warning", "error", "critical", "fatal")
LOG_FORMATS = ("auto", "text", "json")

# Settings have no slots: some classes have two bases.


@dataclass(frozen=True)
class TargetSettings:
    """A model's target, as the operator declares it."""

    target_type: TargetType | None = option(
        None,
        "type of the model's target, if neither model-metadata.yaml nor the model tells it",
        TARGET_TYPE,
        env=("TARGET_TYPE",),
        choices=tuple(kind.value for kind in TargetType),
    )
    positive_class_label: str | None = option(
        None, "positive class of a binary model", LABEL, env=("POSITIVE_CLASS_LABEL",)
    )
    negative_class_label: str | None = option(
        None, "negative class of a binary model", LABEL, env=("NEGATIVE_CLASS_LABEL",)
    )
    class_labels: tuple[str, ...] = option(
        (),
        "classes of a multiclass or multilabel model in the order of its outputs",
        LABEL,
        env=("CLASS_LABELS",),
        many=True,
    )
    class_labels_file: Path | None = option(
        None, "the same from a file, one a line", NEW_FILE, env=("CLASS_LABELS_FILE",)
    )
    target_name: str | None = option(
        None, "name of the target, the output column of text", TEXT, env=("TARGET_NAME",)
    )


@dataclass(frozen=True)
class DirectorySettings:
    """A model directory."""

    code_dir: Path = option(
        Path(),
        "model directory; for `new model`, the directory to create",
        DIRECTORY,
        env=("CODE_DIR", "AZUREML_MODEL_DIR"),
        short="-cd",
    )


@dataclass(frozen=True)
class ModelSettings(DirectorySettings, TargetSettings):
    """One model: its directory and its target; each model of a server has its own."""

    model_name: str | None = option(
        None,
        "name of the model of --code-dir; else that of model-metadata.yaml, or of the directory",
        MODEL_NAME,
        verbs=SERVING,
    )
    query: str | None = option(None, "query string for an unstructured model", TEXT, verbs=MODEL)
    content_type: str | None = option(
        None,
        "content type for an unstructured model, else text/plain; charset=utf8",
        TEXT,
        verbs=MODEL,
    )
    runtime_params_file: Path | None = option(
        None,
        "YAML values of the runtime parameters that model-metadata.yaml defines",
        FILE,
        env=("RUNTIME_PARAMS_FILE",),
    )

    @property
    def has_code_dir(self) -> bool:
        """Whether a model directory was given; a server may have its models from elsewhere."""
        return self.code_dir != Path()


@dataclass(frozen=True)
class LoadSettings:
    """The way in which a process loads and calls models: the same for all of them.

    Attributes:
        language: Of DRUM's flag, empty without; `python` lets files of R and Java lie unused.
    """

    hook_threads: int = option(
        1, "calls into custom.py that may run at once in a worker", NUMBER, verbs=SERVING
    )
    legacy_label_order: bool = switch(
        "assign unnamed binary outputs to the labels as DRUM 1.18 does", verbs=LOADING
    )
    no_pickle: bool = switch("refuse model files that can run code")
    skops_types: tuple[str, ...] | None = option(
        None,
        "types that files of skops may bring along, by their full names; else those that the "
        "model's directory calls trusted",
        NAMES,
    )
    language: str = ""


@dataclass(frozen=True)
class PayloadSettings:
    """Limits on payloads."""

    max_columns: int = option(10_000, "largest number of columns of a payload", NUMBER)
    max_rows: int = option(10_000_000, "largest number of rows of a payload", NUMBER)
    max_cells: int = option(
        50_000_000,
        "largest number of cells that a payload may declare without sending them, and of values "
        "of an answer",
        NUMBER,
    )
    max_empty_rows: int = option(
        50_000,
        "rows that a payload may declare without sending them; more take a byte for each 16",
        NUMBER,
    )

    @property
    def limits(self) -> Limits:
        """The limits that a payload carries."""
        return Limits(
            self.max_columns,
            self.max_rows,
            self.max_cells,
            self.max_empty_rows,
        )


@dataclass(frozen=True)
class CommandSettings:
    """Settings of every verb.

    Attributes:
        verb: The verb of the command line.
        notes: Lines for the operator about options that were accepted without effect.
    """

    verb: ClassVar[str]
    show_stacktrace: bool = switch("print a traceback with an error", env=("SHOW_STACKTRACE",))
    verbose: bool = switch("print more")
    logging_level: str = option(
        "warning", "least severe messages to log", TEXT, choices=LOGGING_LEVELS
    )
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoggedSettings(CommandSettings):
    """Settings of a verb whose log lines may be for programs."""

    log_format: str = option(
        "auto", "form of log lines; auto is text on a terminal", TEXT, choices=LOG_FORMATS
    )


@dataclass(frozen=True)
class ModelCommandSettings(LoggedSettings):
    """Settings of a verb that loads models.

    Attributes:
        model: The model of --code-dir.
        load: The way in which models are loaded.
        payload: Limits on payloads.
    """

    model: ModelSettings = group(ModelSettings)
    load: LoadSettings = group(LoadSettings)
    payload: PayloadSettings = group(PayloadSettings)


@dataclass(frozen=True)
class TimedSettings:
    """Settings of a verb that shows its times."""

    show_perf: bool = switch(
        "show the time of loading and scoring; a server shows it under /stats/"
    )


@dataclass(frozen=True)
class NewModelSettings(CommandSettings, DirectorySettings):
    """Settings of `new model`."""

    verb = NEW_MODEL
