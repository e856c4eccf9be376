"""Metrics of the models of use cases."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

# Relative: programs beside this package find it under another name than tests do.
from .cases import BINARY, UseCase, classes


def measured(case: UseCase, rows: pd.DataFrame, chances: NDArray[np.float64]) -> dict[str, float]:
    """Return metrics by name.

    Args:
        case: The use case.
        rows: With the answers; the model has not seen them.
        chances: (n_rows, n_labels) what the model says, in the order of `classes`.
    """
    known = rows[case.target_field].to_numpy(dtype=str)
    said = np.array(classes(case))[chances.argmax(axis=1)]
    found = {"accuracy": float(accuracy_score(known, said))}
    if case.problem_type != BINARY:
        return found | {"f1": float(f1_score(known, said, average="weighted"))}
    positive, _ = case.labels
    best = np.argsort(-chances[:, 1])[: len(rows) // 10]
    return found | {
        "roc_auc": float(roc_auc_score(known == positive, chances[:, 1])),
        "f1": float(f1_score(known, said, pos_label=positive)),
        "precision_at_k": float((known[best] == positive).mean()),
    }
