"""The application for other WSGI servers: `gunicorn drum_like.wsgi:app`.

All settings come from the environment; CODE_DIR names the model directory. Load it in the worker,
not before a fork (gunicorn without --preload): thread pools of frameworks do not survive one.
"""

import atexit
import logging
import os

from drum_like.cli.main import load_server_settings
from drum_like.http.app import create_app

logger = logging.getLogger(__name__)

_settings = load_server_settings(os.environ)
_application = create_app(_settings)
app = _application.flask

for _note in (*_settings.notes, *_application.lines):
    logger.warning("%s", _note)
for _background in _application.background:
    _background.start()
for _background in _application.background:
    atexit.register(_background.stop)
