"""Fits the transformer of this directory: writes model.npz, sample.csv and expected.json."""

import io
import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split


def write(name: str, content: bytes) -> None:
    """Put a file beside this script in one step: a reader sees the old one or the new one."""
    part = Path(__file__).with_name(f"{name}.part")
    part.write_bytes(content)
    part.replace(part.with_suffix(""))


def main() -> None:
    """Fit on four fifths of the images, and keep six of the others as the sample."""
    images, held_out = train_test_split(
        load_digits(as_frame=True).data, test_size=0.2, random_state=0
    )
    pca = PCA(8, svd_solver="full").fit(images)
    print(f"Variance kept by 8 of 64 columns: {pca.explained_variance_ratio_.sum():.0%}")

    artifact = io.BytesIO()
    np.savez(artifact, mean=pca.mean_, components=pca.components_)
    sample = held_out.head(6).astype(int)
    names = [f"component_{n}" for n in range(1, 9)]
    expected = [
        {"name": "X.format", "text": "csv"},
        {"name": "X.transformed", "columns": names, "rows": pca.transform(sample).tolist()},
    ]
    write("model.npz", artifact.getvalue())
    write("sample.csv", sample.to_csv(index=False).encode())
    write("expected.json", (json.dumps(expected, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
