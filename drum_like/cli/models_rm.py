"""`drum-like models rm`: remove a version, or a model with all its versions."""

from collections.abc import MutableMapping

from drum_like.cli.models import models_of, only_model
from drum_like.cli.tables import print_json, print_text
from drum_like.config.settings import Settings
from drum_like.errors import SettingsError
from drum_like.store.names import reference


def run(settings: Settings, _environ: MutableMapping[str, str]) -> int:
    """Remove what is named; return 0.

    Raises:
        SettingsError: a whole model is named without --all-versions.
        NotFoundError: there is no such model or version.
        ConflictError: a version is deployed.
    """
    name, wanted = reference(settings.name)
    if wanted is None and not settings.all_versions:
        raise SettingsError(
            f"name a version, as {name}@1, or remove the model with all of them: --all-versions"
        )
    if settings.all_versions:
        name = only_model(settings)
    with models_of(settings) as models:
        if settings.all_versions:
            n_bytes, what = models.remove_model(name), name
        else:
            version = models.model(name).version(wanted)
            n_bytes, what = models.remove_version(version), f"{name}@{version.number}"
    if settings.json:
        print_json({"removed": what, "bytes": n_bytes})
    else:
        print_text(f"{what} is removed, {n_bytes} bytes are free")
    return 0
