"""Values as JSON that every database takes."""

import json
from dataclasses import fields
from datetime import datetime
from typing import Any

import orjson


def json_text(value: Any) -> str:
    """Return a value as JSON that every database takes and that reads back.

    Dataclasses are objects, and times text. NaN and the infinities are null; halves of surrogate
    pairs, which are no characters, are `?`.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # such a half, or an integer beyond 64 bits
        loose = json.dumps(value, ensure_ascii=False, default=_plain).encode(errors="replace")
        strict = json.loads(loose, parse_constant=lambda _: None)
        return json.dumps(strict, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return a value that orjson knows and json does not."""
    if isinstance(value, datetime):
        return value.isoformat()
    return {one.name: getattr(value, one.name) for one in fields(value)}
