"""Output of verbs: tables for people, JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict

import orjson

from drum_like.cli.model_store import ListedModel, ListedVersion

_SHORT = 12


def print_json(content: object) -> None:
    """Print a value as JSON."""
    print(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())  # noqa: T201 - the answer


def print_text(text: str) -> None:
    """Print the answer of the command."""
    print(text)  # noqa: T201 - the command's answer


def models_table(models: Sequence[ListedModel]) -> str:
    """Return models as a table, one line each."""
    rows = [("NAME", "VERSIONS", "NEWEST", "STATUS", "SIZE", "CREATED")]
    for model in models:
        newest = model.versions[0] if model.versions else None
        about = ("", "", "", "") if newest is None else (str(newest.number), *_about(newest))
        rows.append((model.name, str(len(model.versions)), *about))
    return table(rows)


def versions_table(model: ListedModel) -> str:
    """Return the versions of a model as a table, one line each."""
    rows = [("VERSION", "STATUS", "SIZE", "CREATED", "SHA256", "FILE", "ALIASES")]
    rows += [
        (
            str(version.number),
            *_about(version),
            version.sha256[:_SHORT],
            version.file_name or "",
            " ".join(version.aliases),
        )
        for version in model.versions
    ]
    faults = [f"version {one.number}: {one.error}" for one in model.versions if one.error]
    return "\n".join([table(rows), *faults])


def as_json(model: ListedModel) -> dict[str, object]:
    """Return a model as JSON."""
    return {"name": model.name, "versions": [asdict(version) for version in model.versions]}


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines of text, in columns."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _about(version: ListedVersion) -> tuple[str, str, str]:
    created = f"{version.created_at:%Y-%m-%d %H:%M:%S}"
    return version.status, _size(version.size), created


def _size(n_bytes: int) -> str:
    """Return a size in words, with three digits."""
    size, unit = float(n_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1000:
            break
        size, unit = size / 1024, larger
    return f"{n_bytes} B" if unit == "B" else f"{size:.3g} {unit}"
