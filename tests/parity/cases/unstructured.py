"""The unstructured endpoint: what the hook gets, and what becomes of what it returns."""

from tests.parity.case import MULTIPART_BOUNDARY, Case, Part, Probe, ServerCase, files, post, upload
from tests.parity.hooks import UNSTRUCTURED
from tests.parity.values import Request

PATH = "/predictUnstructured/"


def echo(body: bytes | str, content_type: str | None) -> Request:
    """Return a request whose hook tells what it got."""
    return post(PATH + "?echo=1", body, content_type)


INPUTS = (
    Probe("no content type", echo("abc", None)),
    Probe("empty content type", echo("abc", "")),
    Probe("text/plain", echo("é", "text/plain")),
    Probe("text/csv, latin-1", echo(b"\xe9", "text/csv; charset=latin-1")),
    Probe("quoted charset", echo(b"\xe9", 'text/csv; charset="latin-1"')),
    Probe("upper-case charset", echo("é", "text/plain; charset=UTF-8")),
    Probe("JSON", echo('{"a": 1}', "application/json")),
    Probe("JSON with a charset", echo(b'"\xe9"', "application/json; charset=latin-1")),
    Probe("octet-stream", echo(b"\xff\x00", "application/octet-stream")),
    Probe("image", echo(b"\xff\x00", "image/png")),
    Probe("image with a charset", echo(b"\xff", "image/png; charset=latin-1")),
    Probe("upper-case media type", echo("abc", "TEXT/PLAIN"), ("D11",)),
    Probe("problem+json", echo("{}", "application/problem+json")),
    Probe("form-urlencoded", echo("a=1", "application/x-www-form-urlencoded")),
    Probe("junk", echo("abc", "junk")),
    Probe("multipart", upload(PATH + "?echo=1", Part("X", b"a\n1\n", "x.csv"))),
    Probe(
        "multipart without parts",
        echo("abc", f"multipart/form-data; boundary={MULTIPART_BOUNDARY}"),
    ),
    Probe("empty", echo("", "text/plain")),
    Probe("empty bytes", echo("", "application/octet-stream")),
    Probe("undecodable", echo(b"\xff", "text/plain"), ("D2",)),
    Probe("unknown charset", echo("abc", "text/plain; charset=zzz"), ("D2",)),
    Probe("query", post(PATH + "?echo=&a=1&a=2&b=&c=%C3%A9+x", "abc", "text/plain")),
    Probe("header", post(PATH + "?echo", "abc", "text/plain", ("x-lower", "1"))),
    Probe("alias", post("/predictionsUnstructured/?echo=1", "abc", "text/plain")),
    Probe("without slash", post("/predictUnstructured?echo=1", "abc", "text/plain"), ("D3",)),
    Probe(
        "alias without slash", post("/predictionsUnstructured?echo=1", "abc", "text/plain"), ("D3",)
    ),
    Probe(
        "chunked",
        Request("POST", PATH + "?echo=1", (("Content-Type", "text/plain"),), b"abc", chunked=True),
    ),
)

RETURNS = {
    "text": "'é'",
    "bytes": "b'\\xff\\x00'",
    "None": "None",
    "empty text": "''",
    "text and media type": "('x', {'mimetype': 'text/html'})",
    "text and charset": "('é', {'charset': 'latin-1'})",
    "text, media type and charset": "('é', {'mimetype': 'text/csv', 'charset': 'utf-16-le'})",
    "JSON": "('{\"a\": 1}', {'mimetype': 'application/json'})",
    "bytes and media type": "(b'x', {'mimetype': 'image/png'})",
    "bytes, media type and charset": "(b'x', {'mimetype': 'text/csv', 'charset': 'latin-1'})",
    "bytes and charset": "(b'x', {'charset': 'latin-1'})",
    "None and media type": "(None, {'mimetype': 'text/html'})",
    "text and None": "('x', None)",
    "text and nothing": "('x', {})",
    "other keys": "('x', {'status': 404, 'headers': {'A': 'b'}})",
    "no media type": "('x', {'mimetype': None})",
    "no charset": "('x', {'charset': None})",
    "dictionary": "{'a': 1}",
    "list": "['x']",
    "integer": "1",
    "bytearray": "bytearray(b'x')",
    "two texts": "('a', 'b')",
    "dictionary and dictionary": "({}, {})",
    "three values": "('a', {}, 1)",
    "one value": "('a',)",
    "text and unknown charset": "('a', {'charset': 'zzz'})",
    "ValueError": "throw(ValueError('boom'))",
    "KeyError": "throw(KeyError('k'))",
    "BadRequest": "throw(BadRequest('d'))",
    "NotFound": "throw(NotFound())",
    "user's error": "throw(CustomHTTPError('bad', 418))",
    "user's error without a status": "throw(CustomHTTPError('bad'))",
    "works again": "'fine'",
}

CASES: tuple[Case, ...] = (
    ServerCase(
        name="unstructured-inputs",
        build=files({"custom.py": UNSTRUCTURED}),
        arguments=("--target-type", "unstructured"),
        probes=INPUTS,
    ),
    ServerCase(
        name="unstructured-returns",
        build=files({"custom.py": UNSTRUCTURED}),
        arguments=("--target-type", "unstructured"),
        probes=(
            *(Probe(name, post(PATH, text, "text/plain")) for name, text in RETURNS.items()),
            Probe(
                "error without a text",
                post(PATH, "throw(ValueError())", "text/plain"),
                ("error-named",),
            ),
            Probe("sys.exit", post(PATH, "sys.exit(3)", "text/plain"), ("D20",)),
            Probe("after an exit", post(PATH, "'fine'", "text/plain")),
        ),
    ),
)
