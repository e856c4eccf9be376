"""Arrow schemas as the contract carries them: one encapsulated IPC message in base64."""

import base64
import binascii
import struct
from functools import lru_cache

import pyarrow as pa
from pyarrow import ipc

from drum_like.codecs.arrow.plain import check_type
from drum_like.contracts.wallaroo.fields import JsonObject
from drum_like.errors import PayloadError

_MOST_FIELDS = 10_000
_MOST_BYTES = 8 * 1024 * 1024


@lru_cache(maxsize=256)
def decode(text: str) -> pa.Schema:
    """Return the schema that a text stands for.

    Raises:
        PayloadError: it is no base64, no schema, or has fields of types that are not read.
    """
    try:
        raw = base64.b64decode(text, validate=True)
        schema = ipc.read_schema(pa.BufferReader(raw))
        names = schema.names
    except (binascii.Error, pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise PayloadError("the schema is not a base64 encoded Arrow schema") from error
    if not names or len(names) > _MOST_FIELDS or len(set(names)) < len(names):
        raise PayloadError(
            f"a schema must have 1 to {_MOST_FIELDS} fields, each with a name of its own"
        )
    for field in schema:
        check_type(field.type)
    return schema


def optional(fields: JsonObject, name: str) -> str | None:
    """Return an encoded schema as it was sent, None if the field is left out or null.

    Raises:
        PayloadError: it is none; names the field.
    """
    text = fields.optional_text(name)
    if text is None:
        return None
    if len(text) > _MOST_BYTES:
        raise PayloadError(f"field `{name}` is longer than {_MOST_BYTES} characters")
    try:
        decode(text)
    except PayloadError as error:
        raise PayloadError(f"field `{name}`: {error}") from error
    return text
