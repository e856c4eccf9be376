"""Trains the model of this directory: writes model.json, sample.csv and expected.json."""

import json
import re
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pandas as pd
from custom import score
from sklearn import datasets

LOADERS = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
PROMPTS = ["The data", "This is a", "Features are computed from", "Ten baseline variables,", "?"]


def write(name: str, content: bytes) -> None:
    """Put a file beside this script in one step: a reader sees the old one or the new one."""
    part = Path(__file__).with_name(f"{name}.part")
    part.write_bytes(content)
    part.replace(part.with_suffix(""))


def sentences() -> list[str]:
    """Return the prose in the descriptions of scikit-learn's own data sets."""
    texts = [getattr(datasets, f"load_{name}")().DESCR for name in LOADERS]
    bodies = [text.partition(".. dropdown:: References")[0] for text in texts]
    paragraphs = [part for body in bodies for part in re.split(r"\n\s*\n", body)]
    lines = [line for part in paragraphs for line in re.split(r"(?<=[a-z]\.)\s+(?=[A-Z])", part)]
    return [line for line in lines if re.fullmatch(r"[A-Z][a-z]*,?\s[^:@\[]{30,}\.", line)]


def main() -> None:
    """Count which word follows which, from the start of a sentence to its end."""
    model: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences():
        for word, follower in pairwise(["", *sentence.split()]):
            model[word][follower] += 1
    print(f"{len(model)} words with followers, from {len(sentences())} sentences")

    sample = pd.DataFrame({"prompt": PROMPTS})
    expected = {"predictions": score(sample, model)["completion"].tolist()}
    write("model.json", (json.dumps(model, indent=0) + "\n").encode())
    write("sample.csv", sample.to_csv(index=False).encode())
    write("expected.json", (json.dumps(expected, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
