"""JSON bodies as Python values."""

import json
from typing import Any

import orjson

from drum_like.errors import PayloadError


def loads(body: bytes) -> Any:
    """Return what a body holds; the tokens NaN, Infinity and -Infinity are numbers.

    Raises:
        PayloadError: it is not JSON in UTF-8.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:  # or something that only the standard library reads: NaN
        return loads_with(body)


def loads_with(body: bytes, **options: Any) -> Any:
    """Return what a body holds, with options of `json.loads`; raises as `loads`."""
    try:
        return json.loads(body, **options)
    except (ValueError, RecursionError) as error:
        raise PayloadError("the body is not JSON in UTF-8") from error
