"""Between Flask and the core: requests to payloads, results to responses."""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from flask import Request, Response, current_app, request
from werkzeug.datastructures import FileStorage
from werkzeug.http import parse_options_header

from drum_like import codecs
from drum_like.errors import MediaTypeError, PayloadError
from drum_like.http.expansion import EXPANSION, expanded_file, named_coding
from drum_like.http.requests import whole_body
from drum_like.inference.service import Service
from drum_like.types.frame import Frame
from drum_like.types.parameters import NO_PARAMETERS, Parameters, sending
from drum_like.types.payload import CSV, Limits, Payload, unsupported
from drum_like.types.prediction import Prediction

JSON = "application/json"

NO_SAMPLES = (
    "Samples should be provided as:   - a csv or mtx under `X` form-data param key.  - binary data"
)
_FORM = "application/x-www-form-urlencoded"
_UNTYPED = frozenset({"", _FORM, "text/plain", "application/octet-stream"})
"""Media types of bodies that are JSON if they begin so; curl sends the second by itself."""

# Of CSV the first name may be `[kg]` or `{id}`; a list of cells is no rows, but meant to be JSON.
_JSON_ROWS = re.compile(rb"""(?:\xef\xbb\xbf)?+\s*+(?:\[\s*+[\[{\]"\d-]|\{\s*+["}])""")

_MULTIPART = "multipart/form-data"


def json_response(content: Any, status: int = 200) -> Response:
    """Return a response that holds JSON: ready bytes, or anything that orjson writes."""
    body = content if isinstance(content, bytes) else _json(content)
    return Response(body, status, content_type=JSON)


def _json(content: Any) -> bytes:
    try:
        return orjson.dumps(content, default=str)
    except TypeError:  # lone surrogates, integers beyond 64 bits
        return json.dumps(content, default=str).encode()


def read_payload(request: Request, limits: Limits, *, any_type: bool = False) -> Payload:
    """Return the rows of a request as DRUM's callers send them.

    A multipart file part `X` (its file name tells the format), or the whole body (its media type
    does). A body that names no type, or the type that curl names by itself, is JSON or CSV if it
    looks like it.

    Args:
        request: Any structured request.
        limits: Sizes beyond which decoders refuse.
        any_type: Whether a read_input_data hook takes bodies of all types.

    Raises:
        PayloadError: no rows, or not recognisable as JSON or CSV.
        MediaTypeError: multipart without a boundary.
        BodyError: the body does not arrive as its headers say.
    """
    kind = _kind(request.environ.get("CONTENT_TYPE", ""))
    if kind.media_type == _MULTIPART:
        return _from_form(request, limits)
    body = whole_body(request)
    if not body:
        raise PayloadError(NO_SAMPLES)
    media_type = kind.media_type
    if any_type:
        media_type = CSV if media_type in ("", _FORM) else media_type
    elif media_type != CSV:
        media_type = _media_type(media_type, body)
    return Payload(body, media_type, kind.charset, None, kind.declared, limits)


def _media_type(named: str, body: bytes) -> str:
    """Return the media type of a body that may name none, or one that says nothing.

    Raises:
        PayloadError: it looks like none that is read.
    """
    if named in _UNTYPED and _JSON_ROWS.match(body):
        return JSON
    if named in ("", _FORM):
        _check_looks_like_csv(body)
        return CSV
    return JSON if named.endswith("+json") else named


@dataclass(frozen=True, slots=True)
class _Kind:
    """The parts of a Content-Type.

    Attributes:
        media_type: Lower-case, without parameters; "" without one.
        charset: Its charset parameter, None without one.
        declared: The media type as sent.
    """

    media_type: str
    charset: str | None
    declared: str


@lru_cache(maxsize=256)
def _kind(content_type: str) -> _Kind:
    media_type, parameters = parse_options_header(content_type)
    declared = content_type.partition(";")[0].strip()
    return _Kind(media_type.lower(), parameters.get("charset"), declared)


def predict(
    service: Service, frame: Frame, limits: Limits, parameters: Parameters = NO_PARAMETERS
) -> Prediction:
    """Return predictions for rows that a contract has read from the body of the request.

    Args:
        service: The model.
        frame: The rows.
        limits: On the values of the answer.
        parameters: Those that were sent beside the rows.

    Raises:
        SizeError: the answer would be out of proportion to the body.
        DrumLikeError: as Service.predict.
    """
    n_values = len(service.target.labels) or 1
    limits.check_answer(frame.n_rows, n_values, len(whole_body(request)))
    with sending(parameters):
        return service.predict(frame)


def read_untyped(request: Request, limits: Limits) -> Payload:
    """Return the whole body with its type as sent, for models that read any type."""
    kind = _kind(request.environ.get("CONTENT_TYPE", ""))
    return Payload(whole_body(request), kind.media_type, kind.charset, None, kind.declared, limits)


def read_part(request: Request, name: str, limits: Limits) -> Payload | None:
    """Return the file part of that name, None if there is none with a file name."""
    if request.mimetype != _MULTIPART:
        return None
    part = request.files.get(name)
    return None if part is None else _payload(request, part, _column_names(request), limits)


def _from_form(request: Request, limits: Limits) -> Payload:
    if "boundary" not in request.mimetype_params:
        raise MediaTypeError(unsupported(_MULTIPART))
    payload = read_part(request, "X", limits)
    if payload is None:
        raise PayloadError(NO_SAMPLES)
    return payload


def _payload(
    request: Request, part: FileStorage, names: tuple[str, ...] | None, limits: Limits
) -> Payload:
    name, coding = named_coding(part.filename or "")
    media_type = codecs.installed().of_file(name).media_types[0]
    mimetype = None if media_type == CSV else media_type
    body = part.stream.read()
    if coding is not None:
        body = expanded_file(request, coding, body, current_app.config[EXPANSION])
    return Payload(body, media_type, None, names, mimetype, limits)


def _column_names(request: Request) -> tuple[str, ...] | None:
    """Return the names in the part X.colnames, one a line; None if it is missing or empty."""
    part = request.files.get("X.colnames")
    content = b"" if part is None else part.stream.read()
    if not content:
        return None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PayloadError("the part X.colnames must be UTF-8, one column name a line") from error
    return tuple(line.strip() for line in text.splitlines())


def _check_looks_like_csv(body: bytes) -> None:
    if b"\n" not in body and b"\r" not in body:
        others = sorted(codecs.installed().decoders.keys() - {CSV})
        raise PayloadError(
            f"{NO_SAMPLES}. The body has no Content-Type that says what it is and does not look "
            f"like CSV; send the header `Content-Type: {CSV}`, or another type that is read: "
            f"{', '.join(others)}"
        )
