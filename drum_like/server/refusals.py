"""Answers to what is not HTTP, in JSON like all others."""

from gunicorn.http import errors

from drum_like.server.connection import CutOffError

_STATUS = (
    (
        CutOffError,
        "400 Bad Request",
        "the body is cut off: it is shorter than its Content-Length",
    ),
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
    """Return status line and whole answer for what gunicorn's parser refused.

    500 for what it should not have raised. No part of the request is repeated.
    """
    found = ((status, text) for kind, status, text in _STATUS if isinstance(error, kind))
    status, text = next(found, ("500 Internal Server Error", "the request could not be read"))
    body = b'{"message":"ERROR: %b"}\n' % text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return status, head.encode() + body
