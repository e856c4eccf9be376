"""First requests of clients: the server's architecture, and a token for a password."""

import base64
import json
import platform
from time import time

from flask import Response, request

from drum_like.errors import PayloadError
from drum_like.http.wire import json_response

_ARCHITECTURES = {"aarch64": "arm", "arm64": "arm", "ppc64le": "power10"}
_LIFE_S = 3600


def config() -> Response:
    """Answer with the architecture of this machine."""
    return json_response({"default_arch": _ARCHITECTURES.get(platform.machine().lower(), "x86")})


def token() -> Response:
    """Give a token that says who the caller claims to be; it is not signed, and opens nothing.

    A server without credentials lets everybody in, and one with credentials does not take it.
    """
    form = request.form
    if form.get("grant_type") not in ("password", "refresh_token"):
        raise PayloadError("grant_type must be password or refresh_token")
    user = form.get("username") or claimed(form.get("refresh_token", "")) or "anonymous"
    text = _unsigned(user)
    content = {
        "access_token": text,
        "refresh_token": text,
        "expires_in": _LIFE_S,
        "refresh_expires_in": _LIFE_S,
        "token_type": "Bearer",
    }
    return json_response(content)


def _unsigned(user: str) -> str:
    """Return a JSON web token without a signature."""
    claims = {
        "sub": user,
        "email": user,
        "preferred_username": user,
        "iat": int(time()),
        "exp": int(time()) + _LIFE_S,
    }
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}.{_part({})}"


def claimed(text: str) -> str | None:
    """Return the user whom a token claims, None without a claim."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))
        return str(claims["email"])
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
