"""LightGBM: native boosters and the scikit-learn wrappers.

No call names a number of threads: LightGBM keeps it in one variable of the process, and a call
that changes it while another one runs makes that one write beyond its buffers. All calls follow
OpenMP's number, which is OMP_NUM_THREADS; it is one a thread, and calls for few rows make it 1 for
the thread that they run in.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from drum_like.api import (
    ArtifactError,
    Explainer,
    Frame,
    Label,
    Meaning,
    ModelTarget,
    Prediction,
    PredictorError,
    Scale,
    Schema,
    Target,
    TargetType,
)

# Relative: type checkers know this package under its folder's name.
from ..estimators import (
    NUMERIC,
    AdditiveModel,
    class_labels,
    column_explainer,
    no_probabilities_error,
    probabilities_meaning,
    target_of,
)
from ..native_calls import Values, two_columns
from .booster import BoosterRows, additive_estimator, additive_model, scorer
from .schema import schema_of

_NUMBERS = b"0123456789+-.einfaE "
_LEAVES = (b"leaf_value", b"leaf_weight", b"leaf_count")
_NODES = (
    *(b"split_feature", b"split_gain", b"threshold", b"decision_type", b"left_child"),
    *(b"right_child", b"internal_value", b"internal_weight", b"internal_count"),
)
_LINES = {**dict.fromkeys(_LEAVES, 0), **dict.fromkeys(_NODES, 1)}
"""Lines of a tree: how many numbers fewer than leaves; older versions leave some of them empty."""

_SCALES = {
    "binary": Scale.CHANCES,
    "cross_entropy": Scale.CHANCES,
    "multiclass": Scale.CHANCES,
    "multiclassova": Scale.CHANCES_EACH,
}
"""Scales by objective where probabilities are asked for; all others give numbers."""


class LightGBMPredictor:
    """Scores a dense matrix; categories are the codes that LightGBM gave them in training.

    `predict` may be called in several threads at once; of few rows a call keeps to its own thread.
    """

    def __init__(self, model: Any) -> None:
        native = isinstance(model, lgb.Booster)
        booster = model if native else model.booster_
        text = booster.model_to_string(num_iteration=1)
        self.framework = "lightgbm" if native else "scikit-learn"
        self.schema: Schema | None = schema_of(booster, text)
        self.target = _target(text) if native else target_of(class_labels(model))
        self._objective = _objective(text)
        self._is_own = type(model).__module__.startswith("lightgbm.")
        rows = BoosterRows(self.schema)
        self._scorer = _NativeModel(booster, rows) if native else _Estimator(model, rows)

    @staticmethod
    def load(path: Path) -> lgb.Booster:
        """Read a booster that `save_model` wrote as text.

        Raises:
            ArtifactError: LightGBM would never end, or read beyond its memory, on one of its trees.
        """
        _check_trees(path)
        return lgb.Booster(model_file=path)

    def predict(self, frame: Frame, target: Target) -> Prediction:
        """Score rows: probabilities for classification, the model's values otherwise."""
        if target.type.is_classification:
            return self._scorer.probabilities(frame)
        if target.type in NUMERIC:
            return Prediction(self._scorer.values(frame))
        raise PredictorError(
            f"Target type '{target.type.value}' is not supported by 'LightGBMPredictor' predictor"
        )

    def meaning(self, target: Target) -> Meaning | None:  # noqa: ARG002 - a MeaningSource
        """Return whether classes get probabilities; None of a class of the user's own."""
        return self._scorer.meaning(self._objective)

    def dependence(self, target: Target) -> str | None:  # noqa: ARG002 - IndependentRows
        """Return why a row may depend on its neighbours: in code that is not LightGBM's own."""
        return None if self._is_own else "a class that is not LightGBM's own may look at all rows"

    def margins(self, frame: Frame) -> Prediction:
        """Return the raw scores of rows, for a link of the metadata."""
        return self._scorer.margins(frame)

    def explainer(self, target: Target) -> Explainer:
        """Return the explainer that divides the booster's raw scores among its columns.

        Raises:
            UnsupportedError: its objective or its class does not allow that.
        """
        names = () if self.schema is None else self.schema.names
        return column_explainer(self._scorer.additive_model(target), names, self._scorer.classes)


class _NativeModel:
    """A booster, scored as `Booster.predict` scores a DataFrame."""

    def __init__(self, booster: lgb.Booster, rows: BoosterRows) -> None:
        self.classes: tuple[Label, ...] | None = None
        self._booster = booster
        self._score = scorer(booster)
        self._raw_score = scorer(booster, raw=True)
        self._rows = rows

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows,) chances of class 1, or (n_rows, n_classes) of every class."""
        return Prediction(self.values(frame))

    def values(self, frame: Frame) -> Values:
        """Return the booster's predictions."""
        return self._score(self._rows.matrix(frame))

    def meaning(self, objective: str) -> Meaning:
        """Return the meaning of predictions that an objective makes of raw scores."""
        said = f"LightGBM's objective {objective}" if objective else "an objective of one's own"
        return Meaning(_SCALES.get(objective, Scale.MARGINS), said)

    def margins(self, frame: Frame) -> Prediction:
        """Return (n_rows,) or (n_rows, n_outputs) raw scores."""
        return Prediction(self._raw_score(self._rows.matrix(frame)), self.classes)

    def additive_model(self, target: Target) -> AdditiveModel:
        """Return the raw scores of frames as sums.

        Raises:
            UnsupportedError: as the function of that name.
        """
        found = additive_model(self._booster, target)
        return replace(
            found, contributions=lambda frame: found.contributions(self._rows.matrix(frame))
        )


