"""Servers that several modules of route tests share."""

from tests.support.models import BINARY, ECHO, ONE_WORKER, REG, STEERED, TEXT, served

reg = served(REG, *ONE_WORKER, scope="session")
steered = served(STEERED, *ONE_WORKER, scope="session")
binary = served(BINARY, *ONE_WORKER, scope="session")
text = served(TEXT, *ONE_WORKER, scope="session")
echo = served(ECHO, *ONE_WORKER, scope="session")
