"""The rows of a request, by its media type, its keys and its signs."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from flask import Request

from drum_like import codecs
from drum_like.codecs.csv.codec import decode_rows
from drum_like.codecs.json.document import Document, read_lines, utf8
from drum_like.codecs.json.forms import LINES, frame_of, from_rows, rows_at
from drum_like.contracts.sagemaker.instances import unwrapped
from drum_like.contracts.sagemaker.signs import media_type_of
from drum_like.errors import PayloadError
from drum_like.http import wire
from drum_like.http.accepted import NPY
from drum_like.http.json_body import checked_document, json_document
from drum_like.inference.service import Service
from drum_like.types.cells import MISSING_WORDS
from drum_like.types.columns_frame import named_by_position
from drum_like.types.frame import Frame
from drum_like.types.numbers import text_to_number
from drum_like.types.payload import CSV, Limits, Payload

_CSV = frozenset({CSV, "text/plain"})
_NO_NAMES = frozenset[str]()
_OTHER_FORMS = frozenset({"dataframe_split", "dataframe_records", "inputs"})
_FORMS = _OTHER_FORMS | {"instances"}


def read(asked: Request, service: Service, limits: Limits, *, signed: bool) -> Payload | Frame:
    """Return the rows of a request.

    Args:
        asked: The request.
        service: The model.
        limits: On what its body may declare.
        signed: Whether CSV has no header row unless it shows one.

    Raises:
        PayloadError: the body is in no form that is read, or is broken.
        MediaTypeError: as `wire.read_payload`.
        CharsetError, ColumnsError, SizeError: as the codecs.
    """
    document = json_document(asked)
    if service.reads_any_type and not _holds_rows(document):
        return wire.read_payload(asked, limits, any_type=True)
    if asked.is_json or document is not None:
        return _named(_from_json(checked_document(asked), service, limits), service)
    # Also one line without a Content-Type is CSV: boto3 names none by itself.
    payload = wire.read_payload(asked, limits, any_type=True)
    if payload.media_type in LINES.media_types:
        lines = read_lines(utf8(payload.body, payload.charset))
        return _named(_from_rows(lines, service, limits), service)
    if payload.media_type in _CSV:
        header = _header(media_type_of(asked)[1], signed=signed)
        known = _known(service)
        return _named(decode_rows(payload, partial(_is_header, header, known)), service)
    if payload.media_type == NPY and NPY in codecs.installed().decoders:
        return _named(codecs.installed().decoders[NPY](payload), service)
    return payload


def _holds_rows(document: Document | None) -> bool:
    """Return whether a body is JSON whose form tells that it holds rows."""
    tree = None if document is None else document.tree
    return isinstance(tree, list) or (isinstance(tree, dict) and bool(tree.keys() & _FORMS))


def _from_json(document: Document, service: Service, limits: Limits) -> Frame:
    tree = document.tree
    if isinstance(tree, list):
        is_row = bool(tree) and not any(isinstance(cell, dict | list) for cell in tree)
        rows = document.map(lambda cells: [cells]) if is_row else document
        return _from_rows(rows, service, limits)
    if isinstance(tree, dict) and "instances" in tree and not tree.keys() & _OTHER_FORMS:
        return _from_rows(rows_at(document, "instances"), service, limits)
    return frame_of(document, limits)


def _from_rows(rows: Document, service: Service, limits: Limits) -> Frame:
    names = _known(service)
    return from_rows(rows.map(lambda found: unwrapped(found, names, limits)), limits)


def _header(parameters: Mapping[str, str], *, signed: bool) -> bool | None:
    """Return whether the first line of CSV is a header; None to look at it.

    Raises:
        PayloadError: a parameter of the media type asks for something that is not done.
    """
    if parameters.get("label_size", "0") != "0":
        raise PayloadError("label_size must be 0: rows to predict have no column of labels")
    header = parameters.get("header", "absent" if "label_size" in parameters else "")
    if header in ("present", "absent"):
        return header == "present"
    if header:
        raise PayloadError("the parameter header of the Content-Type must be present or absent")
    return None if signed else True


def _is_header(said: bool | None, known: Collection[str], fields: Sequence[str]) -> bool:  # noqa: FBT001 - of `partial`
    """Return whether the first line of CSV is a header, by its fields if nobody says so."""
    if said is not None:
        return said
    return all(field in known for field in fields) and not all(map(_is_number, fields))


def _is_number(field: str) -> bool:
    return field in MISSING_WORDS or text_to_number(field) is not None


def _known(service: Service) -> frozenset[str]:
    """Return the names of the model's columns, none if it has none."""
    inputs = service.inputs
    return inputs.known_names if inputs is not None and inputs.named else _NO_NAMES


def _named(frame: Frame, service: Service) -> Frame:
    """Return rows with the names of the model's columns, where they have none and it has some.

    Raises:
        ColumnsError: the model has another number of columns.
    """
    inputs = service.inputs
    if frame.columns is not None or not frame.has_order or inputs is None or not inputs.named:
        return frame
    return named_by_position(frame, inputs.names)
