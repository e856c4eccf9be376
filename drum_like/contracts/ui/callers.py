"""The reader of the page, by the credential that was shown."""

from flask import g, request
from werkzeug.exceptions import Forbidden

from drum_like.http.auth import ANYONE, STRANGER, Principal
from drum_like.http.auth.web_pages import is_forwarded


def reader() -> Principal:
    """Return who reads the page.

    Without credentials that is somebody on this machine, but not where a proxy sends the request:
    it may come from anywhere, as the guard has it for changes.
    """
    found: Principal = g.principal
    return STRANGER if found is ANYONE and is_forwarded(request.environ) else found


def refuse_strangers() -> None:
    """Refuse data about people to readers of whom nothing is known.

    Raises:
        Forbidden: the server has no credentials, and the reader is on another machine.
    """
    if reader() is STRANGER:
        raise Forbidden(
            "decisions are shown to callers with a credential; start with --credentials"
        )
