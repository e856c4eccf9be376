"""Servers that several modules of route tests share."""

from tests.support.models import (
    BINARY,
    ECHO,
    MULTICLASS,
    MULTILABEL,
    ONE_WORKER,
    REG,
    STEERED,
    TEXT,
    served,
)
from tests.support.more_models import TRANSFORM, UNSTRUCTURED

reg = served(REG, *ONE_WORKER, scope="session")
steered = served(STEERED, *ONE_WORKER, scope="session")
binary = served(BINARY, *ONE_WORKER, scope="session")
text = served(TEXT, *ONE_WORKER, scope="session")
echo = served(ECHO, *ONE_WORKER, scope="session")
multiclass = served(MULTICLASS, *ONE_WORKER, scope="session")
multilabel = served(MULTILABEL, *ONE_WORKER, scope="session")
unstructured = served(UNSTRUCTURED, *ONE_WORKER, scope="session")
transform = served(TRANSFORM, *ONE_WORKER, scope="session")
