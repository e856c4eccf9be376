"""One OpenAPI document for the contracts that a server has on.

The documents of all contracts are in `openapi/`, one a file. Only operations that the server has
are taken from them. Components get the name of their file before their own, so that they stay
apart; an operation that several contracts share takes the bodies and the answers of each.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from flask import Flask

from drum_like import __version__
from drum_like.system.lazy import yaml

METHODS = frozenset({"get", "put", "post", "delete", "patch"})
"""The methods that are described; HEAD and OPTIONS belong to every route."""

Operation = tuple[str, str]
"""Method and path; parameters of the path have lost their names."""

Tree = Mapping[str, Any]
"""A part of a document."""

_LOCAL = "#/components/"
_PARAMETER = re.compile(r"\{([^}]*)\}")


def documents() -> dict[str, Tree]:
    """Return the documents of all contracts, by the names of their files without suffix."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    texts = {
        p.name: p.read_text("utf-8")
        for p in files("drum_like_openapi").iterdir()
        if _is_yaml(p.name)
    }
    return {
        name.removesuffix(".yaml"): yaml.load(text, loader) for name, text in sorted(texts.items())
    }


def _is_yaml(name: str) -> bool:
    return name.endswith(".yaml")


def served(app: Flask) -> frozenset[Operation]:
    """Return the operations of an application."""
    return frozenset(
        (method, nameless(re.sub(r"<[^>]*>", "{}", rule.rule)))
        for rule in app.url_map.iter_rules()
        for method in _methods(rule.methods)
    )


def nameless(path: str) -> str:
    """Return a path without names of parameters; a slash at its end means nothing."""
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/") or "/"


def described(document: Tree) -> Iterator[tuple[Operation, str, Tree]]:
    """Yield the operations of a document, each with its path and its description."""
    for path, item in document.get("paths", {}).items():
        for method in sorted(METHODS & item.keys()):
            yield (method.upper(), nameless(path)), path, item[method]


def combined(
    parts: Mapping[str, Tree], operations: frozenset[Operation], prefix: str = ""
) -> dict[str, Any]:
    """Return one document of all that describe these operations.

    Args:
        parts: The documents by name.
        operations: Those of the server; others are left out.
        prefix: Of the paths of the server.
    """
    paths: dict[str, dict[str, Any]] = {}
    components: dict[str, dict[str, Any]] = {}
    tags: list[Tree] = []
    for name, part in parts.items():
        own = _apart(name, part)
        found = [one for one in described(own) if _is_served(one[0], operations, prefix)]
        if not found:
            continue
        for kind, entries in own.get("components", {}).items():
            components.setdefault(kind, {}).update(entries)
        tags += own.get("tags", ())
        for (method, _), path, operation in found:
            known = _known(path, paths)
            item = paths.setdefault(known, _item(own, path, operations, prefix))
            here = _placed(operation, path, known, own)
            before = item.get(method.lower())
            item[method.lower()] = here if before is None else _merged(before, here)
    return {
        "openapi": "3.1.0",
        "info": {"title": "drum-like", "version": __version__},
        "servers": [{"url": prefix or "/"}],
        "tags": tags,
        "paths": paths,
        "components": components,
    }


def _is_served(operation: Operation, operations: frozenset[Operation], prefix: str) -> bool:
    method, path = operation
    return operation in operations or (method, nameless(prefix + path)) in operations


def _known(path: str, paths: Mapping[str, Any]) -> str:
    """Return a path as it stands in the document already, with other names of parameters."""
    return next((other for other in paths if nameless(other) == nameless(path)), path)


def _item(
    document: Tree, path: str, operations: frozenset[Operation], prefix: str
) -> dict[str, Any]:
    """Return the path without its operations; one that stands at the root, too, says where."""
    left_out = METHODS | {"parameters"}
    item = {k: v for k, v in document["paths"][path].items() if k not in left_out}
    of_path = [one[0] for one in described(document) if one[1] == path]
    if not prefix or operations.isdisjoint(of_path):
        return item
    below = any((method, nameless(prefix + name)) in operations for method, name in of_path)
    return {**item, "servers": [{"url": url} for url in (prefix, "/")[0 if below else 1 :]]}


