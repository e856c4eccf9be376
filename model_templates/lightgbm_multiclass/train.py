"""Trains the model of this directory: writes model.txt, sample.csv and expected.json."""

import json
from pathlib import Path

import lightgbm as lgb
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

SETTINGS = {
    "objective": "multiclass",
    "num_class": 3,
    "num_leaves": 7,
    "learning_rate": 0.1,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


def write(name: str, content: bytes) -> None:
    """Put a file beside this script in one step: a reader sees the old one or the new one."""
    part = Path(__file__).with_name(f"{name}.part")
    part.write_bytes(content)
    part.replace(part.with_suffix(""))


def main() -> None:
    """Fit on four fifths of the data, report the rest, and keep nine of its rows as the sample."""
    data = load_iris(as_frame=True)
    labels = data.target_names.tolist()
    rows, held_out, classes, held_out_classes = train_test_split(
        data.data, data.target, test_size=0.2, stratify=data.target, random_state=0
    )
    booster = lgb.train(SETTINGS, lgb.Dataset(rows, classes), num_boost_round=30)
    accuracy = accuracy_score(held_out_classes, booster.predict(held_out).argmax(axis=1))
    print(f"Accuracy on {len(held_out)} held-out rows: {accuracy:.3f}")

    sample = held_out.head(9)
    chances = booster.predict(sample).tolist()
    expected = {"predictions": [dict(zip(labels, row, strict=True)) for row in chances]}
    write("model.txt", booster.model_to_string().encode())
    write("sample.csv", sample.to_csv(index=False).encode())
    write("expected.json", (json.dumps(expected, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
