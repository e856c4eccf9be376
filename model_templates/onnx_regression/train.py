"""Trains the model of this directory: writes model.onnx, sample.csv and expected.json."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR


def write(name: str, content: bytes) -> None:
    """Put a file beside this script in one step: a reader sees the old one or the new one."""
    part = Path(__file__).with_name(f"{name}.part")
    part.write_bytes(content)
    part.replace(part.with_suffix(""))


def main() -> None:
    """Fit on four fifths of the data, report the rest, and keep eight of its rows as the sample."""
    data = load_diabetes(as_frame=True, scaled=False)
    rows, held_out, progress, held_out_progress = train_test_split(
        data.data, data.target, test_size=0.2, random_state=0
    )
    model = make_pipeline(StandardScaler(), SVR(C=100, gamma=0.01)).fit(rows, progress)
    r2 = r2_score(held_out_progress, model.predict(held_out))
    print(f"R2 on {len(held_out)} held-out rows: {r2:.3f}")

    one_row = rows.head(1).to_numpy(np.float32)  # tells the converter: float32, ten columns
    artifact = to_onnx(model, one_row).SerializeToString()
    session = onnxruntime.InferenceSession(artifact)
    sample = held_out.head(8)
    (values,) = session.run(None, {session.get_inputs()[0].name: sample.to_numpy(np.float32)})
    expected = {"predictions": values.astype(np.float64).ravel().tolist()}
    write("model.onnx", artifact)
    write("sample.csv", sample.to_csv(index=False).encode())
    write("expected.json", (json.dumps(expected, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
