"""The way into every verb: settings, runtime parameters and metadata in their order."""

from collections.abc import MutableMapping, Sequence

from drum_like.config.settings import Settings
from drum_like.model.configuration import configured
from drum_like.model.runtime_parameters import exports


def load_settings(argv: Sequence[str], environ: MutableMapping[str, str]) -> Settings:
    """Return the settings of a process, completed from the metadata of its model directory.

    Runtime parameters of --runtime-params-file are put into the environment, where custom.py and
    the server's own settings look for them.

    Raises:
        UsageError: the command line cannot be understood.
        SettingsError: a variable, the metadata or a runtime parameter is wrong.
    """
    settings = Settings.load(argv, environ)
    if settings.runtime_params_file is not None:
        environ.update(exports(settings.code_dir, settings.runtime_params_file))
        settings = Settings.load(argv, environ)
    if settings.with_error_server or not settings.has_code_dir:
        return settings  # an error in the metadata is answered over HTTP
    return configured(settings)
