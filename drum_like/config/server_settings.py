"""Settings of the server, and of a verb that starts one."""

from dataclasses import dataclass
from math import inf
from pathlib import Path

from drum_like import plugins
from drum_like.config.model_settings import LOGGING_LEVELS, ModelCommandSettings, TimedSettings
from drum_like.config.options import RuntimeParameter, group, option, switch
from drum_like.config.platforms import SageMakerSettings
from drum_like.config.store_settings import StoreSettings, UploadSettings
from drum_like.config.value_types import (
    ADDRESS,
    CONTRACT,
    FILE,
    HOSTS,
    MEGABYTES,
    MODEL_NAME,
    MODELS_DIRECTORY,
    NAMES,
    NUMBER,
    NUMBER_OR_0,
    ORIGINS,
    PREFIX,
    RENEWED_FILE,
    SECONDS,
    SECONDS_OR_0,
    SECRET,
    TEXT,
    WEB_ADDRESS,
    Address,
)
from drum_like.config.verbs import SERVER

SERVER_LEVELS = ("debug", "info", "warning", "error", "critical")
DECISION_LOGS = ("auto", "response", "off")

STORE_CONTRACTS = frozenset({"projects", "wallaroo"})
"""Contracts that are about the store: naming one opens it, at its usual place if need be."""


def contracts_without_store() -> tuple[str, ...]:
    """Return the names of the contracts that come with drum-like and need no store."""
    return tuple(sorted(plugins.own(plugins.CONTRACTS) - STORE_CONTRACTS))


@dataclass(frozen=True)
class ServingSettings(ModelCommandSettings):
    """Settings of a verb that serves: workers, threads, limits on requests."""

    deployment_config: Path | None = option(
        None,
        "JSON file; /predict/ answers in the form of DataRobot's prediction API",
        FILE,
        env=("DEPLOYMENT_CONFIG",),
    )
    max_workers: int | None = option(
        None,
        "worker processes; else one for each CPU of the container",
        NUMBER,
        env=(
            *("MAX_WORKERS", "WEB_CONCURRENCY", "SAGEMAKER_MODEL_SERVER_WORKERS"),
            "MLFLOW_MODELS_WORKERS",
        ),
        runtime_parameter=RuntimeParameter("CUSTOM_MODEL_WORKERS", 1, 199, beats_flag=True),
    )
    threads: int = option(8, "threads of a worker", NUMBER)
    request_timeout_s: int = option(
        600,
        "time that a request may take before its worker is replaced; 0 for no limit",
        SECONDS_OR_0,
        env=("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", "SAGEMAKER_MODEL_SERVER_TIMEOUT"),
        runtime_parameter=RuntimeParameter("DRUM_CLIENT_REQUEST_TIMEOUT", 0, 3600),
    )
    queue_timeout_ms: int | None = option(
        None,
        "time that a request may wait for its turn, beyond it 503; 0 for no limit; else half of "
        "--request-timeout-s",
        NUMBER_OR_0,
    )
    graceful_timeout_s: int = option(
        299,
        "time that running requests get to end after SIGTERM",
        SECONDS,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_GRACEFUL_TIMEOUT", 1, 3600),
    )
    keep_alive_s: int = option(
        75,
        "time that an idle connection stays open; 0 closes it after every answer",
        SECONDS_OR_0,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_KEEP_ALIVE", 0, 3600),
    )
    header_timeout_s: int = option(
        30, "time that the head of a request may take to come; a client is told 408 then", SECONDS
    )
    min_transfer_rate: int = option(
        500,
        "bytes a second of a body, or of an answer, that a client has to send or take on the "
        "whole, after 30 seconds; 0 for no limit",
        NUMBER_OR_0,
    )
    worker_connections: int | None = option(
        None,
        "connections of a worker, beyond which idle ones are closed, the oldest first; else 10000, "
        "or what the limit of open files allows",
        NUMBER,
    )
    connections_per_address: int = option(
        0,
        "connections of a worker with one client's address; 0 for no limit, as a proxy needs it",
        NUMBER_OR_0,
    )
    heartbeat_timeout_s: int = option(
        30,
        "time without a sign of life after which a worker is replaced, as its interpreter is held; "
        "0 for --request-timeout-s alone",
        SECONDS_OR_0,
    )
    drain_delay_s: int = option(
        0,
        "time after SIGTERM in which new connections are still taken, while /readyz says 503",
        SECONDS_OR_0,
    )
    backlog: int = option(
        2048,
        "connections that may wait to be accepted",
        NUMBER,
        runtime_parameter=RuntimeParameter("DRUM_WEBSERVER_BACKLOG", 1, 10_000),
    )
    max_requests: int = option(
        0,
        "requests after which a worker is replaced; 0 for never",
        NUMBER_OR_0,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_MAX_REQUESTS", 0, 10_000),
    )
    max_requests_jitter: int = option(
        0,
        "largest random addition to --max-requests",
        NUMBER_OR_0,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_MAX_REQUESTS_JITTER", 1, 10_000),
    )
    max_body_mb: int = option(
        1024,
        "largest request body in MiB; 0 for no limit",
        MEGABYTES,
        env=("SAGEMAKER_MAX_PAYLOAD_IN_MB",),
    )
    max_bodies_mb: int | None = option(
        None,
        "memory for the bodies of all requests at one time in MiB, 0 for no limit; else a quarter "
        "of that of the container",
        NUMBER_OR_0,
    )
    max_json_depth: int = option(100, "levels of lists and objects in JSON", NUMBER)
    max_form_parts: int = option(64, "parts of a form", NUMBER)
    max_expanded_mb: int = option(
        256, "largest compressed body once it is expanded, in MiB", NUMBER
    )
    max_expansion: int = option(100, "bytes that one byte of a compressed body may become", NUMBER)
    server_log_level: str = option(
        "info",
        "least severe messages of the HTTP server to log",
        TEXT,
        choices=LOGGING_LEVELS,
        runtime_parameter=RuntimeParameter("DRUM_GUNICORN_LOG_LEVEL", words=SERVER_LEVELS),
    )

    @property
    def queue_timeout_s(self) -> float:
        """Time that a request may wait for its turn, infinite without a limit."""
        if self.queue_timeout_ms is None:
            return self.request_timeout_s / 2 or inf
        return self.queue_timeout_ms / 1000 or inf


