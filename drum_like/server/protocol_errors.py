"""Answers to data that is not HTTP, in JSON like all others."""

from gunicorn.http import errors

from drum_like.server.body_buffer import CutOffError


class SlowError(errors.ParseException):
    """The client has not sent its request in the time that it has."""


_CODINGS = ("br", "zstd", "x-gzip", "x-compress")
_MALFORMED_CHUNK = "the chunks of the body are malformed"

_STATUS = (
    (
        CutOffError,
        "400 Bad Request",
        "the body is cut off: it is shorter than its Content-Length, or its last chunk is missing",
    ),
    (SlowError, "408 Request Timeout", "the request did not come whole in time"),
    (errors.InvalidChunkSize, "400 Bad Request", _MALFORMED_CHUNK),
    (errors.InvalidChunkExtension, "400 Bad Request", _MALFORMED_CHUNK),
    (errors.ChunkMissingTerminator, "400 Bad Request", _MALFORMED_CHUNK),
    (MemoryError, "413 Content Too Large", "there is no memory for a body of this size"),
    (errors.LimitRequestLine, "414 URI Too Long", "the request line is too long"),
    (
        errors.LimitRequestHeaders,
        "431 Request Header Fields Too Large",
        "the head of the request has too many fields, or one that is too long",
    ),
    (
        errors.UnsupportedTransferCoding,
        "501 Not Implemented",
        "the only transfer coding that this server reads is chunked",
    ),
    (
        errors.ExpectationFailed,
        "417 Expectation Failed",
        "the only expectation that this server meets is 100-continue",
    ),
    (errors.InvalidHTTPVersion, "400 Bad Request", "this server speaks HTTP/1.0 and HTTP/1.1"),
    (errors.InvalidRequestMethod, "400 Bad Request", "the request's method is malformed"),
    (errors.InvalidRequestLine, "400 Bad Request", "the request line is malformed"),
    (errors.InvalidHeaderName, "400 Bad Request", "the name of a header field is malformed"),
    (errors.ParseException, "400 Bad Request", "the head of the request is malformed"),
)


def refusal(error: Exception) -> tuple[str, bytes]:
    """Return status line and whole answer for a request that could not be read.

    No part of the request is repeated.
    """
    found = ((status, text) for kind, status, text in _STATUS if isinstance(error, kind))
    status, text = next(found, ("400 Bad Request", "the request could not be read"))
    if isinstance(error, errors.UnsupportedTransferCoding):
        status, text = _coded(str(error.hdr)) or (status, text)
    body = b'{"message":"ERROR: %b"}\n' % text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return status, head.encode() + body


def _coded(field: str) -> tuple[str, str] | None:
    """Return status and text for a Transfer-Encoding that names a coding which others know."""
    named = [coding.strip(" \t").lower() for coding in field.split(",")]
    found = next((coding for coding in named if coding in _CODINGS), None)
    if found is None:
        return None
    return "415 Unsupported Media Type", (
        f"the body is coded: Transfer-Encoding is {found}, which this server does not read; send "
        "the body as it is, in chunks or with its length"
    )
