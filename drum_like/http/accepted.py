"""Answers in the form that Accept, for contracts that look at it, and Accept-Encoding ask for."""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
from flask import Response
from flask.globals import request_ctx

from drum_like import codecs
from drum_like.codecs.csv.encode import rows_csv
from drum_like.codecs.json.encode import predictions_json, predictions_lines
from drum_like.http.wire import JSON
from drum_like.types.codec import Encoder
from drum_like.types.payload import CSV
from drum_like.types.prediction import Prediction
from drum_like.types.target import Target

ENCODING = "HTTP_ACCEPT_ENCODING"
"""WSGI variable of the codings that the caller reads."""

_LEAST = 8192
"""Bytes of an answer that is compressed: below, a packet or two of the line are saved."""

_QUALITY = re.compile(r"\s*(?:q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?", re.IGNORECASE)

_REFUSED = re.compile(r";\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)", re.IGNORECASE)

_ARRAYS = re.compile(r"application/(?:x-npy|(?:vnd\.apache|x-apache-)\S*arrow\S*)")
_EVENTS = "text/event-stream"
_TEXTS = re.compile(r"text/\S+|application/\S*json\S*|multipart/form-data")

NPY = "application/x-npy"
LINES = ("application/jsonlines", "application/x-jsonlines")

_ENCODERS: Mapping[str, Encoder] = {
    JSON: predictions_json,
    CSV: rows_csv,
    **dict.fromkeys(LINES, predictions_lines),
}


def _in_order(encode: Encoder) -> Encoder:
    return lambda prediction, target: encode(in_order(prediction, target), target)


FLAT: Mapping[str, Encoder] = {
    CSV: _in_order(rows_csv),
    **dict.fromkeys(LINES, predictions_lines),
}
"""Forms of /invocations beside those of codecs, by the media types that ask for them."""


def respond(prediction: Prediction, target: Target, accept: str, usual: str = JSON) -> Response:
    """Return predictions in the first form of Accept that is written, else in the usual one.

    Forms without names of labels, CSV and arrays, have the labels in the order of the target.

    Args:
        prediction: The predictions.
        target: Of the model.
        accept: The header; empty without one. Types are named exactly: a wildcard asks for nothing.
        usual: The media type of answers to all others; JSON if it is not written.

    Raises:
        TargetError: as `predictions_json`.
        MediaTypeError: an array cannot hold the predictions.
    """
    media_type = _form(accept) or _form(usual) or JSON
    encode = _encoder(media_type)
    ordered = prediction if media_type == JSON else in_order(prediction, target)
    return Response(encode(ordered, target), content_type=media_type)


def in_order(prediction: Prediction, target: Target) -> Prediction:
    """Return predictions with the labels in the order that contracts publish."""
    labels = None if prediction.labels is None else tuple(map(str, prediction.labels))
    if labels is None or labels == target.order or not target.type.is_classification:
        return prediction
    places = [labels.index(label) for label in target.order]
    return replace(prediction, values=np.take(prediction.values, places, 1), labels=target.order)


@lru_cache(maxsize=256)
def media_types(accept: str) -> tuple[str, ...]:
    """Return the media types of Accept in its order, in lower case; none of weight 0."""
    wanted = (part for part in accept.split(",") if not _REFUSED.search(part))
    return tuple(part.partition(";")[0].strip().lower() for part in wanted)


@lru_cache(maxsize=256)
def _form(accept: str) -> str:
    """Return the first media type that is written; empty if there is none."""
    return next((media_type for media_type in media_types(accept) if _is_written(media_type)), "")


def _is_written(media_type: str) -> bool:
    return media_type in _ENCODERS or (
        media_type == NPY and media_type in codecs.installed().encoders
    )


def _encoder(media_type: str) -> Encoder:
    return _ENCODERS.get(media_type) or codecs.installed().encoders[media_type]


def compress(response: Response) -> Response:
    """Compress an answer if the caller reads that, and a line of 100 Mbit/s has it sooner so.

    Text in zstd or gzip, arrays of numbers in zstd alone: gzip takes longer for them than the line.
    All others, and short ones, only for callers who refuse answers as they are. Streams of events,
    and answers that are coded already, stay as they are.
    """
    if response.is_streamed or response.content_encoding or response.mimetype == _EVENTS:
        return response
    codings, plain_is_refused = _codings(request_ctx.request.environ[ENCODING])
    own = tuple(PACKERS) if plain_is_refused else _packers(response.mimetype)
    if not own or response.status_code == 206:
        return response
    body = response.get_data()
    if not body or (len(body) < _LEAST and not plain_is_refused):
        return response
    response.vary.add("Accept-Encoding")
    coding = next((name for name in codings if name in own), None)
    if coding is None:
        return response
    packed = PACKERS[coding](body)
    if len(packed) < len(body) or plain_is_refused:
        response.set_data(packed)
        response.content_encoding = coding
    return response


def _packers(media_type: str | None) -> tuple[str, ...]:
    if _TEXTS.fullmatch(media_type or ""):
        return ("zstd", "gzip")
    return ("zstd",) if _ARRAYS.fullmatch(media_type or "") else ()


@lru_cache(maxsize=256)
def _codings(field: str) -> tuple[tuple[str, ...], bool]:
    """Return the codings of Accept-Encoding that are written here, best first, before `identity`.

    Returns:
        Them, and whether an answer without a coding is refused.
    """
    said: dict[str, float] = {}
    for part in field.split(","):
        name, _, quality = part.partition(";")
        if found := _QUALITY.fullmatch(quality):
            said[name.strip().lower().removeprefix("x-")] = float(found[1] or 1)
    others = said.get("*", 0.0)
    plain = said.get("identity", 0.0)
    wanted = {name: said.get(name, others) for name in PACKERS}
    best = sorted((name for name in wanted if wanted[name] > 0), key=lambda name: -wanted[name])
    refused = said.get("identity", said.get("*", 1.0)) == 0
    return tuple(name for name in best if wanted[name] >= plain), refused


def _zstd(body: bytes) -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - takes 50 ms, and has the codec

    packed: bytes = pa.Codec("zstd", compression_level=1).compress(body, asbytes=True)
    return packed


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(body) + packer.flush()


PACKERS: Mapping[str, Callable[[bytes], bytes]] = {"zstd": _zstd, "gzip": _gzip}
"""By name, best first."""
