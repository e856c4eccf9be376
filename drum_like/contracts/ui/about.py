"""The facts of a model that the page shows, and the requests that ask for a row of it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

import orjson
from flask import current_app

from drum_like.contracts.ui.documents import nameless, served
from drum_like.contracts.ui.examples import Example, examples, parameters
from drum_like.contracts.ui.sample import Row, categories, sample_row
from drum_like.inference.service import Service
from drum_like.types.payload import Limits
from drum_like.types.schema import Column

Json = dict[str, Any]


def facts(service: Service, limits: Limits) -> Json:
    """Return the facts of a model: identity, target, columns, abilities, and a sample row.

    Args:
        service: The model.
        limits: On the sample row.
    """
    target, told = service.target, service.description()
    columns = None if service.inputs is None else [*map(_column, service.inputs.columns)]
    abilities = {
        "rows": target.type.predicts_rows,
        "chat": service.can_chat,
        "unstructured": service.is_unstructured,
        "files": service.reads_any_type,
    }
    metadata = told.get("modelMetadata") or {}
    return {
        **asdict(service.info),
        "description": str(metadata.get("description") or ""),
        "target": {"type": target.type.value, "name": target.name, "labels": list(target.order)},
        "columns": columns,
        "can": abilities,
        "explanations": told.get("explanations"),
        "sample": sample_row(service, limits),
    }


def _column(column: Column) -> Json:
    kind = {"type": column.type, "dtype": column.dtype.value}
    return {"name": column.name, **kind, "categories": categories(column)}


def unstored(name: str, versions: Iterable[str]) -> Json:
    """Return a model of --code-dir or --models, which has no aliases; the newest version first."""
    found = [{"number": version, "status": "served"} for version in versions]
    return {"name": name, "aliases": {}, "versions": found[::-1]}


def requests_for(service: Service, row: Row, contracts: Collection[str], prefix: str) -> list[Json]:
    """Return a request for a row in the form of each contract that is on.

    Args:
        service: The model.
        row: The row; it need not be one that the model takes.
        contracts: Those that are on.
        prefix: Of the paths of the server.

    Returns:
        Objects of `title`, `contract`, `path` (relative to the prefix, without a slash before it),
        `media_type` and `body` as text; a title once.
    """
    shapes = served(current_app)

    def is_served(one: Example) -> bool:
        return one.contract in contracts and ("POST", nameless(prefix + one.path)) in shapes

    return [*_once(service, row, is_served)]


def _once(service: Service, row: Row, is_served: Callable[[Example], bool]) -> Iterator[Json]:
    known, titles = parameters(service.info), set[str]()
    for one in examples(service, row):
        # Requests that name the model stand after the others of their contract.
        if one.title in titles or not is_served(one):
            continue
        titles.add(one.title)
        body = one.body if isinstance(one.body, str) else orjson.dumps(one.body).decode()
        named = {name: quote(value, safe="") for name, value in known.items()}
        path = one.path.format_map(named).lstrip("/")
        yield {
            "title": one.title,
            "contract": one.contract,
            "path": path,
            "media_type": one.media_type,
            "body": body,
        }
