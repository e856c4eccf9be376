"""A model server's `POST /invocations`: `model_id` and `instances` in, one prediction each out."""

from collections.abc import Mapping, Sequence
from typing import Any

from drum_like.codecs.json.document import Document
from drum_like.codecs.json.values import floats
from drum_like.errors import NotFoundError, PayloadError, RequestError
from drum_like.http.contract import ContractContext
from drum_like.inference.named_rows import Scored, score
from drum_like.inference.service import Service
from drum_like.types.payload import Limits
from drum_like.types.target import TargetType, typed_label

THRESHOLD = 0.5
"""The positive class is said from this probability on."""

_FRAMEWORKS = {"scikit-learn": "sklearn", None: "custom"}
"""ecosystem.ai's names of frameworks that have another one here."""


def answer(context: ContractContext, document: Document, limits: Limits) -> dict[str, Any]:
    """Return `{model_id, framework, predictions}`.

    Raises:
        NotFoundError: there is no such model.
        PayloadError: the body is not of this form.
        DrumLikeError: as `score`.
    """
    name = document.tree["model_id"]
    _check_rows(document.tree)
    service, rows = _service(context, name), document.at("instances")
    predictions = _predictions(score(service, rows, limits)) if rows.tree else []
    return {"model_id": name, "framework": framework(service), "predictions": predictions}


def framework(service: Service) -> str:
    """Return ecosystem.ai's name of a model's framework."""
    name = service.info.framework
    return _FRAMEWORKS.get(name, name or "")


def _service(context: ContractContext, name: Any) -> Service:
    if not isinstance(name, str):
        raise PayloadError("model_id must be text, the name of a model")
    try:
        return context.resolve(name)
    except RequestError as error:
        raise NotFoundError(f"model_id {name[:128]!r} not found: {error}") from error


def _check_rows(tree: Mapping[str, Any]) -> None:
    rows = tree.get("instances")
    if not isinstance(rows, list):
        raise PayloadError("instances must be a list of objects, one for each row")
    for at, row in enumerate(rows):
        if not isinstance(row, dict):
            raise PayloadError(
                f"instances must be a list of objects, but number {at} (counted from 0) is not one"
            )


def _predictions(scored: Scored) -> list[dict[str, Any]]:
    target = scored.target
    if target.type is TargetType.BINARY:
        return _binary(scored)
    if target.type.is_classification:
        return [_labelled(target.order, row) for row in scored.chances.tolist()]
    column = scored.prediction.column
    values = floats(column).tolist() if target.type.is_numeric else column.tolist()
    return [{"prediction": value} for value in values]


def _binary(scored: Scored) -> list[dict[str, Any]]:
    """Return the probability of the positive class, and the class that follows from it."""
    negative, positive = map(typed_label, scored.target.order)
    return [
        {"label": positive if chance >= THRESHOLD else negative, "probability": chance}
        for chance in scored.chances[:, 1].tolist()
    ]


def _labelled(labels: Sequence[str], chances: Sequence[float]) -> dict[str, Any]:
    """Return the probabilities, the largest first, and the class of the largest."""
    ranked = sorted(zip(labels, chances, strict=True), key=lambda pair: -pair[1])
    return {"label": typed_label(ranked[0][0]), "probabilities": dict(ranked)}