def _placed(operation: Tree, path: str, known: str, document: Tree) -> dict[str, Any]:
    """Return an operation with its parameters written out, named as in the path of others."""
    names = dict(zip(_PARAMETER.findall(path), _PARAMETER.findall(known), strict=True))
    shared = document["paths"][path].get("parameters", ())
    entries = document["components"].get("parameters", {})
    found = [
        entries[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        for one in (*shared, *operation.get("parameters", ()))
    ]
    placed = [
        {**one, "name": names.get(one["name"], one["name"])} if one["in"] == "path" else one
        for one in found
    ]
    return {**operation, "parameters": placed}


def _apart(name: str, document: Tree) -> dict[str, Any]:
    """Return a document whose components, tags and operations have its name before their own."""
    own: dict[str, Any] = _renamed(document, lambda entry: f"{name}.{entry}")
    own["components"] = {
        kind: {f"{name}.{entry}": value for entry, value in entries.items()}
        for kind, entries in own.get("components", {}).items()
    }
    own["tags"] = [{**tag, "name": f"{name}: {tag['name']}"} for tag in own.get("tags", ())]
    for _, path, operation in described(own):
        method = next(m for m in METHODS if own["paths"][path].get(m) is operation)
        own["paths"][path][method] = _named(name, operation, own.get("security"))
    return own


def _named(name: str, operation: Tree, security: Any) -> dict[str, Any]:
    named = {**operation, "tags": [f"{name}: {tag}" for tag in operation.get("tags", ())]}
    if "operationId" in operation:
        named["operationId"] = f"{name}.{operation['operationId']}"
    asked = operation.get("security", security)
    if asked is not None:
        named["security"] = [{f"{name}.{k}": v for k, v in one.items()} for one in asked]
    return named


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    """Return a part of a document whose references to components have other names."""
    if isinstance(value, list):
        return [_renamed(one, rename) for one in value]
    if not isinstance(value, dict):
        return value
    out = {key: _renamed(one, rename) for key, one in value.items()}
    target = out.get("$ref")
    if isinstance(target, str) and target.startswith(_LOCAL):
        kind, _, entry = target.removeprefix(_LOCAL).partition("/")
        out["$ref"] = f"{_LOCAL}{kind}/{rename(entry)}"
    return out


def _merged(one: Tree, other: Tree) -> dict[str, Any]:
    """Return an operation that two contracts share."""
    merged = {**other, **one}
    merged["tags"] = [*one.get("tags", ()), *other.get("tags", ())]
    texts = [operation["summary"] for operation in (one, other) if "summary" in operation]
    merged["summary"] = " / ".join(dict.fromkeys(texts))
    every = [*one["parameters"], *other["parameters"]]
    merged["parameters"] = list({(p["name"], p["in"]): p for p in reversed(every)}.values())[::-1]
    merged["responses"] = {
        status: _either(one["responses"].get(status), other["responses"].get(status))
        for status in dict.fromkeys((*one["responses"], *other["responses"]))
    }
    if "requestBody" in one and "requestBody" in other:
        merged["requestBody"] = _either(one["requestBody"], other["requestBody"])
    return merged


def _either(one: Any, other: Any) -> Any:
    """Return the body of either contract; a reference stays that of the first."""
    if one is None or other is None:
        return other if one is None else one
    if "content" not in one or "content" not in other:
        return one
    kinds: Iterable[str] = dict.fromkeys((*one["content"], *other["content"]))
    content = {k: _any_of(one["content"].get(k), other["content"].get(k)) for k in kinds}
    return {**one, "content": content}


def _any_of(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    schemas = [part["schema"] for part in (one, other) if "schema" in part]
    return {"schema": {"anyOf": schemas}} if schemas else {}


def _methods(methods: Iterable[str] | None) -> set[str]:
    return {method for method in methods or () if method.lower() in METHODS}
