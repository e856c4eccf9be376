"""Members of requests: objects, lists of them, and the parameters that are looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

from drum_like.errors import PayloadError

Json = Mapping[str, Any]

_CONTENT_TYPES = ("np", "pd", "str", "datetime")
_SHARED = "shared_memory_region"


def parameters_of(one: Json, name: str) -> Json:
    """Return the parameters of a tensor or an output; empty without.

    Raises:
        PayloadError: they are no object, or ask for shared memory.
    """
    parameters = object_of(one.get("parameters"), f"parameters of {name}")
    if _SHARED in parameters:
        raise PayloadError(
            "shared memory is not served: this server may run on another machine; send tensors in "
            "the body, as JSON or binary"
        )
    return parameters


def content_type_of(parameters: Json) -> str | None:
    """Return MLServer's parameter that says how values are meant.

    Raises:
        PayloadError: it names an encoding that is not undone here.
    """
    found = parameters.get("content_type")
    if found is not None and found not in _CONTENT_TYPES:
        raise PayloadError(
            f"content_type must be one of {', '.join(_CONTENT_TYPES)}; send values as they are"
        )
    return found


def truth_of(parameters: Json, name: str) -> bool | None:
    """Return a truth value, None without one; raises PayloadError for all else."""
    found = parameters.get(name)
    if not isinstance(found, bool | None):
        raise PayloadError(f"the parameter {name} must be true or false")
    return found


def object_of(found: Any, name: str) -> Json:
    """Return an object, an empty one for null; raises PayloadError for all else."""
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise PayloadError(f"the {name} must be an object")
    return found


def objects_of(found: Any, name: str) -> Sequence[Json]:
    """Return a list of objects; raises PayloadError for all else."""
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise PayloadError(f"`{name}` must be a list of objects")
    return found
