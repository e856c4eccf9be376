"""drum-like's application in other kinds of workers: gunicorn's threads, and granian.

Both serve `drum_like.wsgi:app` with our interpreter and our number of threads, and keep to their
defaults otherwise: unlike our workers they write no line for each request, which would cost more.
"""

import sys
from functools import partial

from benchmarks.peer import Peer, Site, Start
from benchmarks.peers import drum_like

THREADS = 8
"""Threads of a worker: what drum-like takes by itself."""

_APPLICATION = "drum_like.wsgi:app"


def start_gthread(site: Site) -> Start:
    """Run the application in gunicorn's own workers with threads."""
    command = [
        *(sys.executable, "-m", "gunicorn", "--worker-class", "gthread"),
        *("--bind", f"127.0.0.1:{site.port}", "--workers", str(site.workers)),
        *("--threads", str(site.threads or THREADS), "--keep-alive", "75", _APPLICATION),
    ]
    return Start(command, _environ(site))


def start_granian(site: Site) -> Start:
    """Run the application in granian, which is imported from an environment of its own."""
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", "127.0.0.1", "--port", str(site.port), "--workers", str(site.workers)),
        *("--blocking-threads", str(site.threads or THREADS), _APPLICATION),
    ]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = site.python.parents[1] / "lib" / version / "site-packages"
    return Start(command, {**_environ(site), "PYTHONPATH": str(packages)})


def _environ(site: Site) -> dict[str, str]:
    """Return the settings of the application, which it takes from the environment."""
    return {
        "CODE_DIR": str(site.model),
        "TARGET_TYPE": "binary",
        "POSITIVE_CLASS_LABEL": "1",
        "NEGATIVE_CLASS_LABEL": "0",
    }


_peer = partial(
    Peer,
    models=frozenset({"xgboost"}),
    endpoints=drum_like.PEER.endpoints,
    ready=drum_like.PEER.ready,
)

GTHREAD = _peer("gthread", (), start=start_gthread)
GRANIAN = _peer("granian", ("granian",), start=start_granian)
