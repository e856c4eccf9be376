"""The document of `/swagger.json`: what `/score` takes, in Swagger 2 and OpenAPI 3."""

from collections.abc import Mapping
from typing import Any

from drum_like import __version__
from drum_like.inference.service import Service
from drum_like.types.column import DataType
from drum_like.types.schema import Schema

VERSIONS = {"2": "2.0", "3": "3.0.3", "3.1": "3.1.0"}
"""Versions of the format by the names that callers give them."""

_Tree = dict[str, Any]

_TYPES = {DataType.BOOL: "boolean", DataType.INT32: "integer", DataType.INT64: "integer"}
_BEARER: list[_Tree] = [{"Bearer": []}]
_ERROR = {"type": "object", "properties": {"message": {"type": "string"}}}
_WRONG = "What is wrong."


def document(service: Service, version: str) -> Mapping[str, Any]:
    """Return the document of a model.

    Args:
        service: The model.
        version: One of VERSIONS.
    """
    schemas = {
        "ServiceInput": _input(service.inputs),
        "ServiceOutput": {"type": "object", "properties": {"predictions": {"type": "array"}}},
        "ErrorResponse": _ERROR,
    }
    schemas["ServiceOutput"]["properties"]["predictions"]["items"] = {}
    info = {"title": service.info.name, "version": service.info.version}
    described = f"Served by drum-like {__version__}."
    common = {"info": {**info, "description": described}}
    if version == "2":
        return {"swagger": VERSIONS[version], **common, **_swagger(schemas)}
    return {"openapi": VERSIONS[version], **common, **_openapi(schemas)}


def _input(schema: Schema | None) -> _Tree:
    """Return the schema of a body: `data`, a list of objects with the columns of the model."""
    row: _Tree = {"type": "object"}
    if schema is not None:
        row["properties"] = {
            column.name: {"type": _type(column.dtype)} for column in schema.columns
        }
    return {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "array", "items": row}},
    }


def _type(dtype: DataType) -> str:
    return "number" if dtype.is_float else _TYPES.get(dtype, "string")


def _swagger(schemas: _Tree) -> _Tree:
    body = {"name": "body", "in": "body", "required": True, "schema": _local("ServiceInput", 2)}
    responses = {
        "200": {"description": "The predictions.", "schema": _local("ServiceOutput", 2)},
        "default": {"description": _WRONG, "schema": _local("ErrorResponse", 2)},
    }
    return {
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {
            "Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}
        },
        "paths": _paths({"parameters": [body], "responses": responses}),
        "definitions": schemas,
    }


def _openapi(schemas: _Tree) -> _Tree:
    responses = {
        "200": {"description": "The predictions.", **_content("ServiceOutput")},
        "default": {"description": _WRONG, **_content("ErrorResponse")},
    }
    body = {"required": True, **_content("ServiceInput")}
    return {
        "paths": _paths({"requestBody": body, "responses": responses}),
        "components": {
            "securitySchemes": {"Bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
        },
    }


def _paths(score: _Tree) -> _Tree:
    """Return the two routes that clients of Azure ML look for."""
    alive = {"responses": {"200": {"description": "The model is loaded."}}}
    return {
        "/": {"get": {"operationId": "ServiceHealthCheck", **alive}},
        "/score": {"post": {"operationId": "RunMLService", "security": _BEARER, **score}},
    }


def _content(name: str) -> _Tree:
    return {"content": {"application/json": {"schema": _local(name, 3)}}}


def _local(name: str, version: int) -> _Tree:
    place = "definitions" if version == 2 else "components/schemas"
    return {"$ref": f"#/{place}/{name}"}
