"""The answer to `:explain`: the contribution of each column to each prediction.

KServe's protocol leaves this answer to the explainer; its one key is `explanations`.
"""

from typing import Any

from drum_like.errors import UnsupportedError
from drum_like.inference.service import Service
from drum_like.types.explanation import Contributions
from drum_like.types.frame import Frame

_BIAS = "bias"


def explanations(service: Service, rows: Frame | None) -> list[dict[str, Any]]:
    """Return an object for each row: `contributions` by column, and the `bias` they start from.

    Of three classes or more it has `classes`: the same for each label.

    Args:
        service: The model.
        rows: At least one, or None.

    Raises:
        UnsupportedError: the model has no contributions.
        DrumLikeError: as Service.contributions.
    """
    kinds = service.contribution_kinds
    if not kinds:
        raise UnsupportedError("this model has no contributions; `/info/` tells why")
    if rows is None:
        return []
    conformed = rows if service.inputs is None else service.inputs.conform(rows)
    found = service.contributions(conformed, kinds[0])
    if found.groups == (None,):
        return _parts(found, 0)
    groups = [_parts(found, at) for at in range(len(found.groups))]
    labels = list(map(str, found.groups))
    return [{"classes": dict(zip(labels, row, strict=True))} for row in zip(*groups, strict=True)]


def _parts(found: Contributions, group: int) -> list[dict[str, Any]]:
    """Return the contributions of one group, row by row."""
    return [
        {"contributions": dict(zip(found.features, row, strict=False)), _BIAS: row[-1]}
        for row in found.values[group].tolist()
    ]
