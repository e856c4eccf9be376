"""Checks openapi/*.yaml: valid documents, and exactly the routes of a server with a store.

Exits with 1 and one line for each fault.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from drum_like import __version__
from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.http.app import create_app

SPECS = Path(__file__).parents[1] / "openapi"
METHODS = frozenset({"get", "put", "post", "delete", "patch"})
"""The methods that are compared; HEAD and OPTIONS belong to every route."""

MODEL = """
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [0.0] * len(data)})
"""

Operation = tuple[str, str]
"""Method and path; parameters of the path have lost their names."""


def main() -> int:
    """Check the documents; return 0 if all are right, else print the errors and return 1."""
    parser = argparse.ArgumentParser(description="Check the OpenAPI documents.")
    parser.add_argument("directory", nargs="?", type=Path, default=SPECS)
    paths = sorted(parser.parse_args().directory.glob("*.yaml"))
    documents = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in paths}
    faults = list(_faults(documents))
    for fault in faults:
        print(fault)
    if not faults:
        print(f"{len(documents)} OpenAPI document(s), {len(_described(documents))} operations: ok")
    return 1 if faults else 0


def _faults(documents: dict[str, Any]) -> Iterator[str]:
    if not documents:
        yield "there is no OpenAPI document"
    for name, document in documents.items():
        broken = list(OpenAPIV31SpecValidator(document).iter_errors())
        yield from (f"{name}: {'/'.join(map(str, e.path))}: {e.message}" for e in broken)
        if document.get("info", {}).get("version") != __version__:
            yield f"{name}: info/version is not {__version__}"
    described, served = _described(documents), _served(_app())
    yield from (f"served, but in no document: {_shown(o)}" for o in sorted(served - described))
    yield from (f"in a document, but not served: {_shown(o)}" for o in sorted(described - served))


def _described(documents: dict[str, Any]) -> set[Operation]:
    return {
        (method.upper(), _nameless(path))
        for document in documents.values()
        for path, item in document.get("paths", {}).items()
        for method in METHODS & item.keys()
    }


def _served(app: Flask) -> set[Operation]:
    return {
        (method, _nameless(re.sub(r"<[^>]*>", "{}", rule.rule)))
        for rule in app.url_map.iter_rules()
        for method in _methods(rule.methods)
    }


def _methods(methods: Iterable[str] | None) -> set[str]:
    return {method for method in methods or () if method.lower() in METHODS}


def _app() -> Flask:
    """Return the application of a server that has one model, and more in a store."""
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        Path(folder, "custom.py").write_text(MODEL, encoding="utf-8")
        flags = ["--code-dir", folder, "--target-type", "regression", "--store", f"{folder}/store"]
        return create_app(load(ServerSettings, ["server", *flags], {})).flask


def _nameless(path: str) -> str:
    """Return a path without names of parameters; a slash at its end means nothing."""
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/") or "/"


def _shown(operation: Operation) -> str:
    return " ".join(operation)


if __name__ == "__main__":
    sys.exit(main())
