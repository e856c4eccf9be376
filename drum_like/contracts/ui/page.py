"""The pages for people: the API page at /docs, and the files of both below /ui/.

Everybody gets the files, which hold nothing of the model. A page asks for the rest with the
credential that its reader types in.
"""

from flask import Response, request

from drum_like.contracts.ui import static_files
from drum_like.http.auth import Scope
from drum_like.http.contract import Contract, ContractContext, Route
from drum_like.http.errors import drum_form


def contract(context: ContractContext) -> Contract:
    """Return the pages; nothing with --no-ui."""
    errors = drum_form(hide_errors=context.settings.hide_errors)
    if context.settings.no_ui:
        return Contract("ui", errors)
    everybody = Scope.PROBE
    routes = (
        Route("/docs/", "GET", "docs", _docs, everybody),
        Route("/ui/<path:name>", "GET", "file", _file, everybody),
    )
    return Contract("ui", errors, routes)


def _docs() -> Response:
    return _page("docs.html")


def _page(name: str) -> Response:
    """Answer with a page at a path that ends with a slash: its links are relative to that."""
    last = request.path.rpartition("/")[2]
    if last:
        return Response(status=308, headers={"Location": f"{last}/"})
    return static_files.read(name).answer()


def _file(name: str) -> Response:
    return static_files.read(name).answer()
