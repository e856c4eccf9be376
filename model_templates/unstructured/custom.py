"""Reads handwritten digits: JSON with images in, JSON with the likeliest digits out."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from datarobot_drum import CustomHTTPError
from scipy.special import softmax

Floats = npt.NDArray[np.float64]
Arrays = dict[str, Floats]
USAGE = 'Send {"images": [...]}, each image a list of 64 numbers from 0 to 16.'


def load_model(code_dir: str) -> Arrays:
    """Open the arrays `weights` (10, 64) and `bias` (10,); an .npz like this holds no code."""
    with np.load(Path(code_dir, "model.npz")) as arrays:
        return dict(arrays)


def read_images(body: str | bytes) -> Floats:
    """Return the images of a body as rows of 64 pixels, 0 (white) to 16 (black)."""
    try:
        pixels = np.array(json.loads(body)["images"], dtype=np.float64)
        images = pixels.reshape(len(pixels), 64)
    except (KeyError, TypeError, ValueError):
        raise CustomHTTPError(USAGE, 422) from None
    if not ((images >= 0) & (images <= 16)).all():
        raise CustomHTTPError(USAGE, 422)
    return images


def read_top(query: Mapping[str, str]) -> int:
    """Return the number of digits to name for each image: `?top=3`, or one."""
    top = query.get("top", "1")
    if top not in map(str, range(1, 11)):
        raise CustomHTTPError("`top` is a number from 1 to 10.", 422)
    return int(top)


def score_unstructured(
    model: Arrays,
    data: str | bytes,
    query: Mapping[str, str],
    **kwargs: Any,  # noqa: ARG001
) -> tuple[str, dict[str, str]]:
    """Return text and its media type; `query` holds what follows the question mark in the URL."""
    top = read_top(query)
    chances = softmax(read_images(data) @ model["weights"].T + model["bias"], axis=1)
    answers = [
        [{"digit": int(d), "probability": round(float(row[d]), 4)} for d in np.argsort(-row)[:top]]
        for row in chances
    ]
    return json.dumps({"images": answers}), {"mimetype": "application/json"}
