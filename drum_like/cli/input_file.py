"""Input files of the verbs, their payloads, and output files in the format of their suffix."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

from drum_like import codecs
from drum_like.config.file_settings import (
    FileCommandSettings,
    ScoreSettings,
    SparseCommandSettings,
)
from drum_like.errors import SettingsError
from drum_like.inference.service import Service
from drum_like.types.codec import Codec, Encoder
from drum_like.types.payload import CSV, Payload
from drum_like.types.prediction import Prediction
from drum_like.types.target import TargetType

CONTENT_TYPE = "text/plain; charset=utf8"
"""The content type that DRUM gives to a file; the charset's spelling is DRUM's."""

NOTHING = "Return value from prediction is: None (NULL in R)"
"""The output for a hook that returned None."""

_HEAD = 64
"""Bytes of a file without a suffix that show its format."""


def codec_of(path: Path) -> Codec:
    """Return the codec of a file: by its suffix, without one by its first bytes, else of CSV."""
    if path.suffix:
        return codecs.installed().of_file(path)
    with path.open("rb") as stream:
        return codecs.installed().of_stream(stream.read(_HEAD))


def is_csv(path: Path) -> bool:
    """Return whether a file is read as CSV."""
    return CSV in codec_of(path).media_types


def template(settings: FileCommandSettings, path: Path) -> Payload:
    """Return the payload of a file, still without its bytes."""
    limits = settings.payload.limits
    media_type = codec_of(path).media_types[0]
    if media_type == CSV:
        return Payload(b"", limits=limits, from_file=True)
    names = column_names(settings)
    return Payload(b"", media_type, None, names, media_type, limits, from_file=True)


def input_path(settings: FileCommandSettings) -> Path:
    """Return the file to score.

    Raises:
        SettingsError: none was named, which only happens without a command line.
    """
    if settings.input is None:
        raise SettingsError("--input is needed: the file to score")
    return settings.input


def column_names(settings: FileCommandSettings) -> tuple[str, ...] | None:
    """Return the names in the sparse column file: one a line, stripped; None without a file.

    Raises:
        SettingsError: the file is not UTF-8 text.
    """
    if not isinstance(settings, SparseCommandSettings) or settings.sparse_column_file is None:
        return None
    path = settings.sparse_column_file
    try:
        return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("the file of --sparse-column-file is not UTF-8 text") from error


def unstructured_answer(settings: FileCommandSettings, service: Service) -> bytes:
    """Return the model's answer to the input file.

    The hook gets the query as a plain dict: the last value of a name wins, blank ones are dropped.

    Raises:
        DrumLikeError: scoring failed.
    """
    payload = request(
        input_path(settings).read_bytes(), settings.model.content_type or CONTENT_TYPE
    )
    context = {"query": dict(parse_qsl(settings.model.query or ""))}
    found = service.predict_unstructured(payload, context)
    return NOTHING.encode() if found.value is None else found.body


def request(body: bytes, content_type: str) -> Payload:
    """Return a body with the media type and the charset of a content type."""
    media_type, _, parameters = content_type.partition(";")
    charset = None
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"') or None
    mimetype = media_type.strip()
    return Payload(body, mimetype.lower(), charset, None, mimetype)


def _encoder(settings: ScoreSettings) -> Encoder | None:
    """Return the writer of predictions for the suffix of the output file; None for CSV.

    Raises:
        SettingsError: columns are to be passed through, which only CSV has.
    """
    suffix = "" if settings.output is None else settings.output.suffix
    codec = codecs.installed().by_suffix.get(suffix)
    if codec is None or codec.encode is None or CSV in codec.media_types:
        return None
    if settings.passthrough:
        raise SettingsError(f"--passthrough: {suffix} files have the predictions alone; write CSV")
    return codec.encode


def encoded(settings: ScoreSettings, service: Service) -> bytes | None:
    """Return the predictions for the input file in the format of the output file; None for CSV.

    Raises:
        DrumLikeError: scoring failed, or the model transforms rows, which only CSV has.
    """
    encode = _encoder(settings)
    if encode is None:
        return None
    if service.target.type is TargetType.TRANSFORM:
        raise SettingsError("--output: transformed rows are written as CSV; name a .csv file")
    found = [service.predict(block) for block in _blocks(settings, service)]
    return encode(Prediction.joined(found), service.target)


def _blocks(settings: ScoreSettings, service: Service) -> Iterator[Payload]:
    path = input_path(settings)
    payload = template(settings, path)
    cut = codec_of(path).cut if service.streams else None
    if cut is None:
        yield replace(payload, body=path.read_bytes())
        return
    with path.open("rb") as stream:
        yield from cut(stream, payload)
