"""`drum-like models alias`: a name for a version, which can be moved to another."""

from collections.abc import MutableMapping

from drum_like.cli.models import models_of, only_model
from drum_like.cli.tables import print_json, print_text
from drum_like.config.settings import Settings
from drum_like.store.names import reference


def run(settings: Settings, _environ: MutableMapping[str, str]) -> int:
    """Give a version an alias, the newest one if none is named; or take it away. Return 0.

    Raises:
        NotFoundError: there is no such model, version or alias.
    """
    name, wanted = (only_model(settings), None) if settings.remove else reference(settings.name)
    with models_of(settings) as models:
        version = None if settings.remove else models.model(name).version(wanted)
        models.set_alias(name, settings.alias, version)
    number = None if version is None else version.number
    if settings.json:
        print_json({"name": name, "alias": settings.alias, "version": number})
    elif number is None:
        print_text(f"{name}@{settings.alias} is gone")
    else:
        print_text(f"{name}@{settings.alias} is {name}@{number}")
    return 0
