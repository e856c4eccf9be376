"""The program that a training run leaves behind: it scores one row through a server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TEXT = '''\
"""Score a row with {model_id} through /invocations: `python score_model.py [URL]`.

Written by the training run {run_id}. URL is that of a server, {url} without one. A server with
credentials wants one of them in the variable DRUM_LIKE_TOKEN.
"""

import json
import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

MODEL_ID = {model_id!r}
INSTANCE = {instance}


def main() -> None:
    """Score the row, and print the answer."""
    url = sys.argv[1] if len(sys.argv) > 1 else {url!r}
    body = json.dumps({{"model_id": MODEL_ID, "instances": [INSTANCE]}}).encode()
    headers = {{"Content-Type": "application/json"}}
    if token := os.environ.get("DRUM_LIKE_TOKEN"):
        headers["Authorization"] = f"Bearer {{token}}"
    request = Request(url.rstrip("/") + "/invocations", body, headers)
    try:
        with urlopen(request, timeout=60) as answer:
            print(json.dumps(json.load(answer), indent=2))
    except HTTPError as error:
        sys.exit(f"{{error.code}}: {{error.read().decode()}}")


if __name__ == "__main__":
    main()
'''


def write(path: Path, model_id: str, run_id: str, instance: Mapping[str, Any], url: str) -> None:
    """Write the program.

    Args:
        path: Where to.
        model_id: The model.
        run_id: The training run.
        instance: The row that it scores, as JSON has it, by column.
        url: Where the server is unless its caller says otherwise.
    """
    text = _TEXT.format(model_id=model_id, run_id=run_id, instance=_literal(instance), url=url)
    path.write_text(text, encoding="utf-8")


def _literal(row: Mapping[str, Any]) -> str:
    lines = "".join(f"    {name!r}: {value!r},\n" for name, value in row.items())
    return f"{{\n{lines}}}"
