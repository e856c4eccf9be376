"""What DRUM's runtime parameters ask of a server that this one does in its own way."""

from collections.abc import Mapping

from drum_like.config.environment import RUNTIME_PARAMETER, has_parameter, parameter

_TYPE = "DRUM_SERVER_TYPE"
_CLASS = "DRUM_GUNICORN_WORKER_CLASS"
_KNOBS = ("DRUM_WORKER_CONNECTIONS", "DRUM_GUNICORN_FIRST_BYTE_TIMEOUT")
_OURS = "this server answers with processes and threads of its own"


def server_notes(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a line for every parameter or variable that is accepted without effect.

    Raises:
        RuntimeParameterError: a parameter is not what DRUM writes.
    """
    notes: list[str] = []
    kind = _word(_TYPE, environ)
    if kind == "werkzeug":
        notes.append(f"{RUNTIME_PARAMETER}{_TYPE}=werkzeug has no effect: {_OURS}")
    elif kind not in ("", "gunicorn"):
        notes.append(
            f"Server type '{kind}' is not supported. Supported types: ['gunicorn', 'werkzeug']. "
            "Falling back to gunicorn."
        )
    worker_class = _word(_CLASS, environ)
    if worker_class not in ("", "sync"):
        notes.append(f"{RUNTIME_PARAMETER}{_CLASS}={worker_class} has no effect: {_OURS}")
    notes += [
        f"{RUNTIME_PARAMETER}{name} has no effect: {_OURS}"
        for name in _KNOBS
        if has_parameter(name, environ)
    ]
    if "MONGO_CONNECT" in environ:
        notes.append("MONGO_CONNECT has no effect: the store is SQL only")
    return tuple(notes)


def _word(name: str, environ: Mapping[str, str]) -> str:
    if not has_parameter(name, environ):
        return ""
    return str(parameter(name, environ) or "").strip().lower()
