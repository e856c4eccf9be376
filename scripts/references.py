"""Write the generated parts of docs/: `python scripts/references.py [--check]`.

A part stands between two comments, `<!-- generated: NAME -->` and `<!-- end: NAME -->`. With
--check nothing is written; the exit code is 1 if a part is out of date.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from drum_like import logs
from drum_like.cli.main import EXIT_CODES
from drum_like.config.command_line import spellings
from drum_like.config.drum_flags import FLAGS
from drum_like.config.environment import RUNTIME_PARAMETER
from drum_like.config.options import Option, variables
from drum_like.config.settings import options
from drum_like.config.verbs import VERBS
from drum_like.contracts.ui.documents import documents
from drum_like.system import audit
from drum_like.system.instruments import Counter, Metric
from drum_like.system.metrics import METRICS

DOCS = Path(__file__).resolve().parent.parent / "docs"


def verbs() -> str:
    """Return the verbs as a table."""
    lines = [f"| `drum-like {verb}` | {purpose} |" for verb, purpose in VERBS.items()]
    return "\n".join(["| verb | what it does |", "|---|---|", *lines])


def settings() -> str:
    """Return every setting as a table: flag, variables, default, meaning."""
    lines = [_row(name, option) for name, option in options().items()]
    head = ["| flag | verbs | default | meaning | environment |", "|---|---|---|---|---|"]
    return "\n".join([*head, *lines])


def parameters() -> str:
    """Return the runtime parameters that steer the server as a table."""
    lines = []
    for name, option in options().items():
        runtime_parameter = option.runtime_parameter
        if runtime_parameter is not None:
            accepted = (
                ", ".join(runtime_parameter.words)
                or f"{runtime_parameter.low} to {runtime_parameter.high}"
            )
            flag = spellings(name, option)[-1]
            lines.append(
                f"| `{RUNTIME_PARAMETER}{runtime_parameter.name}` | `{flag}` | {accepted} |"
            )
    return "\n".join(["| runtime parameter | like | accepted |", "|---|---|---|", *lines])


def inert_flags() -> str:
    """Return the flags that are accepted without effect as a table."""
    lines = [
        f"| `{flag.name}` | {', '.join(flag.verbs)} | {flag.effect} | {_code(flag.env)} |"
        for flag in FLAGS
    ]
    head = ["| flag | verbs | instead | environment |", "|---|---|---|---|"]
    return "\n".join([*head, *lines])


def metrics() -> str:
    """Return the metrics of /metrics as a table."""
    lines = [
        f"| `{_sample(metric)}` | {metric.kind} | {_code(metric.labels)} | {metric.help} |"
        for metric in METRICS
    ]
    head = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *lines])


def log_fields() -> str:
    """Return the fields of log lines in JSON as a table."""
    kinds = {"all": logs.FIELDS, "access": logs.ACCESS_FIELDS, "audit": audit.FIELDS}
    lines = [
        f"| `{name}` | {kind} | {meaning} |"
        for kind, fields in kinds.items()
        for name, meaning in fields.items()
    ]
    return "\n".join(["| field | lines | meaning |", "|---|---|---|", *lines])


def exit_codes() -> str:
    """Return the exit codes as a table."""
    lines = [f"| {code} | {why} |" for code, why in EXIT_CODES.items()]
    return "\n".join(["| code | why |", "|---|---|", *lines])


def probes() -> str:
    """Return the routes that ask nobody, of all contracts, as a table."""
    found = (
        f"| `{path}` | {operation['summary']} | {', '.join(operation['responses'])} | {name} |"
        for name, document in documents().items()
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if isinstance(operation, dict) and _is_probe(operation)
    )
    head = ["| route | purpose | answers | document |", "|---|---|---|---|"]
    return "\n".join([*head, *found])


def _is_probe(operation: Mapping[str, Any]) -> bool:
    return operation.get("security") == [] or "probes" in operation.get("tags", ())


PARTS: Mapping[str, Callable[[], str]] = {
    "verbs": verbs,
    "settings": settings,
    "runtime-parameters": parameters,
    "inert-flags": inert_flags,
    "metrics": metrics,
    "log-fields": log_fields,
    "exit-codes": exit_codes,
    "probes": probes,
}


def filled(text: str) -> str:
    """Return a page with every generated part up to date."""
    for name, make in PARTS.items():
        start, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        head, found, rest = text.partition(start)
        if found:
            text = f"{head}{start}\n{make()}\n{end}{rest.partition(end)[2]}"
    return text


def main() -> int:
    """Write, or with --check compare, all pages; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on differences")
    check = parser.parse_args().check
    stale = [
        page for page in sorted(DOCS.glob("*.md")) if filled(page.read_text()) != page.read_text()
    ]
    for page in stale:
        if not check:
            page.write_text(filled(page.read_text()))
        print(f"{page.name} {'is out of date: run make references' if check else 'written'}")
    return int(check and bool(stale))


def _row(name: str, option: Option) -> str:
    metavar = "" if option.is_switch else f" {option.kind.metavar}"
    flag = ", ".join(f"`{spelling}{metavar}`" for spelling in spellings(name, option))
    flag = f"`{option.kind.metavar}`" if option.positional else flag
    words = f": {', '.join(option.choices)}" if option.choices else ""
    listed = ", ".join(option.verbs) if len(option.verbs) < len(VERBS) else "all"
    default, names = _default(option.default), _code(variables(name, option))
    cells = (flag, listed, default, option.help + words, names)
    return f"| {' | '.join(cells)} |"


def _sample(metric: Metric) -> str:
    """Return the name of a metric as Prometheus shows it."""
    return f"{metric.name}_total" if isinstance(metric, Counter) else metric.name


def _default(value: Any) -> str:
    if value is None or value is False or value in ("", (), Path()):
        return ""
    is_list = isinstance(value, tuple) and not hasattr(value, "_fields")
    return f"`{','.join(value) if is_list else value}`"


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.exit(main())
