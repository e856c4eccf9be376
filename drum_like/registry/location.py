"""Where the store of a command or a server is."""

from platformdirs import user_state_path

from drum_like.config.settings import Settings
from drum_like.errors import SettingsError
from drum_like.store.location import Place


def place_of(settings: Settings) -> Place:
    """Return where the store is: --store, else a directory of this user.

    Raises:
        SettingsError: no store is named, and this user has no home directory.
    """
    if settings.store is not None:
        return Place(settings.store, settings.database_url)
    try:
        usual = user_state_path("drum-like", appauthor=False) / "store"
    except RuntimeError as error:
        raise SettingsError(
            "the store has no directory: this user has no home; name one with --store"
        ) from error
    return Place(usual, settings.database_url)
