"""A model directory's own extension of the HTTP server: custom_flask.py.

Source of rules and texts: DRUM 1.18.1, observed.
"""

import importlib
import sys
from pathlib import Path

from flask import Flask

from drum_like.errors import CustomCodeError
from drum_like.model.directory import ModelDirectory
from drum_like.model.hooks import call_at_load


def extend(app: Flask, code_dir: Path) -> bool:
    """Call `init_app(app)` of the directory's custom_flask.py; return whether there is one.

    Raises:
        CustomCodeError: several such files, one that does not import, or init_app raised.
    """
    path = ModelDirectory(code_dir).custom_flask
    if path is None:
        return False
    sys.path.insert(0, str(path.parent))
    try:
        module = importlib.import_module("custom_flask")
    except ImportError as error:
        where = path.relative_to(code_dir)
        raise CustomCodeError(f"Failed to extend Flask app from [{where}] : {error}") from error
    call_at_load(module.init_app, path, app)
    return True
