"""Addresses, model directories and settings that hosting platforms give to their containers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from drum_like.config.options import option, switch
from drum_like.config.value_types import DIRECTORY, TEXT, Address, integer, port_number
from drum_like.errors import SettingsError

ANY_HOST = "0.0.0.0"  # noqa: S104 - platforms probe their containers from outside

_SAGEMAKER_PORT = "8080"
_SAGEMAKER_BASE = "/opt/ml"
_MOUNTED_MODELS = (Path("/mnt/models"), Path("/opt/model"))
"""Where KServe mounts a model, and where our own image has one."""

_SAGEMAKER_SIGNS = (
    "SAGEMAKER_BIND_TO_PORT",
    "SAGEMAKER_MODEL_SERVER_WORKERS",
    "SAGEMAKER_MODEL_SERVER_TIMEOUT",
    "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
    "SAGEMAKER_MULTI_MODEL",
    "SAGEMAKER_BATCH",
)

CSV_BINARY = ("all", "positive")


@dataclass(frozen=True)
class SageMakerSettings:
    """Settings that SageMaker's variables set, too."""

    sagemaker: bool = switch(
        "take every request for one of Amazon SageMaker: CSV has no header row; the word `serve` "
        "and SageMaker's variables switch it on"
    )
    multi_model: bool = switch(
        "serve the models that POST /models loads, and let DELETE unload them",
        env=("SAGEMAKER_MULTI_MODEL",),
    )
    multi_model_dir: Path = option(
        Path("/opt/ml/models"), "directory below which POST /models finds them", DIRECTORY
    )
    default_accept: str = option(
        "application/json",
        "media type of answers to SageMaker's requests that accept any",
        TEXT,
        env=("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",),
    )
    csv_binary: str = option(
        "all",
        "probabilities of a binary model in CSV answers to SageMaker's requests",
        TEXT,
        env=("SAGEMAKER_CSV_BINARY",),
        choices=CSV_BINARY,
    )


def in_sagemaker(environ: Mapping[str, str]) -> bool:
    """Return whether the variables of SageMaker's serving containers are there."""
    return any(environ.get(name) for name in _SAGEMAKER_SIGNS)


def hosted_address(environ: Mapping[str, str], *, sagemaker: bool) -> Address | None:
    """Return the address at which Vertex AI or SageMaker expect the server, None elsewhere.

    Source: Vertex AI "Custom container requirements" (AIP_HTTP_PORT), Amazon SageMaker "Use your
    own inference code" (port 8080, SAGEMAKER_BIND_TO_PORT).
    """
    address = _address_of("AIP_HTTP_PORT", environ)
    if address is None and sagemaker:
        fallback = {"SAGEMAKER_BIND_TO_PORT": _SAGEMAKER_PORT}
        address = _address_of("SAGEMAKER_BIND_TO_PORT", {**fallback, **environ})
    return address


def general_address(environ: Mapping[str, str]) -> Address | None:
    """Return the address of SERVER_PORT or PORT (Azure ML; Cloud Run, Heroku), None without."""
    return _address_of("SERVER_PORT", environ) or _address_of("PORT", environ)


def model_directory(environ: Mapping[str, str], *, sagemaker: bool) -> Path | None:
    """Return the directory of the model of SageMaker, KServe or our image, None without one.

    Source: sagemaker-training and sagemaker-inference (SM_MODEL_DIR, SAGEMAKER_BASE_DIR).
    """
    if sagemaker:
        return Path(environ.get("SM_MODEL_DIR", _base(environ) / "model"))
    return next((path for path in _MOUNTED_MODELS if path.is_dir()), None)


def stored_model(uri: str) -> Path:
    """Return the directory of a model that Vertex AI names in AIP_STORAGE_URI.

    Args:
        uri: A path, or `file://` and a path.

    Raises:
        SettingsError: it is in a bucket, or anywhere else that is not read.
    """
    scheme, separator, _ = uri.partition("://")
    if not separator:
        return Path(uri)
    if scheme.lower() == "file":
        return Path(unquote(urlsplit(uri).path))
    raise SettingsError(
        f"AIP_STORAGE_URI names a model in {scheme[:16]}://, which this server does not read; copy "
        "the model into the image, or mount it, and name its directory in --code-dir"
    )


def unreachable(environ: Mapping[str, str], prefix: str, *, sagemaker: bool) -> tuple[str, ...]:
    """Return a line if a platform calls paths that a prefix moves, none otherwise."""
    if not prefix or not (sagemaker or environ.get("AIP_HTTP_PORT")):
        return ()
    name = "SageMaker" if sagemaker else "Vertex AI"
    return (f"{name} calls its routes without the prefix {prefix}, and will not find them",)


def models_directory(environ: Mapping[str, str]) -> Path:
    """Return the directory below which SageMaker puts the models of a multi-model endpoint."""
    return _base(environ) / "models"


def _base(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("SAGEMAKER_BASE_DIR", _SAGEMAKER_BASE))


_AZURE_LIMITS = (
    ("max_workers", "WORKER_COUNT", 1),
    ("request_timeout_s", "WORKER_TIMEOUT", 1),
    ("request_timeout_s", "SCORING_TIMEOUT_MS", 1000),
)
"""Settings by the variables of Azure ML's server, whose values are so many parts of one."""


def azure_limits(environ: Mapping[str, str]) -> dict[str, int]:
    """Return the workers and the time limit that Azure ML names; none where it mounts no model.

    Source: azureml-inference-server-http 1.5.1, its settings.

    Raises:
        SettingsError: one is no whole number of 1 or more.
    """
    if not environ.get("AZUREML_MODEL_DIR"):
        return {}
    return {
        setting: -(-_count(variable, environ) // parts)
        for setting, variable, parts in _AZURE_LIMITS
        if environ.get(variable)
    }


def _count(variable: str, environ: Mapping[str, str]) -> int:
    try:
        return integer(1)(environ[variable])
    except ValueError as error:
        raise SettingsError(f"{variable} {error}") from error


def _address_of(variable: str, environ: Mapping[str, str]) -> Address | None:
    text = environ.get(variable)
    if not text:
        return None
    try:
        return Address(ANY_HOST, port_number(text))
    except ValueError as error:
        raise SettingsError(f"{variable} must be a port between 0 and 65535") from error
