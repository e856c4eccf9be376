"""The output that answers a target of one number a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drum_like.api import Label, LoadError, TargetType

# Relative: type checkers know this package under its folder's name.
from .answers import Answer, refusal
from .classes import labels_of, of_columns
from .outputs import Output

Outputs = Sequence[Output]
Named = Sequence[tuple[Label, ...]]


def of_numbers(outputs: Outputs, named: Named, kind: TargetType) -> Answer:
    """Choose the output that answers a target of one number a row.

    Raises:
        LoadError: nothing can be the answer, several outputs can, or the graph is a classifier.
    """
    _refuse_classifier(outputs, named, kind)
    floats = [output for output in outputs if output.is_float and output.width in (1, None)]
    whole = [output for output in outputs if output.is_integer and output.width in (1, None)]
    if len(whole) == 1 and _is_verdict(whole[0]):
        return Answer((whole[0],))  # of an outlier detector, as its `predict`
    fitting = floats or whole
    if not fitting:
        raise refusal("has no output of one number a row", outputs)
    if len(fitting) > 1 and not all(_gives_the_same(fitting[0], other) for other in fitting):
        names = ", ".join(repr(output.name) for output in fitting)
        raise refusal(f"has several outputs of one number a row: {names}", outputs)
    return Answer((fitting[0],))


def _is_verdict(output: Output) -> bool:
    found = set() if output.values is None else set(output.values.reshape(-1).tolist())
    return -1 in found and found <= {-1, 1}


def _gives_the_same(one: Output, other: Output) -> bool:
    if one.values is None or other.values is None:
        return one is other
    return np.array_equal(one.values, other.values, equal_nan=one.is_float)


def _refuse_classifier(outputs: Outputs, named: Named, kind: TargetType) -> None:
    if _is_classifier(outputs, named):
        raise LoadError(
            f"the ONNX graph is a classifier, which does not predict the numbers of a {kind.value} "
            "target",
            "serve it with the target type binary, multiclass or multilabel",
        )


def _is_classifier(outputs: Outputs, named: Named) -> bool:
    """Whether labels are given beside numbers for each of them, probabilities or not."""
    label = labels_of(outputs, named)
    if any(output.is_maps for output in outputs):
        return True
    if label is None:
        return False
    widths = {output.width for output in outputs if output.is_float}
    if not widths:
        return len(outputs) == 1 and (label.is_text or bool(named))
    sizes = {len(classes) for classes in named if _may_be_classes(label, classes)}
    return bool(sizes & widths) or (2 in sizes and 1 in widths) or _is_argmax(outputs, label)


def _may_be_classes(label: Output, classes: Sequence[Label]) -> bool:
    """Whether labels are some of these classes, and not the verdicts of an outlier detector."""
    values = set() if label.values is None else set(label.values.reshape(-1).tolist())
    return values <= set(classes) and set(classes) != {-1, 1}


def _is_argmax(outputs: Outputs, label: Output) -> bool:
    """Whether labels are the positions of the largest of several numbers."""
    found = (of_columns(output.values, (), label) for output in outputs if _is_wide(output))
    return any(found)


def _is_wide(output: Output) -> bool:
    return output.is_float and output.sample is not None and (output.width or 0) > 1
