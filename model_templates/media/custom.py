"""Reads handwritten digits: a column of images in, the pixels that the model knows out."""

import base64
import binascii
import io
from typing import Any

import numpy as np
import pandas as pd
from datarobot_drum import CustomHTTPError
from PIL import Image, UnidentifiedImageError

SIDE = 8
DARKEST = 16.0
USAGE = "`image` is an image file, or in CSV its base64 text: white ink on black, of any size."


def content(cell: Any) -> bytes:
    """Return an image file: H2O's scorer hands over bytes, CSV holds them as base64."""
    if isinstance(cell, bytes):
        return cell
    try:
        return base64.b64decode(cell, validate=True)
    except (TypeError, binascii.Error):
        raise CustomHTTPError(USAGE, 422) from None


def pixels(cell: Any) -> np.ndarray:
    """Return 64 numbers from 0 (black) to 16 (white), row by row."""
    try:
        image = Image.open(io.BytesIO(content(cell)))
        small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise CustomHTTPError(USAGE, 422) from None
    return np.asarray(small, dtype=np.float32).ravel() * (DARKEST / 255)


def transform(data: pd.DataFrame, model: Any) -> pd.DataFrame:  # noqa: ARG001
    """Return a column for each pixel."""
    rows = [pixels(cell) for cell in data["image"]]
    return pd.DataFrame(np.array(rows, dtype=np.float32).reshape(len(rows), SIDE * SIDE))
