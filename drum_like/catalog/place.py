"""Where the store of a command or a server is."""

from platformdirs import user_state_path

from drum_like.settings import Settings
from drum_like.store.place import Place


def place_of(settings: Settings) -> Place:
    """Return where the store is: --store, else a directory of this user."""
    usual = user_state_path("drum-like", appauthor=False) / "store"
    return Place(settings.store or usual, settings.database_url)