@dataclass(frozen=True)
class ServerSettings(ServingSettings, TimedSettings):
    """Settings of `server`; target and labels that only the model knows are not among them.

    Attributes:
        location: The place of the store of models, pipelines and decisions.
        uploads: The models that the store takes.
        platform: What SageMaker asks for.
    """

    verb = SERVER
    location: StoreSettings = group(StoreSettings)
    uploads: UploadSettings = group(UploadSettings)
    platform: SageMakerSettings = group(SageMakerSettings)
    address: Address = option(
        Address(),
        "where to listen; a host alone means port 6789, :PORT means 127.0.0.1, unix:/PATH a unix "
        "socket",
        ADDRESS,
        env=("ADDRESS",),
    )
    tls_cert: Path | None = option(
        None,
        "PEM file of the certificate with which the server speaks TLS, and of those between it and "
        "its root; read again when it changes",
        RENEWED_FILE,
    )
    tls_key: Path | None = option(
        None, "PEM file of its key, without a passphrase; else in the same file", RENEWED_FILE
    )
    models: Path | None = option(
        None,
        "directory whose subdirectories are model directories, served by their names",
        MODELS_DIRECTORY,
    )
    default_model: str | None = option(
        None,
        "model of --store or --models for requests that name none; else the only model",
        MODEL_NAME,
    )
    preload_models: bool = switch("load models at start instead of at their first request")
    max_models: int = option(
        16, "models of --store and --models that a worker keeps in memory", NUMBER
    )
    url_prefix: str = option("", "path prefix of every route", PREFIX, env=("URL_PREFIX",))
    health_route: str = option(
        "",
        "path of one more health check, as Vertex AI names it",
        PREFIX,
        env=("AIP_HEALTH_ROUTE",),
    )
    predict_route: str = option(
        "",
        "path of one more route for predictions, as Vertex AI names it",
        PREFIX,
        env=("AIP_PREDICT_ROUTE",),
    )
    cors_origins: tuple[str, ...] = option(
        (),
        "origins of web pages that may ask for predictions and read them, https://HOST or *",
        ORIGINS,
        env=("AML_CORS_ORIGINS",),
    )
    contracts: tuple[str, ...] = option(
        contracts_without_store,
        "contracts to serve; else all that come with drum-like, projects and wallaroo with a store",
        NAMES,
    )
    invocations_contract: str = option(
        "auto",
        "contract of requests on /invocations without X-Scoring-Contract; auto lets their types "
        "and keys tell",
        CONTRACT,
    )
    no_ui: bool = switch("leave out the page at / and /ui/, and the API page at /docs")
    campaigns: Path | None = option(
        None,
        "JSON file of campaigns and their models; else names of models tell their campaigns",
        FILE,
    )
    decision_log: str = option(
        "auto",
        "log of /invocate: with the best result as accepted, with acceptances of /response only, "
        "or none",
        TEXT,
        choices=DECISION_LOGS,
    )
    log_sync: bool = switch("answer /invocate only after its decision is on the disk")
    redact: tuple[str, ...] = option(
        (), "names whose values are left out of the decision log", NAMES
    )
    otlp_endpoint: str | None = option(
        None,
        "receiver of OpenTelemetry to which spans of requests are sent, by OTLP over HTTP; needs "
        "the extra otel",
        WEB_ADDRESS,
        env=("OTEL_EXPORTER_OTLP_ENDPOINT",),
    )
    with_error_server: bool = switch(
        "answer 513 with the reason if the model does not load, instead of exiting",
        env=("WITH_ERROR_SERVER",),
    )
    hide_errors: bool = switch("leave the texts of custom.py's exceptions out of answers")
    passphrase: str | None = option(
        None, "bearer token that callers have to send; better set by its variable", SECRET
    )
    credentials: Path | None = option(
        None, "YAML file of passphrases, API keys and issuers of tokens", FILE
    )
    require_auth: bool = switch("do not start without credentials")
    passphrase_tries: int = option(
        10,
        "wrong passphrases a minute from one address to a worker; ten times as many of one without "
        "a hash; then 429",
        NUMBER,
    )
    allowed_hosts: tuple[str, ...] = option(
        (),
        "hosts that requests may name in Host beside the address and this machine's own names; "
        "else any, but none on a loopback address without credentials",
        HOSTS,
    )

    @property
    def has_catalog(self) -> bool:
        """Whether a server has models by name, beside the model of --code-dir or instead of it."""
        return self.models is not None or self.needs_store or self.platform.multi_model

    @property
    def needs_store(self) -> bool:
        """Whether a server opens the model store."""
        return self.location.is_named or not STORE_CONTRACTS.isdisjoint(self.contracts)

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
