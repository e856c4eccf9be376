"""The choice of the outputs that answer a target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drum_like.api import Label, LoadError, Scale, Target, TargetType

# Relative: type checkers know this package under its folder's name.
from .answers import Answer, of_maps, of_pairs, refusal, scale_of
from .classes import classes_of_names, labels_of, of_columns
from .numbers import of_numbers
from .outputs import Output

Outputs = Sequence[Output]
Values = NDArray[Any]
Named = Sequence[tuple[Label, ...]]


def choose(outputs: Outputs, named: Named, target: Target) -> Answer:
    """Choose the outputs that answer a target.

    Args:
        outputs: Those of the graph.
        named: The lists of classes that the graph names.
        target: Of the target types that are classes or numbers; others get the first output.

    Raises:
        LoadError: nothing can be the answer, or several outputs can.
    """
    if target.type.is_classification:
        return _of_classes(outputs, named, target)
    if target.type.is_numeric:
        return of_numbers(outputs, named, target.type)
    return Answer((outputs[0],), is_raw=True)


def classifier(outputs: Outputs, named: Named) -> Answer | None:
    """Return the probabilities of classes that a graph knows, None if it is no such classifier."""
    label = labels_of(outputs, named)
    if label is None:
        return next(_maps(outputs, None), None)
    found = [*_maps(outputs, None), *(a for o in outputs for a in _tensors(o, named, label, None))]
    for classes in named:
        spelled = Target(TargetType.MULTICLASS, tuple(map(str, classes)))
        found += _columns(outputs, (classes,), spelled)
    proper = (a for a in found if a.sample is None or scale_of(a.sample) is Scale.CHANCES)
    return next((answer for answer in proper if answer.classes), None)


def _of_classes(outputs: Outputs, named: Named, target: Target) -> Answer:
    n_labels = len(target.labels)
    label = labels_of(outputs, named)
    found = [*_columns(outputs, named, target), *_maps(outputs, n_labels)]
    found += [answer for output in outputs for answer in _tensors(output, named, label, n_labels)]
    if target.type is TargetType.MULTILABEL:
        found += [answer for output in outputs for answer in _pairs(output, outputs, n_labels)]
    if not found:
        raise refusal(
            f"has no output of probabilities of {n_labels} classes",
            outputs,
            "labels and whole numbers are no probabilities",
        )
    proper = [answer for answer in found if answer.scale(target) in (Scale.CHANCES, None)]
    answer = _only(proper or found, outputs)
    if label is not None and label.is_text and label.sample is not None and _is_nameless(answer):
        raise LoadError(
            f"the ONNX graph gives labels as text ({label.name!r}), but it is not known "
            "which probability belongs to which label",
            "export it with its classes, as skl2onnx does with zipmap, or write a score hook",
        )
    return answer


def _is_nameless(answer: Answer) -> bool:
    return not answer.classes and not answer.multilabel


def _only(found: list[Answer], outputs: Outputs) -> Answer:
    """Choose one of several answers: by their kind first, then by DRUM's name."""
    if len(found[0].outputs) > 1:
        return found[0]
    likely = [answer for answer in found if not _is_of_labels(answer)] or found
    first = max(likely, key=lambda answer: 0 if answer.is_single else 1)
    if all(_is_same(first, other) for other in likely):
        return first
    called = [answer for answer in likely if "prob" in answer.names[0].lower()]
    if len(called) == 1:
        return called[0]
    names = ", ".join(repr(name) for answer in likely for name in answer.names)
    raise refusal(f"has several outputs that may be the answer: {names}", outputs)


def _is_of_labels(answer: Answer) -> bool:
    """Whether the numbers are labels, written as floats: whole ones beside other numbers."""
    return answer.is_single and answer.sample is not None and _are_whole(answer.sample)


def _are_whole(values: Values) -> bool:
    return np.array_equal(values, np.trunc(values))


def _is_same(one: Answer, other: Answer) -> bool:
    """Whether two answers are the same numbers, as far as the last class and rounding go."""
    if one is other:
        return True
    if one.sample is None or other.sample is None or one.classes[-1:] != other.classes[-1:]:
        return False
    return bool(np.allclose(one.sample[:, -1], other.sample[:, -1], atol=1e-6, equal_nan=True))


def _maps(outputs: Outputs, n_labels: int | None) -> Iterator[Answer]:
    for output in outputs:
        if output.is_maps and not output.sample:
            yield Answer((output,))
        elif output.is_maps:
            classes = tuple(output.sample[0])
            if n_labels in (None, len(classes)):
                yield Answer((output,), classes, of_maps(output.sample, classes, output.type))


def _tensors(
    output: Output, named: Named, label: Output | None, n_labels: int | None
) -> Iterator[Answer]:
    width = output.width
    alone = n_labels in (2, None) and width == 1
    if not output.is_float or width == 0:
        return
    if not alone and None not in (width, n_labels) and width != n_labels:
        return
    values = output.values
    classes = of_columns(values, named, label)
    if alone:
        if len(classes) == 2 and values is not None:
            both = np.column_stack([1 - values[:, 0], values[:, 0]])
            yield Answer((output,), classes, both, complemented=True)
        else:
            yield Answer((output,), (), values)
    else:
        yield Answer((output,), classes, values)


def _columns(outputs: Outputs, named: Named, target: Target) -> Iterator[Answer]:
    """Yield the answer that consists of one output a class, in the order of the classes."""
    single = [output for output in outputs if output.is_float and output.width == 1]
    if len(single) < max(2, len(target.labels)):
        return
    known = classes_of_names([output.name for output in single], named, target)
    if known is None:
        return
    answer = Answer(tuple(single[at] for at in known), tuple(known.values()))
    samples = [output.values for output in answer.outputs]
    if any(sample is None for sample in samples):
        yield answer
        return
    yield replace(answer, sample=np.column_stack([s for s in samples if s is not None]))


def _pairs(output: Output, outputs: Outputs, n_labels: int) -> Iterator[Answer]:
    """Yield probabilities of class 0 and 1 for each of several labels, if they surely are that."""
    value = output.sample
    stacked = output.is_float and output.axis == 1 and np.ndim(value) == 3
    if value is None or not (output.is_arrays or stacked) or len(value) != n_labels:
        return
    if any(np.ndim(pair) != 2 or pair.shape[1] != 2 for pair in value):
        return
    if not all(scale_of(np.asarray(pair)) is Scale.CHANCES for pair in value):
        return
    chances = of_pairs(value)
    if any(_are_decided(chances, other) for other in outputs):
        yield Answer((output,), (), chances, multilabel=True)


def _are_decided(chances: Any, labels: Output) -> bool:
    """Return whether an output of 0 and 1 a label says which of the probabilities is larger."""
    found = labels.sample
    if not labels.is_integer or np.shape(found) != chances.shape:
        return False
    clear = np.abs(chances - 0.5) > 1e-3
    return bool(
        np.array_equal((chances > 0.5)[clear], (found == 1)[clear])
        and set(np.unique(found)) <= {0, 1}
    )
