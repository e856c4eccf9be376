"""The server with a store, which answers Wallaroo's contract, and uploads to it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.oracle.case import Target
from tests.support.http_calls import Part, Reply, call, form
from tests.support.serving import serve
from tests.support.wallaroo_api import version_id

CHECK_TIMEOUT_S = 300.0
FRAMEWORKS = {"scikit-learn": "sklearn"}


@contextmanager
def store_server() -> Iterator[str]:
    """Serve an empty store until the block ends; give its address."""
    flags = ("--max-workers", "1", "--allow-code-uploads", "--decision-log", "off")
    with (
        TemporaryDirectory(prefix="oracle-store-") as folder,
        serve(None, "--store", folder, *flags, timeout_s=CHECK_TIMEOUT_S) as server,
    ):
        yield server.url


def upload(url: str, artifact: Path, model: str, plugin: str, target: Target) -> str:
    """Store a model file under a name; return why it is not ready, or nothing."""
    conversion = {"framework": FRAMEWORKS.get(plugin, plugin), "requirements": []}
    described = {
        "name": model,
        "visibility": "private",
        "workspace_id": 1,
        "conversion": conversion,
        "declared": target.declared,
    }
    body, kind = form(
        Part("metadata", json.dumps(described), None, "application/json"),
        Part("file", artifact.read_bytes(), artifact.name, "application/octet-stream"),
    )
    reply = _post(url, "upload_and_convert", body, kind)
    if reply.status != 202:
        return f"{reply.status} {reply.text[:300]}"
    return _checked(url, version_id(reply))


def _checked(url: str, version: int) -> str:
    deadline = time.monotonic() + CHECK_TIMEOUT_S
    asked = json.dumps({"model_version_id": version}).encode()
    found: dict[str, Any] = {}
    while time.monotonic() < deadline:
        reply = _post(url, "get_version_by_id", asked, "application/json")
        found = reply.json()["model_version"]["model_version"]
        if found["status"] in ("ready", "error"):
            return "" if found["status"] == "ready" else f"not ready: {json.dumps(found)[:400]}"
        time.sleep(0.1)
    return f"not checked after {CHECK_TIMEOUT_S} s: {found.get('status')}"


def _post(url: str, route: str, body: bytes, kind: str) -> Reply:
    return call(url, "POST", f"/v1/api/models/{route}", body=body, headers={"Content-Type": kind})
