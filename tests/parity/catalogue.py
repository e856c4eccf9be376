"""All cases of the harness: those beside DRUM, and the servers of other products."""

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
from tests.parity.servers.azureml import AZUREML
from tests.parity.servers.kserve import KSERVE
from tests.parity.servers.mlflow import MLFLOW
from tests.parity.servers.mlserver import MLSERVER
from tests.parity.servers.vertex import VERTEX


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


SERVERS = (MLFLOW, MLSERVER, KSERVE, AZUREML, VERTEX)
"""The servers of other products."""
