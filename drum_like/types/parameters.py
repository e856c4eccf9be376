"""Parameters that a caller sends beside the rows of a request, for models that take some.

They stand in the context of the request, where those steps find them that pass them on: a score
hook that names `params`, and models of MLflow whose signature has parameters. All other models
predict without.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from drum_like.errors import PayloadError

Parameters = Mapping[str, Any]
"""Values of JSON by their names."""

NO_PARAMETERS: Parameters = MappingProxyType({})

_SENT: ContextVar[Parameters] = ContextVar("parameters", default=NO_PARAMETERS)

sent = _SENT.get
"""Returns the parameters of the request; none where nothing has been sent."""


class ParameterError(PayloadError):
    """The parameters of a request are no object, or do not fit the model."""


def parameters_at(tree: Mapping[str, Any], key: str) -> Parameters:
    """Return the parameters below a key of a body, none where they are null.

    Raises:
        ParameterError: they are no object.
    """
    found = tree.get(key)
    if found is None:
        return NO_PARAMETERS
    if not isinstance(found, Mapping):
        raise ParameterError(f"`{key}` must be an object of parameters by their names")
    return found


def sending(parameters: Parameters) -> AbstractContextManager[None]:
    """Let models find these parameters in the block."""
    return _sending(parameters) if parameters else nullcontext()


@contextmanager
def _sending(parameters: Parameters) -> Iterator[None]:
    token = _SENT.set(parameters)
    try:
        yield
    finally:
        _SENT.reset(token)
