"""`drum-like models list`: the models of a store."""

from collections.abc import MutableMapping

from drum_like.cli.models import models_of
from drum_like.cli.tables import as_json, models_table, print_json, print_text
from drum_like.config.settings import Settings


def run(settings: Settings, _environ: MutableMapping[str, str]) -> int:
    """Print the models, the newest first; return 0."""
    with models_of(settings) as models:
        found = models.models()
    if settings.json:
        print_json([as_json(model) for model in found])
    else:
        print_text(models_table(found))
    return 0
