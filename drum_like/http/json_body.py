"""The JSON object of a request, read once for all claims on its route.

Raw bodies (CSV, Matrix Market, Arrow, multipart) hold none. The keys of a JSON body tell its
contract; the Content-Type only tells raw from JSON.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import Request

from drum_like.codecs.json.document import Document, check_size, loads_exactly, utf8
from drum_like.codecs.json.text import (
    BEFORE,
    NESTED,
    count_openings,
    is_deeper,
    loads,
    refuse_half_characters,
    refuse_repeated_keys,
)
from drum_like.errors import BodyError, CharsetError, PayloadError
from drum_like.http.requests import whole_body
from drum_like.types.payload import Limits

Tree = Mapping[str, Any]
"""A JSON object."""

SNIFFED = frozenset(
    {"", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"}
)
"""Media types of bodies that are JSON if they begin so; curl sends the last one by itself."""

_DOCUMENT, _EVENT, _TEXT = "drum_like.json", "drum_like.json_event", "drum_like.json_text"
"""WSGI variables: all claims read a body once, and a context variable costs a microsecond a use."""

JSON_LENGTH = "HTTP_INFERENCE_HEADER_CONTENT_LENGTH"
"""WSGI variable of the header that says how much of a body is JSON: binary tensors follow."""


def json_part(environ: Mapping[str, Any], body: bytes) -> bytes:
    """Return the JSON of a body: all of it, or the part before binary tensors.

    Args:
        environ: The WSGI variables of the request; a length that is none, or too large, is left
            for the contract to refuse.
        body: The whole body.
    """
    length = environ.get(JSON_LENGTH, "")
    return body[: int(length)] if _LENGTH.fullmatch(length) else body


_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
BEFORE_WIDE = BEFORE + b"\0\xff\xfe"
"""The same for JSON in UTF-16 or UTF-32, whose letters are wider."""


def holds(fits: Callable[[Tree], bool], *, any_type: bool = False) -> Callable[[Request], bool]:
    """Return the test whether the body of a request is a JSON object that fits; for `Claim.fits`.

    Args:
        fits: Looks at the keys.
        any_type: Whether the body counts as JSON with any Content-Type.
    """

    def claims(request: Request) -> bool:
        document = json_document(request, any_type=any_type)
        tree = None if document is None else document.tree
        return isinstance(tree, dict) and fits(tree)

    return claims


def json_object(request: Request, *, any_type: bool = False) -> Tree | None:
    """Return the JSON object that a request holds; None if its body is something else.

    Args:
        request: The request.
        any_type: Whether its body counts as JSON with any Content-Type.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    document = json_document(request, any_type=any_type)
    return document.tree if document is not None and isinstance(document.tree, dict) else None


def json_document(request: Request, *, any_type: bool = False) -> Document | None:
    """Return the JSON object or list that a request holds; None if its body is something else.

    Its text may hold half characters, its objects may name keys twice: what it holds tells the
    contract, and the contract refuses it.

    Args:
        request: The request.
        any_type: Whether its body counts as JSON with any Content-Type.

    Raises:
        BodyError: the body does not arrive as its headers say.
    """
    environ = request.environ
    if _DOCUMENT not in environ:
        readable = any_type or request.is_json or request.mimetype in SNIFFED
        environ[_DOCUMENT] = _read(request) if readable else None
    found: Document | None = environ[_DOCUMENT]
    return found


def open_event(request: Request) -> None:
    """Take the data of a CloudEvent that is one JSON object for the JSON of its request.

    Other requests stay as they are. Source: CloudEvents 1.0, structured mode.
    """
    document = json_document(request)
    if document is None or is_opened(request) or not isinstance(document.tree, dict):
        return
    if document.tree.keys() >= _EVENT_KEYS:
        request.environ.update({_EVENT: document, _DOCUMENT: document.at("data")})


def is_opened(request: Request) -> bool:
    """Return whether the JSON of the request is the data of an event already."""
    return _EVENT in request.environ


_EVENT_KEYS = frozenset({"specversion", "data"})


def _read(request: Request) -> Document | None:
    if whole_body(request).lstrip(BEFORE)[:1] not in NESTED and not _charset(request):
        return None
    try:
        text = json_part(request.environ, json_text(request))
        return Document(loads(text, half_characters=True), partial(loads_exactly, text))
    except (CharsetError, PayloadError):
        return None


def checked_document(request: Request) -> Document:
    """Return the JSON that a request holds, if all of it has a meaning.

    Raises:
        PayloadError: it is no JSON object or list, an object names a key twice, text holds half of
            a surrogate pair, or tensors follow it.
        CharsetError: its charset is none that is read.
        BodyError: the body does not arrive as its headers say.
    """
    text, document = json_text(request), json_document(request, any_type=True)
    if document is None or len(json_part(request.environ, text)) < len(text):
        raise PayloadError("the body is no JSON object or list in UTF-8")
    whole: Document = request.environ.get(_EVENT, document)
    refuse_repeated_keys(text, whole.tree)
    refuse_half_characters(text, whole.tree)
    return document


def json_text(request: Request) -> bytes:
    """Return the body of a request in UTF-8, whatever charset its Content-Type names.

    Raises:
        CharsetError: a charset that is not read.
        PayloadError: the body is not in that charset.
        BodyError: the body does not arrive as its headers say.
    """
    environ = request.environ
    if _TEXT not in environ:
        charset, body = _charset(request), whole_body(request)
        environ[_TEXT] = body if charset is None else utf8(body, charset)
    text: bytes = environ[_TEXT]
    return text


def _charset(request: Request) -> str | None:
    """Return the charset of the Content-Type; parsing one without any would cost 10 us."""
    named = "charset" in request.environ.get("CONTENT_TYPE", "").lower()
    return request.mimetype_params.get("charset") if named else None


def _narrow(body: bytes) -> bytes:
    """Return JSON in UTF-8: two letters of UTF-16 may hold the bytes of a quote or a bracket."""
    encoding = json.detect_encoding(body)
    if encoding.startswith("utf-8"):
        return body
    return body.decode(encoding, "replace").encode(errors="replace")


def check_depth(body: bytes, most: int, limits: Limits | None = None) -> None:
    """Refuse JSON that is nested too deep, or has more rows than may be, before it is parsed.

    Args:
        body: The JSON.
        most: Levels of lists and objects.
        limits: On the rows; None where they are few in any case.

    Raises:
        BodyError: it is too deep.
        SizeError: it has too many lists and objects.
    """
    n_nested = count_openings(body)
    if limits is not None and n_nested > limits.rows:
        check_size(_narrow(body), limits)
    if n_nested > most and is_deeper(_narrow(body), most):
        raise BodyError(
            f"the JSON is nested more than {most} levels deep; send flat lists and objects, or "
            "start the server with a higher --max-json-depth"
        )
