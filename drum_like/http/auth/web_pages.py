"""Requests that web pages of others send by the browser of somebody who reads them.

A page of any site may send requests to the addresses that its reader's machine reaches, the
loopback ones among them, and have any name for them (DNS rebinding). A browser tells so in Host,
Origin and Sec-Fetch-Site, which a page cannot change.
"""

import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from werkzeug.exceptions import Forbidden, HTTPException, UnsupportedMediaType

from drum_like.http.auth import Scope

Environ = Mapping[str, Any]
"""WSGI's variables."""

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/?#@,\\]+)(?::(\d{0,5}))?")
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(.+)")
_USUAL_PORTS = {"http": 80, "https": 443}
_NUMERIC = re.compile(r"[0-9a-fx.]+")
"""An IPv4 address in one of its spellings, such as 127.1: no name ends in a number."""

_OWN_SITES = frozenset({"same-origin", "none"})
_PAGE_TYPES = frozenset({"text/plain", "application/x-www-form-urlencoded"})
"""Media types that a page may send to every site, and that no client of a change needs.

Multipart is the third that a page may send; uploads have it, so the other headers tell.
"""

_WANTED, _FIELDS = "HTTP_ACCESS_CONTROL_REQUEST_METHOD", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"
_EXPOSED = ", ".join(
    (
        *("X_Request_ID", "X-Scoring-Contract", "Inference-Header-Content-Length", "Retry-After"),
        *("Server-Timing", "x-request-id", "x-ms-request-id", "x-ms-run-function-failed"),
    )
)
"""Headers of answers that pages may read beside those that browsers always show."""

_REMEMBERED_S = 600
"""Seconds for which a browser need not ask again whether a page may ask."""

_OF_PROXIES = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED")


@dataclass(frozen=True, slots=True)
class PageRules:
    """The rules for requests that a web page may have sent.

    Attributes:
        answers_for: Whether the server answers for a Host; None for a request that has none, as
            those of HTTP/1.0 may.
        spares_probes: Whether probes are answered for every host.
    """

    answers_for: Callable[[str | None], bool]
    spares_probes: bool

    def check(self, environ: Environ, needed: Scope | None) -> None:
        """Raise the error of `refusal`, if there is one."""
        refusal = self.refusal(environ, needed)
        if refusal is not None:
            raise refusal

    def refusal(self, environ: Environ, needed: Scope | None) -> HTTPException | None:
        """Return the error for a request that is refused, None for others.

        Args:
            environ: WSGI's variables.
            needed: The scope that its route needs, None without a route.
        """
        if not self.answers_for(environ.get("HTTP_HOST")) and not (
            self.spares_probes and needed is Scope.PROBE
        ):
            return Forbidden(
                "the header Host names a host that this server does not answer for; call it by "
                "its address, or name that host in --allowed-hosts"
            )
        return _change_refusal(environ) if needed is Scope.ADMIN else None


def page_rules(address: str, allowed: Iterable[str], *, is_private: bool) -> PageRules:
    """Return the rules of a server.

    Args:
        address: The host that it listens on.
        allowed: Further hosts that the operator names.
        is_private: Whether it listens on the loopback interface, without credentials: open to the
            programs of the machine, but not to the pages that its browsers show.
    """
    named = frozenset(map(_plain, allowed))
    known = named | {_plain(address)}

    def answers_for(header: str | None) -> bool:
        if header is None or not (named or is_private):
            return True
        host, _ = authority(header) or ("", None)
        return host in known or is_loopback(host)

    # Callers repeat their Host, and a call of Python's would be one for each request.
    return PageRules(lru_cache(maxsize=64)(answers_for), spares_probes=not is_private)


def read_by_pages(
    application: Callable[..., Iterable[bytes]],
    origins: Iterable[str],
    methods: Callable[[str], tuple[str, ...]],
) -> Callable[..., Iterable[bytes]]:
    """Return an application whose predictions web pages of some origins may ask for and read.

    A browser asks first whether a page may ask (OPTIONS), without a credential. No answer allows
    credentials that a browser would add by itself; a page shows its own one in a header.

    Args:
        application: WSGI.
        origins: Those of the pages, in lower case; `*` for all.
        methods: Gives the methods of a path whose answers pages may read; OPTIONS among them if
            the application answers that question itself.
    """
    named = frozenset(origins)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        found, method = methods(environ.get("PATH_INFO", "")), environ["REQUEST_METHOD"]
        if method not in {*found, "OPTIONS"} or not found:
            return application(environ, start_response)
        fields, is_asked = [("Vary", "Origin")], method == "OPTIONS" and _WANTED in environ
        if is_named(environ.get("HTTP_ORIGIN")):
            fields += _allowed(environ, found if is_asked else ())
            if is_asked and "OPTIONS" not in found:
                start_response("204 No Content", fields)
                return []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, *fields], exc_info)

        return application(environ, start)

    def is_named(origin: str | None) -> bool:
        return origin is not None and ("*" in named or origin.lower() in named)

    return answer


def _allowed(environ: Environ, asked: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the headers for a page that may read an answer, or may ask by some methods."""
    yield "Access-Control-Allow-Origin", environ["HTTP_ORIGIN"]
    yield "Access-Control-Expose-Headers", _EXPOSED
    if asked:
        yield "Access-Control-Allow-Methods", ", ".join(m for m in asked if m != "OPTIONS")
        yield "Access-Control-Max-Age", str(_REMEMBERED_S)
        if _FIELDS in environ:
            yield "Access-Control-Allow-Headers", environ[_FIELDS]


def authority(text: str) -> tuple[str, int | None] | None:
    """Return host and port of "host:port", the host in lower case; None if it is malformed."""
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        return None
    return _plain(found[1]), int(found[2]) if found[2] else None


def is_loopback(host: str) -> bool:
    """Return whether a host is the loopback interface, by a name or by an address in any spelling.

    Args:
        host: In lower case.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        address = ip_address(host)
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return address.is_loopback
    with suppress(OSError):
        return bool(_NUMERIC.fullmatch(host)) and socket.inet_aton(host)[0] == 127
    return False


def check_page(environ: Environ) -> None:
    """Refuse a request that a page of another site may have sent.

    Raises:
        Forbidden: its headers name such a page.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE", "none").strip().lower()
    if site not in _OWN_SITES or not _is_own_origin(environ):
        raise Forbidden("a web page of another site may not change what this server keeps")


def is_forwarded(environ: Environ) -> bool:
    """Return whether a proxy says that it sends a request for somebody else."""
    return any(field in environ for field in _OF_PROXIES)


def _plain(host: str) -> str:
    """Return a host in lower case, without the brackets of IPv6 and the dot at its end."""
    return host.strip("[]").lower().removesuffix(".")


def _change_refusal(environ: Environ) -> HTTPException | None:
    """Return the error for a change that a page of another site may have sent, None for others."""
    try:
        check_page(environ)
    except Forbidden as refusal:
        return refusal
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type in _PAGE_TYPES:
        return UnsupportedMediaType(
            f"a request that changes something may not be {media_type}; send the media type of "
            "its body, such as application/json"
        )
    return None


def _is_own_origin(environ: Environ) -> bool:
    """Return whether the page that sends a request is this server's; programs name none."""
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return True
    page = _ORIGIN.fullmatch(origin.strip().lower())
    of_page = authority(page[2]) if page else None
    own = authority(environ.get("HTTP_HOST", ""))
    if page is None or of_page is None or own is None or of_page[0] != own[0]:
        return False
    usual = _USUAL_PORTS.get(page[1])
    # A proxy may drop the port of Host.
    return own[1] is None or own[1] == (of_page[1] or usual)
