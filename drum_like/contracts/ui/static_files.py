"""The files of the pages, read when they are asked for, with the headers that protect them."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from flask import Response, request
from werkzeug.exceptions import NotFound

_PLACE = files("drum_like.contracts.ui").joinpath("static")
_FOLDERS = ("", "vendor/")
_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
}

_POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"),
        *("img-src 'self' data:", "base-uri 'self'", "form-action 'none'"),
        "frame-ancestors 'none'",
    )
)
"""Nothing is loaded, run or sent but from and to this server."""

_STRICT = f"{_POLICY}; require-trusted-types-for 'script'; trusted-types 'none'"
"""Of our own page: no script may make HTML of a text, such as the name of a column."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked for again each time, and sent again where it changed
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file of the pages.

    Attributes:
        name: Its path below the folder of the pages.
        content: Its bytes.
    """

    name: str
    content: bytes

    def answer(self) -> Response:
        """Answer a request for it: 304 where the browser has it."""
        kind = _TYPES[self.name.rpartition(".")[2]]
        response = Response(self.content, content_type=kind, headers=_HEADERS)
        by_others = self.name == "docs.html"  # Swagger UI makes HTML, and cleans it
        response.headers["Content-Security-Policy"] = _POLICY if by_others else _STRICT
        response.set_etag(sha256(self.content).hexdigest()[:32])
        response.make_conditional(request)
        return response


def read(name: str) -> StaticFile:
    """Read a file.

    Raises:
        NotFound: there is none of that name.
    """
    if name not in names():
        raise NotFound
    return StaticFile(name, _PLACE.joinpath(name).read_bytes())


def answer(name: str) -> Response:
    """Answer with one of our files; raises as `read`."""
    return read(name).answer()


def vendored(name: str) -> Response:
    """Answer with a file that others made; raises as `read`."""
    return answer(f"vendor/{name}")


@cache
def names() -> frozenset[str]:
    """Return the names of all files."""
    return frozenset(
        f"{folder}{one.name}"
        for folder in _FOLDERS
        for one in _PLACE.joinpath(folder).iterdir()
        if one.is_file() and one.name.rpartition(".")[2] in _TYPES
    )
