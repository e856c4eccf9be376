"""DRUM's custom tasks: a class CustomTask in custom.py that stands for its hooks.

What `fit` has saved is served; nothing is trained here.
"""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from drum_like.errors import CustomCodeError

ARTIFACT = "drum_artifact.pkl"
"""What `CustomTaskInterface.save` writes unless a task says otherwise."""

_CLASSES = frozenset({"positive_class_label", "class_labels"})


class CustomTaskInterface:
    """The base of custom tasks, for model directories that are served without DRUM.

    Attributes:
        secrets: Always empty: user secrets are not read.
    """

    secrets: Mapping[str, Any] = {}

    def save(self, artifact_directory: str) -> Self:
        """Pickle the task into a directory."""
        (Path(artifact_directory) / ARTIFACT).write_bytes(pickle.dumps(self))
        return self

    @classmethod
    def load(cls, artifact_directory: str) -> Any:
        """Return the task that was saved in a directory."""
        return pickle.loads((Path(artifact_directory) / ARTIFACT).read_bytes())  # noqa: S301 - of the operator, as custom.py


class RegressionEstimatorInterface(CustomTaskInterface):
    """Base of tasks with a method `predict`."""


class AnomalyEstimatorInterface(CustomTaskInterface):
    """Base of tasks with a method `predict`."""


class BinaryEstimatorInterface(CustomTaskInterface):
    """Base of tasks with a method `predict_proba`."""


class MulticlassEstimatorInterface(CustomTaskInterface):
    """Base of tasks with a method `predict_proba`."""


class TransformerInterface(CustomTaskInterface):
    """Base of tasks with a method `transform`."""


INTERFACES: Mapping[str, object] = {
    interface.__name__: interface
    for interface in (
        CustomTaskInterface,
        RegressionEstimatorInterface,
        AnomalyEstimatorInterface,
        BinaryEstimatorInterface,
        MulticlassEstimatorInterface,
        TransformerInterface,
    )
}


def hooks_of(task: Any) -> dict[str, Callable[..., Any]]:
    """Return the hooks, by name, that a class CustomTask stands for.

    Raises:
        CustomCodeError: it is no class, or not one of DRUM's interfaces.
    """
    ancestors = {base.__name__ for base in getattr(task, "__mro__", ())}
    if CustomTaskInterface.__name__ not in ancestors:
        raise CustomCodeError(
            "The CustomTask class must inherit from the CustomTaskInterface",
            "import one of the interfaces from datarobot_drum.custom_task_interfaces",
        )

    def load_model(code_dir: str) -> Any:
        try:
            return task.load(code_dir)
        except Exception as error:
            raise RuntimeError(f"Failed to load custom task class. Exception: {error!r}") from error

    if TransformerInterface.__name__ in ancestors:
        return {"load_model": load_model, "transform": _transform}
    return {"load_model": load_model, "score": _score}


def _transform(data: Any, model: Any) -> Any:
    return model.transform(data)


def _score(data: Any, model: Any, **kwargs: Any) -> Any:
    method = model.predict if _CLASSES.isdisjoint(kwargs) else model.predict_proba
    return method(data, **kwargs)
