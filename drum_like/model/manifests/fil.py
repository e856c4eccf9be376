"""The parameters of Triton's FIL backend, as far as answers depend on them.

Source: the backend's page "FIL Backend Model Configuration", and its treatment of binary models.
"""

from collections.abc import Mapping
from dataclasses import replace

from drum_like.errors import LoadError
from drum_like.model.manifests.manifest import Manifest
from drum_like.types.target import TargetType

_FILES = {
    "xgboost_json": ("xgboost", "xgboost.json"),
    "xgboost_ubj": ("xgboost", "xgboost.ubj"),
    "xgboost": ("xgboost", "xgboost.model"),
    "lightgbm": ("lightgbm", "model.txt"),
}
"""Predictors and usual files by model_type."""

_USUAL_THRESHOLD = 0.5


def model_of(parameters: Mapping[str, str], file: str) -> tuple[str, str]:
    """Return the predictor of a model, and the usual name of its file.

    Raises:
        LoadError: its type is not served.
    """
    kind = parameters.get("model_type", "xgboost")
    if kind not in _FILES:
        raise LoadError(
            f"{file} is for a FIL model of type {kind[:64]!r}; those of type "
            f"{', '.join(_FILES)} are served; save the model in its framework's own format"
        )
    return _FILES[kind]


def with_answers(manifest: Manifest, parameters: Mapping[str, str], width: int | None) -> Manifest:
    """Return a description with what FIL's parameters say about answers.

    A model whose output is no class is a regression. The name of the output stands for
    probabilities only where FIL gives as many of them: not for numbers of classes, nor for one
    column of two.

    Args:
        manifest: The description.
        parameters: Of the backend, by their names.
        width: Values of a row of the output; None if that is not told.

    Raises:
        LoadError: labels are wanted by another threshold than the usual one.
    """
    is_class = parameters.get("output_class")
    if is_class is None:
        return manifest
    if is_class.lower() != "true":
        return replace(manifest, target_type=TargetType.REGRESSION)
    has_chances = parameters.get("predict_proba", "false").lower() == "true"
    if not has_chances:
        _check_threshold(parameters.get("threshold"), manifest.file)
    return manifest if has_chances and width != 1 else replace(manifest, output_name=None)


def _check_threshold(text: str | None, file: str) -> None:
    try:
        is_usual = text is None or float(text) == _USUAL_THRESHOLD
    except ValueError:
        is_usual = False
    if not is_usual:
        raise LoadError(
            f"{file} asks for classes by another threshold than {_USUAL_THRESHOLD}; labels here "
            'are the likeliest ones: remove `threshold`, or set `predict_proba` to "true" and let '
            "callers compare the probabilities"
        )
