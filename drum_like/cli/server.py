"""`drum-like server`: serve a model directory over HTTP."""

from collections.abc import MutableMapping

from drum_like.config.settings import Settings
from drum_like.server import serve


def run(settings: Settings, environ: MutableMapping[str, str]) -> int:
    """Serve until a signal says to stop; return the exit code."""
    if settings.verbose:
        print("Detected server mode", flush=True)  # noqa: T201 - DRUM's line
    return serve(settings, environ)
