"""Flask and werkzeug without what they would find out anew at every request."""

from functools import lru_cache
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface
from werkzeug.routing import Map, MapAdapter
from werkzeug.wrappers import Request as HttpRequest

_NO_SESSION = NullSession()

_HOSTS = 64
_OF_HOST = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme", "SCRIPT_NAME")


class Sessions(SecureCookieSessionInterface):
    """Sessions for custom_flask.py; without a secret key no request gets one of its own."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of a request; without a secret key, one that holds nothing."""
        keyed = app.config["SECRET_KEY"]
        return super().open_session(app, request) if keyed else _NO_SESSION


class Routes(Map):
    """Routes that look at the name of a host once, not at every request."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._of_host = lru_cache(maxsize=_HOSTS)(self._adapter_of_host)

    def bind_to_environ(
        self,
        environ: dict[str, Any] | HttpRequest,
        server_name: str | None = None,
        subdomain: str | None = None,
    ) -> MapAdapter:
        """Return the adapter that finds the route of a request; see werkzeug.

        Raises:
            HTTPException: there can be no such host.
        """
        told = environ if isinstance(environ, dict) else environ.environ
        if "HTTP_UPGRADE" in told:
            return super().bind_to_environ(told, server_name, subdomain)
        query = told.get("QUERY_STRING")
        alike = self._of_host(server_name, subdomain, *map(told.get, _OF_HOST))
        return MapAdapter(
            self,
            alike.server_name,
            alike.script_name,
            alike.subdomain,
            alike.url_scheme,
            told.get("PATH_INFO", "/").encode("latin-1").decode(errors="replace"),
            told["REQUEST_METHOD"],
            query and query.encode("latin-1").decode(errors="replace"),
        )

    def _adapter_of_host(
        self, server_name: str | None, subdomain: str | None, *values: str | None
    ) -> MapAdapter:
        told = zip(_OF_HOST, values, strict=True)
        environ = {name: value for name, value in told if value is not None}
        return super().bind_to_environ({**environ, "REQUEST_METHOD": "GET"}, server_name, subdomain)


class QuickFlask(Flask):
    """Flask that finds out once, not at every request, which functions are coroutines."""

    session_interface = Sessions()
    url_map_class = Routes

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ensure_sync = lru_cache(maxsize=None)(super().ensure_sync)  # type: ignore[method-assign]
