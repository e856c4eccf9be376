"""Flags of DRUM that have no effect here: its cloud, its containers, its other back ends.

Scripts may pass them: they are accepted, and one line names the lost effect. Wrong combinations of
them are refused in DRUM's words.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from drum_like.config.environment import boolean
from drum_like.config.verbs import (
    EVERY,
    MODEL,
    NEW_MODEL,
    PERF_TEST,
    SCORE,
    SERVER,
    SERVING,
    VALIDATION,
)
from drum_like.errors import SettingsError
from drum_like.types.target import TargetType

_DEPLOYED = (SCORE, SERVER)


@dataclass(frozen=True, slots=True)
class InertFlag:
    """A flag that is accepted and not acted on.

    Attributes:
        name: The flag.
        verbs: The verbs that DRUM has it for.
        effect: The missing effect, as the end of a sentence.
        env: Variables that DRUM takes it from.
        takes_value: Whether a value follows the flag.
        quiet: Whether it is only a companion of another flag and needs no line of its own.
        usual: A value that asks for the usual behaviour.
        words: The values that DRUM takes; empty for any.
        is_file: Whether the value has to be a file that is there.
    """

    name: str
    verbs: tuple[str, ...]
    effect: str
    env: tuple[str, ...] = ()
    takes_value: bool = True
    quiet: bool = False
    usual: str = ""
    words: tuple[str, ...] = ()
    is_file: bool = False


_PYTHON = "python"
_MONITORING = "predictions are not reported to DataRobot"
_API_ACCESS = "the DataRobot API is not made available to the model"
_CONTAINER = "the model runs in this process, not in a container"
_GPU = "no GPU back end is started or called; the model directory is served as it is"
_SECRETS = "user secrets are not read; custom.py can read its own environment"

FLAGS = (
    InertFlag("--monitor", _DEPLOYED, _MONITORING, ("MONITOR",), takes_value=False),
    InertFlag(
        "--monitor-embedded",
        _DEPLOYED,
        _MONITORING,
        ("MLOPS_REPORTING_FROM_UNSTRUCTURED_MODELS",),
        takes_value=False,
    ),
    InertFlag(
        "--deployment-id",
        _DEPLOYED,
        _MONITORING,
        ("DEPLOYMENT_ID", "MLOPS_DEPLOYMENT_ID"),
        quiet=True,
    ),
    InertFlag("--model-id", _DEPLOYED, _MONITORING, ("MODEL_ID", "MLOPS_MODEL_ID"), quiet=True),
    InertFlag("--monitor-settings", _DEPLOYED, _MONITORING, ("MONITOR_SETTINGS",), quiet=True),
    InertFlag(
        "--allow-dr-api-access",
        _DEPLOYED,
        _API_ACCESS,
        ("ALLOW_DR_API_ACCESS_FOR_ALL_CUSTOM_MODELS",),
        takes_value=False,
    ),
    InertFlag("--webserver", _DEPLOYED, _API_ACCESS, ("EXTERNAL_WEB_SERVER_URL",), quiet=True),
    InertFlag("--api-token", _DEPLOYED, _API_ACCESS, ("API_TOKEN",), quiet=True),
    InertFlag("--docker", MODEL, _CONTAINER),
    InertFlag("--skip-deps-install", MODEL, _CONTAINER, takes_value=False, quiet=True),
    InertFlag("--memory", MODEL, "the memory of this process is not limited"),
    InertFlag("--gpu-predictor", _DEPLOYED, _GPU, words=("triton", "nim", "vllm")),
    InertFlag("--sidecar", _DEPLOYED, _GPU, takes_value=False),
    InertFlag("--triton-host", _DEPLOYED, _GPU, ("TRITON_HOST",)),
    InertFlag("--triton-http-port", _DEPLOYED, _GPU, ("TRITON_HTTP_PORT",)),
    InertFlag("--triton-grpc-port", _DEPLOYED, _GPU, ("TRITON_GRPC_PORT",)),
    InertFlag("--user-secrets-mount-path", _DEPLOYED, _SECRETS, ("USER_SECRETS_MOUNT_PATH",)),
    InertFlag("--user-secrets-prefix", _DEPLOYED, _SECRETS, ("USER_SECRETS_PREFIX",)),
    InertFlag(
        "--language",
        EVERY,
        "custom.py is the only code that is run",
        usual=_PYTHON,
        words=(_PYTHON, "r", "java", "other"),
    ),
    InertFlag(
        "--production",
        SERVING,
        "every server is a production server",
        ("PRODUCTION",),
        takes_value=False,
    ),
    InertFlag("--url", (PERF_TEST,), "perf-test measures a server that it starts itself"),
    InertFlag(
        "--lazy-loading-file",
        (SCORE, SERVER, VALIDATION),
        "no files are downloaded; the model directory has to be complete",
        ("LAZY_LOADING_FILE",),
        is_file=True,
    ),
)

EXCLUSIVE = ("--monitor", "--monitor-embedded")
"""Flags that exclude each other, as in DRUM."""

_MONITORING_NEEDS = ("--model-id", "--deployment-id", "--monitor-settings")
_API_ACCESS_NEEDS = ("--webserver", "--api-token")


def given(
    verb: str, flags: Mapping[str, str | bool], environ: Mapping[str, str]
) -> dict[str, str | bool]:
    """Return the flags that were given to a verb, on the command line or by their variables.

    Raises:
        SettingsError: a variable that switches something is not a boolean word.
    """
    found = dict(flags)
    for flag in FLAGS:
        if verb not in flag.verbs or flag.name in found:
            continue
        variable = next((name for name in flag.env if environ.get(name)), None)
        if variable is None:
            continue
        value = environ[variable] if flag.takes_value else _switch(variable, environ[variable])
        if value:
            found[flag.name] = value
    return found


def _switch(variable: str, text: str) -> bool:
    try:
        return boolean(text)
    except ValueError as error:
        raise SettingsError(f"{variable} {error}") from error


def notes(flags: Mapping[str, str | bool]) -> tuple[str, ...]:
    """Return a line for every given flag without its expected effect."""
    return tuple(
        f"{flag.name} is accepted but has no effect: {flag.effect}"
        for flag in FLAGS
        if flag.name in flags and not flag.quiet and flags[flag.name] != (flag.usual or None)
    )


def check_language(verb: str, flags: Mapping[str, str | bool]) -> None:
    """Refuse to begin a model directory in another language than Python.

    Raises:
        SettingsError: `new model` is to write R, Java or something else.
    """
    language = flags.get("--language", _PYTHON)
    if verb == NEW_MODEL and language != _PYTHON:
        raise SettingsError(
            f"--language {language}: only Python is there, R and Java are not; leave the flag out "
            "for a custom.py, or write the directory with DRUM"
        )


def check(flags: Collection[str], max_workers: int | None, target: TargetType | None) -> None:
    """Refuse flags that need, or exclude, something else, in DRUM's words.

    Raises:
        SettingsError: a flag stands alone, or with a target type that it does not go with.
    """
    if "--skip-deps-install" in flags and "--docker" not in flags:
        raise SettingsError(
            "Argument '--skip-deps-install' can only be used together with '--docker'."
        )
    if "--production" in flags and max_workers is None:
        raise SettingsError(
            "Production mode requires a non-zero number of workers [--max-workers > 0]."
        )
    if "--monitor" in flags:
        _check_monitoring(flags, target)
    if "--monitor-embedded" in flags and target not in (None, TargetType.UNSTRUCTURED):
        raise SettingsError(
            "Error: MLOps embedded monitoring is supported for unstructured modes only."
        )
    if "--allow-dr-api-access" in flags:
        _check_api_access(flags)


def _check_monitoring(flags: Collection[str], target: TargetType | None) -> None:
    if target is TargetType.UNSTRUCTURED:
        raise SettingsError("Error: MLOps monitoring can not be used in unstructured mode.")
    missing = [name for name in _MONITORING_NEEDS if name not in flags]
    if missing:
        raise SettingsError(
            "Error: MLOps Monitoring requires all monitoring options to be present.\n"
            "Note: The following MLOps monitoring option(s) is/are missing:\n"
            + "\n".join(f"  {name}" for name in missing)
        )


def _check_api_access(flags: Collection[str]) -> None:
    missing = [name for name in _API_ACCESS_NEEDS if name not in flags]
    if missing:
        raise SettingsError(
            "Error: DataRobot APIs access requires certain option(s) that are missing.\n"
            "Missing options:\n" + "\n".join(f"  {name}" for name in missing)
        )
