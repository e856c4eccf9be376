"""The selection of the outputs that hold the prediction of a target.

By type, width, numbers and meaning: names and places decide only between outputs that fit alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.api import LoadError, Scale, Target, TargetType

# Relative: type checkers know this package under its folder's name.
from .classes import ClassLists, column_classes, find_label_output, is_classifier, match_names
from .outputs import Output, PredictionOutputs, find_scale, read_maps, read_pairs, selection_error

Outputs = Sequence[Output]
Values = NDArray[Any]


def select_outputs(outputs: Outputs, named: ClassLists, target: Target) -> PredictionOutputs:
    """Return the outputs that hold the prediction of a target.

    Args:
        outputs: Those of the graph.
        named: The lists of classes that the graph names.
        target: Of the target types that are classes or numbers; others get the first output.

    Raises:
        LoadError: no output fits the target, or several do.
    """
    if target.type.is_classification:
        return _select_probabilities(outputs, named, target)
    if target.type.is_numeric:
        return _select_number(outputs, named, target.type)
    return PredictionOutputs((outputs[0],), is_raw=True)


def find_classifier(outputs: Outputs, named: ClassLists) -> PredictionOutputs | None:
    """Return the probabilities of classes that a graph knows, None if it is no such classifier."""
    label = find_label_output(outputs, named)
    if label is None:
        return next(_from_maps(outputs, None), None)
    found = [
        *_from_maps(outputs, None),
        *(a for o in outputs for a in _from_tensor(o, named, label, None)),
    ]
    for classes in named:
        spelled = Target(TargetType.MULTICLASS, tuple(map(str, classes)))
        found += _from_columns(outputs, (classes,), spelled)
    proper = (a for a in found if a.sample is None or find_scale(a.sample) is Scale.CHANCES)
    return next((candidate for candidate in proper if candidate.classes), None)


def _select_probabilities(outputs: Outputs, named: ClassLists, target: Target) -> PredictionOutputs:
    n_labels = len(target.labels)
    label = find_label_output(outputs, named)
    found = [*_from_columns(outputs, named, target), *_from_maps(outputs, n_labels)]
    found += [
        candidate
        for output in outputs
        for candidate in _from_tensor(output, named, label, n_labels)
    ]
    if target.type is TargetType.MULTILABEL:
        found += [
            candidate for output in outputs for candidate in _from_pairs(output, outputs, n_labels)
        ]
    if not found:
        raise selection_error(
            f"has no output of probabilities of {n_labels} classes",
            outputs,
            "labels and whole numbers are no probabilities",
        )
    proper = [candidate for candidate in found if candidate.scale(target) in (Scale.CHANCES, None)]
    candidate = _best(proper or found, outputs)
    if (
        label is not None
        and label.is_text
        and label.sample is not None
        and _has_unknown_classes(candidate)
    ):
        raise LoadError(
            f"the ONNX graph gives labels as text ({label.name!r}), but it is not known "
            "which probability belongs to which label",
            "export it with its classes, as skl2onnx does with zipmap, or write a score hook",
        )
    return candidate


def _select_number(outputs: Outputs, named: ClassLists, kind: TargetType) -> PredictionOutputs:
    """Return the output that holds the prediction of a target of one number a row.

    Raises:
        LoadError: no output fits, several do, or the graph is a classifier.
    """
    _refuse_classifier(outputs, named, kind)
    floats = [output for output in outputs if output.is_float and output.width in (1, None)]
    whole = [output for output in outputs if output.is_integer and output.width in (1, None)]
    if len(whole) == 1 and _is_outlier_verdict(whole[0]):
        return PredictionOutputs((whole[0],))  # of an outlier detector, as its `predict`
    fitting = floats or whole
    if not fitting:
        raise selection_error("has no output of one number a row", outputs)
    if len(fitting) > 1 and not all(_gives_same_values(fitting[0], other) for other in fitting):
        names = ", ".join(repr(output.name) for output in fitting)
        raise selection_error(f"has several outputs of one number a row: {names}", outputs)
    return PredictionOutputs((fitting[0],))


def _is_outlier_verdict(output: Output) -> bool:
    found = set() if output.values is None else set(output.values.reshape(-1).tolist())
    return -1 in found and found <= {-1, 1}


def _gives_same_values(one: Output, other: Output) -> bool:
    if one.values is None or other.values is None:
        return one is other
    return np.array_equal(one.values, other.values, equal_nan=one.is_float)


def _refuse_classifier(outputs: Outputs, named: ClassLists, kind: TargetType) -> None:
    if is_classifier(outputs, named):
        raise LoadError(
            f"the ONNX graph is a classifier, which does not predict the numbers of a {kind.value} "
            "target",
            "serve it with the target type binary, multiclass or multilabel",
        )


def _has_unknown_classes(candidate: PredictionOutputs) -> bool:
    return not candidate.classes and not candidate.multilabel


def _best(found: list[PredictionOutputs], outputs: Outputs) -> PredictionOutputs:
    """Return one of several candidates: by their kind first, then by DRUM's name."""
    if len(found[0].outputs) > 1:
        return found[0]
    likely = [candidate for candidate in found if not _holds_labels(candidate)] or found
    first = max(likely, key=lambda candidate: 0 if candidate.is_single else 1)
    if all(_are_same(first, other) for other in likely):
        return first
    called = [candidate for candidate in likely if "prob" in candidate.names[0].lower()]
    if len(called) == 1:
        return called[0]
    names = ", ".join(repr(name) for candidate in likely for name in candidate.names)
    raise selection_error(f"has several outputs that may be the answer: {names}", outputs)


