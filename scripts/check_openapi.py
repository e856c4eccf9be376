"""Checks openapi/*.yaml: valid documents, and exactly the routes of a server with a store.

Exits with 1 and one line for each fault.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from drum_like import __version__
from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import load
from drum_like.contracts.ui.documents import Operation, Tree, combined, described, served
from drum_like.http.app import create_app

SPECS = Path(__file__).parents[1] / "openapi"
MODEL = """
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [0.0] * len(data)})
"""


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
    there, ours = _described(documents), served(_app())
    yield from (f"served, but in no document: {_shown(o)}" for o in sorted(ours - there))
    yield from (f"in a document, but not served: {_shown(o)}" for o in sorted(there - ours))
    both = OpenAPIV31SpecValidator(combined(documents, ours))
    yield from (
        f"all together: {'/'.join(map(str, e.path))}: {e.message}" for e in both.iter_errors()
    )


def _described(documents: Mapping[str, Tree]) -> set[Operation]:
    return {operation for document in documents.values() for operation, _, _ in described(document)}


def _app() -> Flask:
    """Return the application of a server that has one model, and more in a store and by name."""
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        Path(folder, "custom.py").write_text(MODEL, encoding="utf-8")
        flags = ["--code-dir", folder, "--target-type", "regression", "--store", f"{folder}/store"]
        flags.append("--multi-model")
        return create_app(load(ServerSettings, ["server", *flags], {})).flask


def _shown(operation: Operation) -> str:
    return " ".join(operation)


if __name__ == "__main__":
    sys.exit(main())
