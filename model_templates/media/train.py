"""Trains the model of this directory: writes model.onnx, sample.csv and expected.json."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
from PIL import Image
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SIDE = 8
DARKEST = 16.0


def write(name: str, content: bytes) -> None:
    """Put a file beside this script in one step: a reader sees the old one or the new one."""
    part = Path(__file__).with_name(f"{name}.part")
    part.write_bytes(content)
    part.replace(part.with_suffix(""))


def png(gray: np.ndarray) -> str:
    """Return 64 shades from 0 to 255 as a PNG file in base64."""
    file = io.BytesIO()
    Image.fromarray(gray.reshape(SIDE, SIDE)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def main() -> None:
    """Fit on four fifths of the images, report the rest, and keep five of them as the sample."""
    data = load_digits()
    images, held_out, digits, held_out_digits = train_test_split(
        data.data.astype(np.float32), data.target, test_size=0.2, random_state=0
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    model.fit(images, digits)
    right = model.score(held_out, held_out_digits)
    print(f"{len(held_out)} held-out images: {right:.1%} read right")

    options = {id(model): {"zipmap": False}}
    artifact = to_onnx(model, images[:1], options=options).SerializeToString()
    session = onnxruntime.InferenceSession(artifact)
    gray = np.round(held_out[:5] * (255 / DARKEST)).astype(np.uint8)
    sample = pd.DataFrame({"image": [png(image) for image in gray]})
    pixels = gray.astype(np.float32) * (DARKEST / 255)
    (chances,) = session.run(["probabilities"], {session.get_inputs()[0].name: pixels})
    labels = [str(label) for label in model.classes_]
    rows = chances.astype(np.float64).tolist()
    expected = [dict(zip(labels, row, strict=True)) for row in rows]
    write("model.onnx", artifact)
    write("sample.csv", sample.to_csv(index=False).encode())
    write("expected.json", (json.dumps({"predictions": expected}, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
