"""Trains the model of this directory: writes model.npz, sample.json and expected.json."""

import io
import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import train_test_split


def write(name: str, content: bytes) -> None:
    """Put a file beside this script in one step: a reader sees the old one or the new one."""
    part = Path(__file__).with_name(f"{name}.part")
    part.write_bytes(content)
    part.replace(part.with_suffix(""))


def main() -> None:
    """Fit on four fifths of the images, report the rest, keep its three hardest as the sample."""
    images, held_out, digits, held_out_digits = train_test_split(
        *load_digits(return_X_y=True), test_size=0.2, random_state=0
    )
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(images, digits)
    accuracy = model.score(held_out, held_out_digits)
    print(f"Accuracy on {len(held_out)} held-out images: {accuracy:.3f}")

    artifact = io.BytesIO()
    np.savez(artifact, weights=model.coef_, bias=model.intercept_)
    sample = held_out[model.predict_proba(held_out).max(axis=1).argsort()[:3]]
    chances = model.predict_proba(sample)
    answers = [
        [{"digit": digit, "probability": round(chance, 4)}]
        for digit, chance in zip(
            chances.argmax(axis=1).tolist(), chances.max(axis=1).tolist(), strict=True
        )
    ]
    expected = {
        "content_type": "application/json; charset=utf-8",
        "text": json.dumps({"images": answers}),
    }
    write("model.npz", artifact.getvalue())
    write("sample.json", (json.dumps({"images": sample.astype(int).tolist()}) + "\n").encode())
    write("expected.json", (json.dumps(expected, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
