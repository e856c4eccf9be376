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
    where = f"Failed to extend Flask app from [{path.relative_to(code_dir)}] :"
    try:
        module = importlib.import_module("custom_flask")
    except BaseException as error:
        raise CustomCodeError(f"{where} {error}", type(error).__name__) from error
    init_app = getattr(module, "init_app", None)
    if not callable(init_app):
        raise CustomCodeError(f"{where} it has no function init_app(app)")
    call_at_load(init_app, path, "", app)
    return True