class _Estimator:
    """An estimator of lightgbm.sklearn.

    The booster inside is asked where the estimator does no more than that; everything else goes
    through the estimator's own methods and a DataFrame.
    """

    def __init__(self, model: Any, rows: BoosterRows) -> None:
        self._model = model
        self.classes = class_labels(model)
        self._rows = rows
        self._native = _NativeModel(model.booster_, rows)
        self._own = type(model).__module__.startswith("lightgbm.")
        self._plain = self._own and not callable(model.objective_) and not _stops_early(model)

    def meaning(self, objective: str) -> Meaning | None:
        """Return the meaning of `predict_proba`; None for a method of the user's own."""
        usual = self._native.meaning(objective)
        return probabilities_meaning(self._model, "lightgbm.sklearn", usual)

    def margins(self, frame: Frame) -> Prediction:
        """Return (n_rows,) or (n_rows, n_outputs) raw scores and the estimator's classes."""
        if self._plain:
            return replace(self._native.margins(frame), labels=self.classes)
        raw = self._model.predict(frame.pandas, raw_score=True)
        return Prediction(np.asarray(raw), self.classes)

    def probabilities(self, frame: Frame) -> Prediction:
        """Return (n_rows, n_classes) chances and the estimator's classes."""
        if not hasattr(self._model, "predict_proba"):
            raise no_probabilities_error(self._model)
        if not self._plain:
            return Prediction(np.asarray(self._model.predict_proba(frame.pandas)), self.classes)
        chances = self._native.values(frame)
        if chances.ndim == 1:
            chances = two_columns(chances)
        return Prediction(chances, self.classes)

    def values(self, frame: Frame) -> Values:
        """Return the estimator's predictions; a classifier gives classes."""
        if self._plain and self.classes is None:
            return self._native.values(frame)
        return np.asarray(self._model.predict(frame.pandas))

    def additive_model(self, target: Target) -> AdditiveModel:
        """Return the raw scores of frames as sums.

        Raises:
            UnsupportedError: as `additive_estimator`.
        """
        found = additive_estimator(self._model, target)
        return replace(
            found, contributions=lambda frame: found.contributions(self._rows.matrix(frame))
        )


def _check_trees(path: Path) -> None:
    """Refuse a file with trees that are none: LightGBM reads and follows them without a look.

    Raises:
        ArtifactError: a node leads back to an earlier one, or to none, or numbers are missing;
            names the tree. Or there is a byte 0, where LightGBM's reader stays for ever.
    """
    for number, tree in enumerate(_trees(path)):
        if not _is_whole(tree):
            raise ArtifactError(
                f"tree {number} of the LightGBM file is damaged: a node leads back to an earlier "
                "one, or to none, or numbers are missing; save the model again"
            )


def _trees(path: Path) -> Iterator[Mapping[bytes, bytes]]:
    """Return the lines of numbers of each tree, by their names."""
    tree: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        for line in file:
            if b"\0" in line:
                raise ArtifactError(
                    "the LightGBM file holds a byte 0: it is damaged; save it again"
                )
            name, _, text = line.rstrip(b"\r\n").partition(b"=")
            if name == b"Tree" and tree:
                yield tree
                tree = {}
            if name in _LINES:
                tree[name] = text
    if tree:
        yield tree


def _is_whole(tree: Mapping[bytes, bytes]) -> bool:
    """Return whether lines have a number for each node, or for each leaf, and they are a tree."""
    if any(text.translate(None, _NUMBERS) for text in tree.values()):
        return False
    lefts, rights = (tree.get(name, b"").split() for name in (b"left_child", b"right_child"))
    n_leaves = len(lefts) + 1
    lengths = {name: len(text.split()) for name, text in tree.items() if text}
    whole = all(n_numbers == n_leaves - _LINES[name] for name, n_numbers in lengths.items())
    return whole and _is_tree(lefts, rights)


def _is_tree(lefts: Sequence[bytes], rights: Sequence[bytes]) -> bool:
    """Return whether each node but the first, and each leaf, is the child of one node.

    Args:
        lefts: The left child of each node; a leaf n is ~n.
        rights: The right child of each node.
    """
    n_nodes = len(lefts)
    try:
        left, right = [*map(int, lefts)], [*map(int, rights)]
    except ValueError:
        return False
    if sorted(left + right) != [*range(~n_nodes, 0), *range(1, n_nodes)][: 2 * n_nodes]:
        return False
    # As each has one parent, those that the first does not lead to would be circles.
    reached = [0] if n_nodes else []
    for node in reached:
        reached += [child for child in (left[node], right[node]) if child > 0]
    return len(reached) == n_nodes


def _objective(text: str) -> str:
    """Return the name of a booster's objective, empty for one of the user's own."""
    match = re.search(r"^objective=(\S+)", text, re.MULTILINE)
    return match[1] if match and match[1] not in ("none", "custom") else ""


def _stops_early(model: Any) -> bool:
    """Return whether an estimator leaves out trees where the prediction seems clear."""
    return any(name.startswith("pred_early_stop") for name in model.get_params())


def _target(text: str) -> ModelTarget:
    objective = _objective(text)
    if objective == "binary":
        return ModelTarget(TargetType.BINARY, (0, 1), implied=True)
    if objective in ("multiclass", "multiclassova"):
        n_classes = re.search(r"^num_class=(\d+)", text, re.MULTILINE)
        classes = tuple(range(int(n_classes[1] if n_classes else 0)))
        return ModelTarget(TargetType.MULTICLASS, classes, implied=True)
    return ModelTarget(TargetType.REGRESSION if objective else None)
