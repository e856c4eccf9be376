"""Every setting of this program, declared once.

A field is a flag (`--kebab-case`), an environment variable (`DRUM_LIKE_UPPER_CASE`, and DRUM's own
name where it has one), a line of --help and a row of docs/cli.md; all four are made from the
declarations below. `Settings.load` is the only reader of the command line and the environment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from drum_like.config import command_line, resolve
from drum_like.config.options import Option, RuntimeParameter, option, switch
from drum_like.config.value_types import (
    ADDRESS,
    ALIAS_NAME,
    CHARSET,
    COLUMN,
    DATABASE,
    DELIMITER,
    DIRECTORY,
    FILE,
    INPUT,
    KIND,
    LABEL,
    MEGABYTES,
    MODEL_NAME,
    MODELS_DIRECTORY,
    MOMENT,
    NAMES,
    NEW_FILE,
    NUMBER,
    NUMBER_OR_0,
    PREFIX,
    SECONDS,
    SECONDS_OR_0,
    SECRET,
    SHARE,
    STORE_DIRECTORY,
    TARGET_TYPE,
    TEXT,
    UPLOAD,
    WEB_ADDRESS,
    Address,
)
from drum_like.config.verbs import (
    CALIBRATE,
    DIRECTORIES,
    EVERY,
    EXPLAIN,
    FILES,
    LOADING,
    LOG,
    MODEL,
    MODELS,
    MODELS_ALIAS,
    MODELS_PUSH,
    MODELS_RM,
    ONE_MODEL,
    PERF_TEST,
    SCORE,
    SERVER,
    SERVING,
    SPARSE,
    STORE,
    TARGETED,
)
from drum_like.types.target import TargetType

LOGGING_LEVELS = ("all", "debug", "info", "warn", "warning", "error", "critical", "fatal")
SERVER_LEVELS = ("debug", "info", "warning", "error", "critical")
LOG_FORMATS = ("auto", "text", "json")
DECISION_LOGS = ("auto", "response", "off")

_STORE_CONTRACTS = frozenset({"projects", "wallaroo"})
"""Contracts that are about the store: naming one opens it, at its usual place if need be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The operator's settings; target and labels that only the model knows are not among them.

    Attributes:
        verb: The verb of the command line.
        notes: Lines for the operator about options that were accepted without effect.
        language: Of DRUM's flag, empty without; `python` lets files of R and Java lie unused.
    """

    code_dir: Path = option(
        Path(),
        "model directory; for `new model`, the directory to create",
        DIRECTORIES,
        DIRECTORY,
        env=("CODE_DIR", "AZUREML_MODEL_DIR"),
        short="-cd",
    )
    name: str = option(
        "",
        "model; NAME@VERSION for one version, by number, UUID or alias",
        ONE_MODEL,
        MODEL_NAME,
        positional=True,
    )
    file: Path | None = option(
        None, "model file, or model directory", (MODELS_PUSH,), UPLOAD, positional=True
    )
    alias: str = option("", "name for the version", (MODELS_ALIAS,), ALIAS_NAME, positional=True)
    store: Path | None = option(
        None,
        "directory of the model store; without it, `models` uses the store of this user",
        STORE,
        STORE_DIRECTORY,
    )
    database_url: str | None = option(
        None,
        "PostgreSQL database of the store, postgresql://USER@HOST/NAME; else a SQLite file in it",
        STORE,
        DATABASE,
    )
    url: str | None = option(
        None, "server whose store is meant, instead of --store", MODELS, WEB_ADDRESS
    )
    token: str | None = option(None, "bearer token for --url", MODELS, TEXT)
    workspace: int = option(1, "workspace of the model, by its number", MODELS, NUMBER)
    models: Path | None = option(
        None,
        "directory whose subdirectories are model directories, served by their names",
        (SERVER,),
        MODELS_DIRECTORY,
    )
    default_model: str | None = option(
        None,
        "model of --store or --models for requests that name none; else the only model",
        (SERVER,),
        MODEL_NAME,
    )
    preload_models: bool = switch(
        "load models at start instead of at their first request", (SERVER,)
    )
    max_models: int = option(
        16, "models of --store and --models that a worker keeps in memory", (SERVER,), NUMBER
    )
    allow_code_uploads: bool = switch(
        "store models that run code when they are loaded: pickles, and zips with a custom.py",
        (SERVER, MODELS_PUSH),
    )
    max_upload_mb: int = option(
        4096, "largest model file in MiB; 0 for no limit", (SERVER, MODELS_PUSH), MEGABYTES
    )
    all_versions: bool = switch("remove the model with all its versions", (MODELS_RM,))
    remove: bool = switch("take the alias away", (MODELS_ALIAS,))
    json: bool = switch("print JSON", (*MODELS, EXPLAIN, LOG))
    campaign: str | None = option(None, "decisions of this campaign only", (LOG,), TEXT)
    uuid: str | None = option(None, "the decision of this UUID only", (LOG,), TEXT)
    since: datetime | None = option(
        None,
        "decisions from this time on: 2026-01-31T12:00, or 90s, 15m, 12h, 7d ago",
        (LOG,),
        MOMENT,
    )
    until: datetime | None = option(None, "decisions before this time", (LOG,), MOMENT)
    lines: int = option(20, "largest number of decisions to show, the latest ones", (LOG,), NUMBER)
    follow: bool = switch("keep running and show further decisions as they are made", (LOG,))
    address: Address = option(
        Address(),
        "where to listen; a host alone means port 6789, :PORT means 127.0.0.1",
        (SERVER,),
        ADDRESS,
        env=("ADDRESS",),
    )
    target_type: TargetType | None = option(
        None,
        "type of the model's target, if neither model-metadata.yaml nor the model tells it",
        TARGETED,
        TARGET_TYPE,
        env=("TARGET_TYPE",),
        choices=tuple(kind.value for kind in TargetType),
    )
    positive_class_label: str | None = option(
        None, "positive class of a binary model", TARGETED, LABEL, env=("POSITIVE_CLASS_LABEL",)
    )
    negative_class_label: str | None = option(
        None, "negative class of a binary model", TARGETED, LABEL, env=("NEGATIVE_CLASS_LABEL",)
    )
    class_labels: tuple[str, ...] = option(
        (),
        "classes of a multiclass or multilabel model in the order of its outputs",
        TARGETED,
        LABEL,
        env=("CLASS_LABELS",),
        many=True,
    )
    class_labels_file: Path | None = option(
        None, "the same from a file, one a line", TARGETED, NEW_FILE, env=("CLASS_LABELS_FILE",)
    )
    target_name: str | None = option(
        None, "name of the target, the output column of text", TARGETED, TEXT, env=("TARGET_NAME",)
    )
    input: Path | None = option(None, "file to score; - for standard input", FILES, INPUT)
    output: Path | None = option(
        None, "file to write, - for standard output; else print a table", (SCORE,), NEW_FILE
    )
    delimiter: str | None = option(
        None, "character between the fields of --input, else a comma", (SCORE,), DELIMITER
    )
    decimal: str = option(
        ".", "decimal mark in the numbers of --input", (SCORE,), TEXT, choices=(".", ",")
    )
    encoding: str | None = option(None, "encoding of --input, else UTF-8", (SCORE,), CHARSET)
    passthrough: tuple[str, ...] = option(
        (), "columns of --input to repeat behind the predictions", (SCORE,), NAMES
    )
    target: str = option("", "column of --input that holds the true values", (CALIBRATE,), COLUMN)
    level: Fraction = option(
        Fraction(9, 10),
        "share of true values that the intervals should contain",
        (CALIBRATE,),
        SHARE,
    )
    asymmetric: bool = switch("make intervals wider on the side of the larger errors", (CALIBRATE,))
    kind: str | None = option(
        None,
        "columns to explain: as they are sent, or as the final estimator sees them; else the "
        "first kind that the model has",
        (EXPLAIN,),
        KIND,
        choices=("ORIGINAL", "TRANSFORMED"),
    )
    row: int | None = option(None, "explain this row only; the first is 1", (EXPLAIN,), NUMBER)
    top: int = option(5, "columns to show for a row, the largest contributions", (EXPLAIN,), NUMBER)
    plot: Path | None = option(
        None, "SVG file to draw one row into: that of --row, else the first", (EXPLAIN,), NEW_FILE
    )
    sparse_column_file: Path | None = option(
        None, "column names of Matrix Market input, one a line", SPARSE, FILE
    )
    query: str | None = option(None, "query string for an unstructured model", MODEL, TEXT)
    content_type: str | None = option(
        None, "content type for an unstructured model, else text/plain; charset=utf8", MODEL, TEXT
    )
    runtime_params_file: Path | None = option(
        None,
        "YAML values of the runtime parameters that model-metadata.yaml defines",
        LOADING,
        FILE,
        env=("RUNTIME_PARAMS_FILE",),
    )
    deployment_config: Path | None = option(
        None,
        "JSON file; /predict/ answers in the form of DataRobot's prediction API",
        SERVING,
        FILE,
        env=("DEPLOYMENT_CONFIG",),
    )
    max_workers: int | None = option(
        None,
        "worker processes; else one for each CPU of the container",
        SERVING,
        NUMBER,
        env=("MAX_WORKERS", "WEB_CONCURRENCY", "SAGEMAKER_MODEL_SERVER_WORKERS"),
        runtime_parameter=RuntimeParameter("CUSTOM_MODEL_WORKERS", 1, 199, beats_flag=True),
    )
    threads: int = option(8, "threads of a worker", SERVING, NUMBER)
    hook_threads: int = option(
        1, "calls into custom.py that may run at once in a worker", SERVING, NUMBER
    )
    request_timeout_s: int = option(
        600,
        "time that a request may take before its worker is replaced; 0 for no limit",
        SERVING,
        SECONDS_OR_0,
        env=("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", "SAGEMAKER_MODEL_SERVER_TIMEOUT"),
        runtime_parameter=RuntimeParameter("DRUM_CLIENT_REQUEST_TIMEOUT", 0, 3600),
    )
    graceful_timeout_s: int = option(
        299,
        "time that running requests get to end after SIGTERM",
        SERVING,
        SECONDS,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_GRACEFUL_TIMEOUT", 1, 3600),
    )
    keep_alive_s: int = option(
        75,
        "time that an idle connection stays open; 0 closes it after every answer",
        SERVING,
        SECONDS_OR_0,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_KEEP_ALIVE", 0, 3600),
    )
    backlog: int = option(
        2048,
        "connections that may wait to be accepted",
        SERVING,
        NUMBER,
        runtime_parameter=RuntimeParameter("DRUM_WEBSERVER_BACKLOG", 1, 10_000),
    )
    max_requests: int = option(
        0,
        "requests after which a worker is replaced; 0 for never",
        SERVING,
        NUMBER_OR_0,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_MAX_REQUESTS", 0, 10_000),
    )
    max_requests_jitter: int = option(
        0,
        "largest random addition to --max-requests",
        SERVING,
        NUMBER_OR_0,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_MAX_REQUESTS_JITTER", 1, 10_000),
    )
    max_body_mb: int = option(
        1024,
        "largest request body in MiB; 0 for no limit",
        SERVING,
        MEGABYTES,
        env=("SAGEMAKER_MAX_PAYLOAD_IN_MB",),
    )
    max_columns: int = option(10_000, "largest number of columns of a payload", LOADING, NUMBER)
    max_cells: int = option(
        50_000_000,
        "largest number of cells that a payload may declare without sending",
        LOADING,
        NUMBER,
    )
    url_prefix: str = option(
        "", "path prefix of every route", (SERVER,), PREFIX, env=("URL_PREFIX",)
    )
    contracts: tuple[str, ...] = option(
        ("probes", "drum", "chat", "h2o", "ecosystem"),
        "contracts to answer; with a store, projects and wallaroo, too",
        (SERVER,),
        NAMES,
    )
    campaigns: Path | None = option(
        None,
        "JSON file of campaigns and their models; else names of models tell their campaigns",
        (SERVER,),
        FILE,
    )
    decision_log: str = option(
        "auto",
        "log of /invocate: with the best result as accepted, with acceptances of /response only, "
        "or none",
        (SERVER,),
        TEXT,
        choices=DECISION_LOGS,
    )
    log_sync: bool = switch("answer /invocate only after its decision is on the disk", (SERVER,))
    redact: tuple[str, ...] = option(
        (), "names whose values are left out of the decision log", (SERVER,), NAMES
    )
    with_error_server: bool = switch(
        "answer 513 with the reason if the model does not load, instead of exiting",
        (SERVER,),
        env=("WITH_ERROR_SERVER",),
    )
    hide_errors: bool = switch(
        "leave the texts of custom.py's exceptions out of answers", (SERVER,)
    )
    passphrase: str | None = option(
        None,
        "bearer token that callers have to send; better set by its variable",
        (SERVER,),
        SECRET,
    )
    credentials: Path | None = option(
        None, "YAML file of passphrases, API keys and issuers of tokens", (SERVER,), FILE
    )
    require_auth: bool = switch("do not start without credentials", (SERVER,))
    legacy_label_order: bool = switch(
        "assign unnamed binary outputs to the labels as DRUM 1.18 does", LOADING
    )
    no_pickle: bool = switch("refuse model files that can run code", TARGETED)
    samples: int | None = option(
        None, "rows of a request, for one case of --iterations", (PERF_TEST,), NUMBER, short="-s"
    )
    iterations: int | None = option(None, "requests of that case", (PERF_TEST,), NUMBER, short="-i")
    timeout: int = option(600, "time that a case may take", (PERF_TEST,), SECONDS)
    in_server: bool = switch("print the server's own timing too", (PERF_TEST,))
    show_perf: bool = switch(
        "show the time of loading and scoring; a server shows it under /stats/",
        (SCORE, SERVER),
    )
    show_stacktrace: bool = switch(
        "print a traceback with an error", EVERY, env=("SHOW_STACKTRACE",)
    )
    verbose: bool = switch("say more", EVERY)
    logging_level: str = option(
        "warning", "least severe messages to log", EVERY, TEXT, choices=LOGGING_LEVELS
    )
    server_log_level: str = option(
        "info",
        "least severe messages of the HTTP server to log",
        SERVING,
        TEXT,
        choices=LOGGING_LEVELS,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_LOG_LEVEL", words=SERVER_LEVELS),
    )
    log_format: str = option(
        "auto", "form of log lines; auto is text on a terminal", LOADING, TEXT, choices=LOG_FORMATS
    )
    verb: str = SERVER
    notes: tuple[str, ...] = ()
    language: str = ""

    @property
    def has_code_dir(self) -> bool:
        """Whether a model directory was given; a server may have its models from elsewhere."""
        return self.code_dir != Path()

    @property
    def has_catalog(self) -> bool:
        """Whether a server has models by name, beside the model of --code-dir or instead of it."""
        return self.models is not None or self.needs_store

    @property
    def needs_store(self) -> bool:
        """Whether a server opens the model store."""
        named = self.store is not None or self.database_url is not None
        return named or not _STORE_CONTRACTS.isdisjoint(self.contracts)

    @property
    def host(self) -> str:
        """Host or IP address to listen on."""
        return self.address.host

    @property
    def port(self) -> int:
        """Port to listen on, 0 for any free one."""
        return self.address.port

    @property
    def asks_who_calls(self) -> bool:
        """Whether there are credentials."""
        return self.passphrase is not None or self.credentials is not None

    @classmethod
    def load(cls, argv: Sequence[str], environ: Mapping[str, str]) -> "Settings":
        """Return the settings of a command line, then of an environment, then the defaults.

        What model-metadata.yaml adds comes from `drum_like.model.configuration`. Prints and leaves
        for --help, --version and a missing verb.

        Args:
            argv: The words after the program's name, the verb first.
            environ: The environment; an empty variable counts as unset.

        Raises:
            UsageError: the command line cannot be understood.
            SettingsError: a variable is wrong, or settings contradict each other.
        """
        declared = options()
        line = command_line.parse(declared, argv)
        values = resolve.resolved(declared, line, environ)
        settings = cls(**values)
        if "contracts" in values or not settings.needs_store:
            return settings
        return replace(settings, contracts=(*settings.contracts, *sorted(_STORE_CONTRACTS)))


def options() -> dict[str, Option]:
    """Return every declared setting by field name, in order."""
    return {
        field.name: field.metadata[Option] for field in fields(Settings) if Option in field.metadata
    }
