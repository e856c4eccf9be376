"""Compressed answers, for clients that ask for one coding and nothing else, as Triton's does."""

import gzip
import zlib
from collections.abc import Callable

from flask import Response

_LEVEL = 1
"""The fastest: tensors of predictions gain little from more."""

_CODINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
}


def compressed(response: Response, accepted: str | None) -> Response:
    """Return an answer in the one coding that a client names; else as it is.

    Browsers and curl name several, and do not care.

    Args:
        response: The answer; its length of the JSON stays that of the plain one.
        accepted: The header Accept-Encoding, None without one.
    """
    pack = _CODINGS.get(accepted or "")
    if pack is not None and accepted is not None:
        response.set_data(pack(response.get_data(), _LEVEL))
        response.headers["Content-Encoding"] = accepted
        response.headers["Vary"] = "Accept-Encoding"
    return response
