"""Tests of a described contract: its operations, the checks, the draw of examples."""

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

ROOT = Path(__file__).parents[2]

CONFORMANCE = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def operations(document: str) -> dict[str, Any]:
    """Return the operations of a document in openapi/ by their labels, as "GET /ping/"."""
    schema = schemathesis.openapi.from_path(ROOT / "openapi" / document)
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    return {operation.label: operation for operation in found}


def cases(operation: Any) -> st.SearchStrategy[Case[Any]]:
    """Return requests as they are described, and others."""
    return st.one_of(
        operation.as_strategy(GenerationMode.POSITIVE),
        operation.as_strategy(GenerationMode.NEGATIVE),
    )


def drawn(n_examples: int) -> settings:
    """Return the settings for drawing requests: their number, and the same each time."""
    return settings(
        max_examples=n_examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
