"""All cases of the harness."""

from pathlib import Path

from tests.parity.case import Case
from tests.parity.cases import (
    broken,
    chats,
    csv_bodies,
    deployments,
    frameworks,
    hooks_of_models,
    outputs,
    routes,
    scores,
    settings,
    transforms,
    unstructured,
    usage,
)
from tests.parity.cases.templates import template_cases


def all_cases(templates: Path) -> tuple[Case, ...]:
    """Return every case: first the templates, then the written ones."""
    return (
        *template_cases(templates),
        *routes.CASES,
        *csv_bodies.CASES,
        *outputs.CASES,
        *hooks_of_models.CASES,
        *transforms.CASES,
        *unstructured.CASES,
        *chats.CASES,
        *deployments.CASES,
        *frameworks.CASES,
        *broken.CASES,
        *settings.CASES,
        *usage.CASES,
        *scores.CASES,
    )
