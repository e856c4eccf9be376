"""Users and their tokens: a name is a user, and there is no list of names.

There is no sign-up. The server's credentials decide who is let in; without credentials everybody
is. So every name asked for is a user, and the list holds the caller.
"""

import base64
import json
import platform
import time
from typing import Any

from flask import Response, request

from drum_like.contracts.wallaroo.management import absent
from drum_like.contracts.wallaroo.management.context import caller, read_fields
from drum_like.errors import PayloadError
from drum_like.http.wire import json_response

_ARCHITECTURES = {"aarch64": "arm", "arm64": "arm", "ppc64le": "power10"}
_LIFE_S = 3600


def default_architecture() -> Response:
    """Answer with the architecture of this machine."""
    return json_response({"default_arch": _ARCHITECTURES.get(platform.machine().lower(), "x86")})


def token() -> Response:
    """Answer with a token for the user that the caller names; it is not signed and grants nothing.

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
        "iat": int(time.time()),
        "exp": int(time.time()) + _LIFE_S,
    }
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}.{_part({})}"


def claimed(text: str) -> str | None:
    """Return the user that a token names, None without one."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))
        return str(claims["email"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return None


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


_ANONYMOUS = "anonymous"
_STARTED_MS = int(time.time() * 1000)

Json = dict[str, Any]


def query() -> Response:
    """List the caller, or those whose ids are given."""
    ids = read_fields(request).optional_texts("user_ids") or (_own(),)
    return json_response({"users": {id_: _user(id_) for id_ in ids}})


def invite() -> Response:
    """Answer with the user named; invitations are not needed."""
    return json_response(_user(_checked(read_fields(request).text("email"))))


def find() -> Response:
    """List the user with an e-mail address, or the caller."""
    name = request.args.get("email") or request.args.get("username") or _own()
    return json_response([_user(_checked(name))])


def get(user: str) -> Response:
    """Show a user."""
    return json_response(_user(_checked(user)))


def change(user: str) -> Response:
    """Take a user as enabled, which everybody is; anything else is refused."""
    _checked(user)
    if not read_fields(request).flag("enabled"):
        return absent.refusal(absent.USERS)
    return Response(status=204)


def _own() -> str:
    """Return the caller's name: of the credential, else as the token claims."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return caller() or claimed(token) or _ANONYMOUS


def _user(name: str) -> Json:
    return {
        "id": name,
        "email": name,
        "username": name,
        "enabled": True,
        "createdTimestamp": _STARTED_MS,
    }


def _checked(name: str) -> str:
    if not 0 < len(name) <= 255 or not name.isprintable():
        raise PayloadError("a user is named by 1 to 255 printable characters")
    return name
