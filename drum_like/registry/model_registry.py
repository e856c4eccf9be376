"""The store of a server with what belongs to it; what contracts about models are mounted with."""

from dataclasses import dataclass

from drum_like.registry.catalog import Catalog
from drum_like.registry.uploads import Uploads
from drum_like.store.store import Store


@dataclass(frozen=True, slots=True)
class Registry:
    """The store of a server.

    Attributes:
        store: What is kept.
        catalog: What is served.
        uploads: How it comes in.
    """

    store: Store
    catalog: Catalog
    uploads: Uploads
