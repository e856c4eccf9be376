"""Callers that a server knows by an API key."""

from collections.abc import Mapping
from pathlib import Path


def write_credentials(folder: Path, scopes: Mapping[str, str]) -> Path:
    """Write the file of --credentials; the key of each caller is `key-NAME`.

    Args:
        folder: Where it goes.
        scopes: By the caller's name, as text: "predict, observe".
    """
    path = folder / "credentials.yaml"
    callers = (
        f"- {{name: {name}, api_key: key-{name}, scopes: [{allowed}]}}\n"
        for name, allowed in scopes.items()
    )
    path.write_text("".join(callers))
    return path