def _holds_labels(candidate: PredictionOutputs) -> bool:
    """Whether the numbers are labels, written as floats: whole ones beside other numbers."""
    return candidate.is_single and candidate.sample is not None and _are_whole(candidate.sample)


def _are_whole(values: Values) -> bool:
    return np.array_equal(values, np.trunc(values))


def _are_same(one: PredictionOutputs, other: PredictionOutputs) -> bool:
    """Whether two candidates are the same numbers, as far as the last class and rounding go."""
    if one is other:
        return True
    if one.sample is None or other.sample is None or one.classes[-1:] != other.classes[-1:]:
        return False
    return bool(np.allclose(one.sample[:, -1], other.sample[:, -1], atol=1e-6, equal_nan=True))


def _from_maps(outputs: Outputs, n_labels: int | None) -> Iterator[PredictionOutputs]:
    for output in outputs:
        if output.is_maps and not output.sample:
            yield PredictionOutputs((output,))
        elif output.is_maps:
            classes = tuple(output.sample[0])
            if n_labels in (None, len(classes)):
                yield PredictionOutputs(
                    (output,), classes, read_maps(output.sample, classes, output.type)
                )


def _from_tensor(
    output: Output, named: ClassLists, label: Output | None, n_labels: int | None
) -> Iterator[PredictionOutputs]:
    width = output.width
    alone = n_labels in (2, None) and width == 1
    if not output.is_float or width == 0:
        return
    if not alone and None not in (width, n_labels) and width != n_labels:
        return
    values = output.values
    classes = column_classes(values, named, label)
    if alone:
        if len(classes) == 2 and values is not None:
            both = np.column_stack([1 - values[:, 0], values[:, 0]])
            yield PredictionOutputs((output,), classes, both, complemented=True)
        else:
            yield PredictionOutputs((output,), (), values)
    else:
        yield PredictionOutputs((output,), classes, values)


def _from_columns(
    outputs: Outputs, named: ClassLists, target: Target
) -> Iterator[PredictionOutputs]:
    """Yield the candidate that consists of one output a class, in the order of the classes."""
    single = [output for output in outputs if output.is_float and output.width == 1]
    if len(single) < max(2, len(target.labels)):
        return
    known = match_names([output.name for output in single], named, target)
    if known is None:
        return
    candidate = PredictionOutputs(tuple(single[at] for at in known), tuple(known.values()))
    samples = [output.values for output in candidate.outputs]
    if any(sample is None for sample in samples):
        yield candidate
        return
    yield replace(candidate, sample=np.column_stack([s for s in samples if s is not None]))


def _from_pairs(output: Output, outputs: Outputs, n_labels: int) -> Iterator[PredictionOutputs]:
    """Yield probabilities of class 0 and 1 for each of several labels, if they surely are that."""
    value = output.sample
    stacked = output.is_float and output.axis == 1 and np.ndim(value) == 3
    if value is None or not (output.is_arrays or stacked) or len(value) != n_labels:
        return
    if any(np.ndim(pair) != 2 or pair.shape[1] != 2 for pair in value):
        return
    if not all(find_scale(np.asarray(pair)) is Scale.CHANCES for pair in value):
        return
    chances = read_pairs(value)
    if any(_agree_with_labels(chances, other) for other in outputs):
        yield PredictionOutputs((output,), (), chances, multilabel=True)


def _agree_with_labels(chances: Any, labels: Output) -> bool:
    """Return whether an output of 0 and 1 a label says which of the probabilities is larger."""
    found = labels.sample
    if not labels.is_integer or np.shape(found) != chances.shape:
        return False
    clear = np.abs(chances - 0.5) > 1e-3
    return bool(
        np.array_equal((chances > 0.5)[clear], (found == 1)[clear])
        and set(np.unique(found)) <= {0, 1}
    )
