"""Task of a sandboxed child process, and its result."""

import json
import sys
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

from drum_like import __version__, plugins
from drum_like.config.model_settings import LoadSettings
from drum_like.registry.stored_model import StoredModel
from drum_like.store.entities import Declared

MIB = 1024 * 1024
_CPU_S = 10
"""CPU time of a small file without code: imports take two seconds of it."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Resource limits of a child.

    Attributes:
        memory_mb: Address space, in MiB; large models get more.
        cpu_s: CPU time, in seconds.
        wall_s: Time, in seconds.
        descriptors: Open files.
        file_mb: Largest file that it writes, in MiB.
    """

    memory_mb: int = 4096
    cpu_s: int = 120
    wall_s: int = 180
    descriptors: int = 256
    file_mb: int = 16


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """Result of the attempt to load the model and to predict with it.

    Attributes:
        error: Why the model cannot be served, safe to show; None if it can.
        lines: Further lines for the log of the version.
    """

    error: str | None
    lines: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether the model can be served."""
        return self.error is None


def limits_of(size: int, *, runs_code: bool = True) -> SandboxLimits:
    """Return the limits for a model file of that size, in bytes.

    A file without code gets the time that its framework needs for it, and little more: damaged ones
    may keep a framework busy for ever.
    """
    usual = SandboxLimits()
    cpu_s = usual.cpu_s if runs_code else min(_CPU_S + size // MIB, usual.cpu_s)
    return SandboxLimits(memory_mb=usual.memory_mb + 6 * size // MIB, cpu_s=cpu_s)


def task_json(
    stored: StoredModel,
    limits: SandboxLimits,
    *,
    no_pickle: bool,
    skops_types: tuple[str, ...] | None = None,
) -> bytes:
    """Return the task of a child as JSON."""
    content = {
        "limits": asdict(limits),
        "directory": str(stored.directory),
        "runs_code": stored.runs_code,
        "declared": asdict(stored.declared),
        "load": {"no_pickle": no_pickle, "skops_types": skops_types},
    }
    return json.dumps(content).encode()


def load_settings_of(content: dict[str, Any]) -> LoadSettings:
    """Return the way in which a child loads the model of its task."""
    load = content["load"]
    types = load["skops_types"]
    return LoadSettings(
        no_pickle=load["no_pickle"], skops_types=None if types is None else tuple(types)
    )


def stored_of(content: dict[str, Any]) -> StoredModel:
    """Return the model of a child's task."""
    declared = content["declared"]
    return StoredModel(
        Path(content["directory"]),
        content["runs_code"],
        Declared(**declared | {"labels": tuple(declared["labels"])}),
    )


def fingerprint(
    digest: str,
    kind: str,
    declared: Declared,
    *,
    no_pickle: bool,
    skops_types: tuple[str, ...] | None = None,
) -> str:
    """Return the digest of everything that a result depends on.

    Args:
        digest: SHA-256 of the file.
        kind: Its format.
        declared: The uploader's declaration of the target.
        no_pickle: Whether pickles are refused.
        skops_types: Types that a file of skops may bring along; None for those of its directory.
    """
    loaded = [asdict(declared), no_pickle, skops_types]
    content = [digest, kind, *loaded, sys.version, __version__, _frameworks()]
    return sha256(json.dumps(content).encode()).hexdigest()


@cache
def _frameworks() -> list[str]:
    """Return the installed versions of the frameworks that models are made with."""
    distributions = packages_distributions()
    names = {name for key in plugins.registered(plugins.PREDICTORS) for name in _of(key)}
    owners = {owner for name in names for owner in distributions.get(name, ())}
    return sorted(f"{owner} {version(owner)}" for owner in owners)


def _of(package: str) -> tuple[str, ...]:
    return (package, "numpy", "pandas")
