"""From the settings of a command to the models that it is about."""

from collections.abc import Iterator
from contextlib import contextmanager

from drum_like.cli.local_store import LocalStore
from drum_like.cli.model_store import ModelStore
from drum_like.cli.remote_store import RemoteStore
from drum_like.config.settings import Settings
from drum_like.errors import SettingsError
from drum_like.registry.location import place_of
from drum_like.store.names import reference
from drum_like.store.store import open_store


@contextmanager
def models_of(settings: Settings, *, make: bool = False) -> Iterator[ModelStore]:
    """Give the models of the server, or of the store on this machine, that a command is about.

    Args:
        settings: Of the command.
        make: Whether a store is made where there is none.

    Raises:
        SettingsError: there is no store.
    """
    if settings.url is not None:
        yield RemoteStore(settings.url, settings)
        return
    place = place_of(settings)
    if not make and not place.is_there:
        raise SettingsError(
            f"there is no model store at {place.root}; name it with --store, or push a model"
        )
    store = open_store(place)
    try:
        yield LocalStore(store, settings)
    finally:
        store.close()


def only_model(settings: Settings) -> str:
    """Return the model that a command names.

    Raises:
        SettingsError: it names a version.
    """
    wanted = reference(settings.name)
    if wanted.version is not None:
        raise SettingsError(f"a model is needed, not one version of it: {wanted.key}")
    return wanted.key
