"""The JSON object of a request, read once for all claims on its route.

Raw bodies (CSV, Matrix Market, Arrow, multipart) hold none. The keys of a JSON body tell its
contract; the Content-Type only tells raw from JSON.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Request, g

from drum_like.codecs.json.values import loads
from drum_like.errors import PayloadError
from drum_like.http import wire

Tree = Mapping[str, Any]
"""A JSON object."""

_SNIFFED = frozenset(
    {"", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"}
)
"""Media types of bodies that are JSON if they begin so; curl sends the last one by itself."""


def holds(fits: Callable[[Tree], bool], *, any_type: bool = False) -> Callable[[Request], bool]:
    """Return whether a request's body is a JSON object that fits; for `Claim.fits`.

    Args:
        fits: Looks at the keys.
        any_type: Whether the body counts as JSON with any Content-Type.
    """

    def claims(request: Request) -> bool:
        tree = json_object(request, any_type=any_type)
        return tree is not None and fits(tree)

    return claims


def json_object(request: Request, *, any_type: bool = False) -> Tree | None:
    """Return the JSON object that a request holds; None if its body is something else.

    Args:
        request: The request.
        any_type: Whether its body counts as JSON with any Content-Type.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    if "json_object" not in g:
        readable = any_type or request.is_json or request.mimetype in _SNIFFED
        g.json_object = _read(request) if readable else None
    found: Tree | None = g.json_object
    return found


def is_broken(request: Request) -> bool:
    """Return whether a body that says it is JSON is none.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    if not request.is_json or json_object(request) is not None:
        return False
    try:
        loads(whole_body(request))
    except PayloadError:
        return True
    return False


def whole_body(request: Request) -> bytes:
    """Return the bytes of a request, which others may read after this.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    whole: bytes | None = request.environ.get(wire.WHOLE)
    return request.get_data() if whole is None else whole


def _read(request: Request) -> Tree | None:
    body = whole_body(request)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return None
    try:
        tree: Tree = loads(body)
    except PayloadError:
        return None
    return tree
