"""The adapters of our routes, compared with werkzeug's own."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from drum_like.http.flask_app import Routes

RULES = ("/predict/", "/v1/models/<name>:predict", "/info")
OWN, STOCK = (
    made([Rule(rule, endpoint=rule, methods=["GET", "POST"]) for rule in RULES])
    for made in (Routes, Map)
)

HOSTS = st.sampled_from(
    ["a", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:443", "é.example", "x" * 70, "a b", "", "a:b:c"]
)
PATHS = st.sampled_from(
    ["/predict/", "/predict", "//info", "/v1/models/\xc3\xa9:predict", "", "/\xff"]
)


@st.composite
def environs(draw: st.DrawFn) -> dict[str, Any]:
    """Return WSGI's variables of a request; a few of them may be left out."""
    environ = {
        "REQUEST_METHOD": draw(st.sampled_from(["GET", "POST", "PUT"])),
        "wsgi.url_scheme": draw(st.sampled_from(["http", "https"])),
        "SERVER_NAME": draw(st.sampled_from(["localhost", "h.example"])),
        "SERVER_PORT": draw(st.sampled_from(["80", "443", "8080"])),
        "HTTP_HOST": draw(HOSTS),
        "PATH_INFO": draw(PATHS),
        "QUERY_STRING": draw(st.sampled_from(["", "a=1", "\xc3\xa9"])),
        "SCRIPT_NAME": draw(st.sampled_from(["", "/app", "/\xc3\xa9"])),
        "HTTP_CONNECTION": draw(st.sampled_from(["upgrade", "close"])),
        "HTTP_UPGRADE": draw(st.sampled_from(["websocket", "h2c"])),
    }
    optional = (
        "HTTP_HOST",
        "PATH_INFO",
        "QUERY_STRING",
        "SCRIPT_NAME",
        "HTTP_CONNECTION",
        "HTTP_UPGRADE",
    )
    left_out = draw(st.sets(st.sampled_from(optional)))
    return {name: value for name, value in environ.items() if name not in left_out}


def told(routes: Map, environ: dict[str, Any], *names: str | None) -> object:
    """Return the attributes and the match of an adapter, or the error of a host that cannot be."""
    try:
        adapter = routes.bind_to_environ(environ, *names)
        known = {name: value for name, value in vars(adapter).items() if name != "map"}
        return known, adapter.build("/info", force_external=True), adapter.match()
    except HTTPException as error:
        return type(error), getattr(error, "new_url", None), error.get_headers(environ)


@given(environs(), st.sampled_from([(), (None, ""), ("h.example", "")]))
def test_adapters_are_those_of_werkzeug(
    environ: dict[str, Any], names: tuple[str | None, ...]
) -> None:
    for _ in range(2):  # the second one is known
        assert told(OWN, dict(environ), *names) == told(STOCK, dict(environ), *names)
