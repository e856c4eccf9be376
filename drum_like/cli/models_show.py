"""`drum-like models show`: the versions and the aliases of a model."""

from collections.abc import MutableMapping
from dataclasses import replace

from drum_like.cli.models import models_of
from drum_like.cli.tables import as_json, print_json, print_text, versions_table
from drum_like.config.settings import Settings
from drum_like.store.names import reference


def run(settings: Settings, _environ: MutableMapping[str, str]) -> int:
    """Print a model, or one version of it; return 0.

    Raises:
        NotFoundError: there is no such model or version.
    """
    wanted = reference(settings.name)
    with models_of(settings) as models:
        model = models.model(wanted.key)
    if wanted.version is not None:
        model = replace(model, versions=(model.version(wanted.version),))
    if settings.json:
        print_json(as_json(model))
    else:
        print_text(versions_table(model))
    return 0
