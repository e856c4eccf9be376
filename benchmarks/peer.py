"""Facts about a server that the benchmark needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Chances = NDArray[np.float64]
"""(n_rows,), the chance of class 1."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint to which rows are sent, and their form.

    Attributes:
        path: Of the URL.
        media_type: Content-Type of the body.
        encode: Makes the body of a request from a model's name and a number of rows.
        decode: Reads the chances of class 1 out of an answer.
        headers: Gives the further headers of a body.
    """

    path: str
    media_type: str
    encode: Callable[[str, int], bytes]
    decode: Callable[[bytes], Chances]
    headers: Callable[[bytes], Mapping[str, str]] = lambda _: {}


@dataclass(frozen=True, slots=True)
class Site:
    """The site at which a server is to run.

    Attributes:
        python: Interpreter of the peer's environment.
        folder: A directory of its own, empty at first.
        model: Directory of the model; `model.ubj` and others are in it.
        port: To listen on, at 127.0.0.1; the next two ports are free as well.
        workers: Worker processes.
        threads: Threads of a worker, 0 for what the server does by itself.
    """

    python: Path
    folder: Path
    model: Path
    port: int
    workers: int
    threads: int

    def program(self, name: str) -> str:
        """Return a program of the peer's environment."""
        return str(self.python.with_name(name))


@dataclass(frozen=True, slots=True)
class Start:
    """The command that starts a server, in its site's folder.

    Attributes:
        command: Program and arguments.
        environ: Variables beside those of a clean environment.
    """

    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server.

    Attributes:
        name: For tables.
        packages: What pip installs; empty for this program's own environment.
        models: Names of the models that it is measured with.
        endpoints: By the form of the body.
        ready: Path that is answered with 200 as soon as the model is loaded.
        start: Writes what the server needs into the site's folder, and says how to start it.
        may_swap_labels: Whether it is known to call the chance of class 1 that of class 0 where
            the model does not name its classes; see docs/differences-from-drum.md.
    """

    name: str
    packages: tuple[str, ...]
    models: frozenset[str]
    endpoints: Mapping[str, Endpoint]
    ready: str
    start: Callable[[Site], Start]
    may_swap_labels: bool = False
