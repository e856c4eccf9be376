"""A model in memory, with what is known of it."""

from dataclasses import dataclass

from drum_like.inference.service import Service
from drum_like.store.entities import Config, Version


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory; whoever holds it may go on using it after it was replaced.

    Attributes:
        service: The model.
        version: Of the store; None for a directory given at start.
        config: The configuration in force; None for a directory given at start.
    """

    service: Service
    version: Version | None = None
    config: Config | None = None
