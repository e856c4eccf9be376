"""A transformer: sixty-four pixels in, eight principal components out."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Arrays = dict[str, npt.NDArray[np.float64]]


def load_model(code_dir: str) -> Arrays:
    """Open the arrays `mean` (64,) and `components` (8, 64); an .npz like this holds no code."""
    with np.load(Path(code_dir, "model.npz")) as arrays:
        return dict(arrays)


def transform(data: pd.DataFrame, model: Arrays) -> pd.DataFrame:
    """Return one row of components for each row of pixels."""
    scores = (data.to_numpy(np.float64) - model["mean"]) @ model["components"].T
    return pd.DataFrame(scores, columns=[f"component_{n}" for n in range(1, scores.shape[1] + 1)])
