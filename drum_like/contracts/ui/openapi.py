"""GET /openapi.json: the operations of this server, with the columns of its model.

Bodies that hold rows have an example for each contract, which works when it is sent, and a schema
that names the columns of the model.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from flask import Response, current_app

from drum_like.contracts.ui.documents import METHODS, combined, documents, nameless, served
from drum_like.contracts.ui.examples import Example, examples, parameters
from drum_like.contracts.ui.sample import Row, column_schema, sample_row
from drum_like.errors import LoadError, RequestError
from drum_like.http import wire
from drum_like.http.auth import Scope
from drum_like.http.contract import Contract, ContractContext, Route
from drum_like.http.errors import drum_form
from drum_like.inference.service import ModelInfo, Service

Document = dict[str, Any]

_ROW = "model.Row"
_ROW_REF = {"$ref": f"#/components/schemas/{_ROW}"}
_OURS = "model."
"""Beginning of the names of our examples."""

_WORDS = {bool: "boolean", int: "integer", float: "number", str: "string"}


def contract(context: ContractContext) -> Contract:
    """Return /openapi.json."""
    settings = context.settings

    # By the identity of the model: a service kept here would keep a model in memory.
    @lru_cache(maxsize=1)
    def content(_: ModelInfo | None) -> bytes:
        document = combined(documents(), served(current_app), settings.url_prefix)
        service = _default(context)
        row = None if service is None else sample_row(service, settings.payload.limits)
        if service is not None and row is not None:
            document = of_model(document, service, row, settings.contracts)
        return orjson.dumps(document)

    def answer() -> Response:
        service = _default(context)
        return wire.json_response(content(None if service is None else service.info))

    errors = drum_form(hide_errors=settings.hide_errors)
    route = Route("/openapi.json", "GET", "document", answer, Scope.OBSERVE)
    return Contract("openapi", errors, (route,))


def _default(context: ContractContext) -> Service | None:
    """Return the model of requests that name none; None if there is none, or it did not load."""
    try:
        return context.resolve()
    except (LoadError, RequestError):
        return None


def of_model(
    document: Document, service: Service, row: Row, contracts: Collection[str]
) -> Document:
    """Return a combined document with the columns of a model, and examples of its rows.

    Args:
        document: All operations of the server.
        service: The model.
        row: One that it predicts.
        contracts: Those that are on.
    """
    known, components = parameters(service.info), document["components"]
    paths = {p: _item_of_model(item, known) for p, item in document["paths"].items()}
    by_shape = {nameless(path): path for path in paths}
    for (shape, media_type), ours in _by_body(service, row, contracts).items():
        path = by_shape.get(shape)
        if path is not None and "post" in paths[path]:
            post = _with_examples(paths[path]["post"], media_type, ours, row, components)
            paths[path] = {**paths[path], "post": post}
    schemas = {**components.get("schemas", {}), _ROW: _row_schema(service, row)}
    return {**document, "paths": paths, "components": {**components, "schemas": schemas}}


def _by_body(
    service: Service, row: Row, contracts: Collection[str]
) -> dict[tuple[str, str], list[Example]]:
    """Return the examples by their path, whose parameters have no names, and media type."""
    found: dict[tuple[str, str], list[Example]] = {}
    for one in examples(service, row):
        if one.contract not in contracts:
            continue  # on routes that contracts share
        found.setdefault((nameless(one.path), one.media_type), []).append(one)
    return found


def _row_schema(service: Service, row: Row) -> Document:
    columns = () if service.inputs is None else service.inputs.columns
    unknown: Document = {name: {} for name in row}
    return {
        "type": "object",
        "description": f"The columns of the model {service.info.name!r}.",
        "properties": unknown | {column.name: column_schema(column) for column in columns},
    }


def _item_of_model(item: Document, known: Mapping[str, str]) -> Document:
    """Return a path whose parameters have the names of the model for examples."""
    return {
        key: {**value, "parameters": list(_parameters(value, known))} if key in METHODS else value
        for key, value in item.items()
    }


def _parameters(operation: Document, known: Mapping[str, str]) -> Iterator[Document]:
    for one in operation.get("parameters", ()):
        if one["in"] == "path" and one["name"] in known:
            yield {**_without(one, "examples"), "example": known[one["name"]]}
        else:
            yield one


def _with_examples(
    operation: Document, media_type: str, ours: Sequence[Example], row: Row, components: Document
) -> Document:
    """Return an operation whose body has examples, and schemas of them before its own."""
    body = _resolved(operation.get("requestBody", {}), components)
    content = {kind: _of_others(media) for kind, media in body.get("content", {}).items()}
    media = content.get(media_type, {})
    trees = [schema_of(one.body, row) for one in ours]
    schema = {"anyOf": [*trees, media["schema"]]} if "schema" in media else {"anyOf": trees}
    shown = {_OURS + one.contract: {"summary": one.title, "value": one.body} for one in ours}
    changed = {**media, "schema": schema, "examples": shown}
    # The first media type is the one that API pages show.
    body = {**body, "content": {media_type: changed, **_without(content, media_type)}}
    return {**operation, "requestBody": body}


def _without(content: Document, name: str) -> Document:
    return {key: value for key, value in content.items() if key != name}


def _of_others(media: Document) -> Document:
    """Return a body of one media type without examples that are not of the model's columns."""
    is_ours = any(name.startswith(_OURS) for name in media.get("examples", {}))
    return media if is_ours else _without(media, "examples")


def _resolved(body: Document, components: Document) -> Document:
    """Return a body itself where an operation refers to one."""
    if "$ref" not in body:
        return body
    found: Document = components["requestBodies"][body["$ref"].rpartition("/")[2]]
    return found


def schema_of(value: Any, row: Row) -> Document:
    """Return the JSON Schema of values like one, in which a row is a row of the model."""
    if value == row:
        return _ROW_REF
    if isinstance(value, dict):
        properties = {key: schema_of(one, row) for key, one in value.items()}
        return {"type": "object", "required": list(value), "properties": properties}
    if isinstance(value, list):
        kinds = [schema_of(one, row) for one in value]
        alike = all(one == kinds[0] for one in kinds)
        return {"type": "array", "items": kinds[0] if kinds and alike else {}}
    return {"type": _WORDS[type(value)]} if type(value) in _WORDS else {}
