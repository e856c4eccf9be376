"""Models that a newcomer brings, served as the documentation says: the library's own answers.

CatBoost and PyTorch are not among what the tests need: `make newcomer` brings them.
"""

import json
import pickle
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.docs.pages import ROOT, blocks
from tests.support.serving import serve

PAGE = ROOT / "docs" / "model-directory.md"
TRAINED = 300
ASKED = 8

NAMED = """
name: Customers
type: inference
targetType: multiclass
inferenceModel:
  targetName: value
  classLabels:
    - low
    - mid
    - high
"""


@dataclass(frozen=True, slots=True)
class Brought:
    """A model that lies in its directory, with rows that it was not trained on.

    Attributes:
        rows: What callers ask.
        answers: What the library itself answers, a row each.
        labels: Names of the columns of the answers; none for numbers.
        flags: How the server is told what the model does not tell.
        bound: How far off an answer may be: matrix products round otherwise in other batches.
    """

    rows: pd.DataFrame
    answers: NDArray[np.float64]
    labels: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    bound: float = 0.0


def customers() -> pd.DataFrame:
    """Return rows of numbers, the last ones to ask about."""
    random = np.random.default_rng(1)
    count = TRAINED + ASKED
    return pd.DataFrame(
        {
            "income": random.normal(50, 20, count),
            "age": random.integers(18, 90, count),
            "visits": random.poisson(3, count),
        }
    )


def places() -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Return rows with zip codes, the country `NA` and a missing number, and what they cost."""
    random = np.random.default_rng(2)
    count = TRAINED + ASKED
    rows = pd.DataFrame(
        {
            "zip": random.choice(["01067", "10115", "1067"], count),
            "country": random.choice(["NA", "DE", "US"], count),
            "size": random.uniform(20, 140, count).round(1),
        }
    )
    rows.loc[rows.index % 7 == 0, "size"] = np.nan
    by_zip = rows["zip"].map({"01067": 40, "10115": 0, "1067": -40})
    by_country = rows["country"].map({"NA": 30, "DE": 0, "US": -20})
    return rows, rows["size"].fillna(50) + by_zip + by_country


def xgboost_names_for_integers(directory: Path) -> Brought:
    rows = customers()
    classes = np.digitize(rows["income"] + rows["age"], [80, 120])
    model = xgboost.XGBClassifier(n_estimators=10, max_depth=3)
    model.fit(rows[:TRAINED], classes[:TRAINED])
    (directory / "model.pkl").write_bytes(pickle.dumps(model))
    (directory / "model-metadata.yaml").write_text(NAMED)
    asked = rows[TRAINED:]
    return Brought(asked, model.predict_proba(asked), ("low", "mid", "high"))


def multilabel_forest(directory: Path) -> Brought:
    rows = customers()
    labels = np.column_stack([rows["income"] > 50, rows["age"] > 50, rows["visits"] > 3])
    model = RandomForestClassifier(20, max_depth=3, random_state=0)
    model.fit(rows[:TRAINED], labels[:TRAINED].astype(int))
    (directory / "model.pkl").write_bytes(pickle.dumps(model))
    asked = rows[TRAINED:]
    names = ("rich", "old", "frequent")
    return Brought(
        asked,
        np.column_stack([chances[:, 1] for chances in model.predict_proba(asked)]),
        names,
        ("--target-type", "multilabel", "--class-labels", *names),
    )


def text_and_zip_codes(directory: Path) -> Brought:
    rows, price = places()
    reviews = ["true love", "null and void", "NA", "so, so"]
    words = np.random.default_rng(3).choice(reviews, len(rows))
    rows = rows[["zip", "country"]].assign(review=words)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["zip", "country"]), (TfidfVectorizer(), "review")
    )
    model = make_pipeline(columns, LogisticRegression())
    model.fit(rows[:TRAINED], np.where(price > 90, "stays", "leaves")[:TRAINED])
    (directory / "model.pkl").write_bytes(pickle.dumps(model))
    asked = rows[TRAINED:]
    return Brought(asked, model.predict_proba(asked), ("leaves", "stays"), bound=1e-12)


def lightgbm_with_a_country_na(directory: Path) -> Brought:
    rows, price = places()
    rows = rows.astype({"zip": "category", "country": "category"})
    model = lightgbm.LGBMRegressor(n_estimators=20, verbose=-1)
    model.fit(rows[:TRAINED], price[:TRAINED])
    model.booster_.save_model(directory / "model.txt")
    asked = rows[TRAINED:]
    return Brought(asked, np.asarray(model.predict(asked), np.float64))


def isolation_forest(directory: Path) -> Brought:
    rows = customers()
    model = IsolationForest(n_estimators=20, contamination=0.3, random_state=0).fit(rows[:TRAINED])
    (directory / "model.pkl").write_bytes(pickle.dumps(model))
    asked = rows[TRAINED:]
    return Brought(asked, model.predict(asked).astype(float))


def catboost_by_hooks(directory: Path) -> Brought:
    catboost = pytest.importorskip("catboost", reason="make newcomer installs it")
    rows, price = places()
    model = catboost.CatBoostClassifier(
        iterations=20, cat_features=["zip", "country"], verbose=False, allow_writing_files=False
    )
    model.fit(rows[:TRAINED], np.where(price > 60, "dear", "cheap")[:TRAINED])
    model.save_model(directory / "model.cbm")
    copy_from_page("dear-catboost", directory)
    asked = rows[TRAINED:]
    return Brought(asked, model.predict_proba(asked), ("cheap", "dear"))


def torchscript_by_hooks(directory: Path) -> Brought:
    torch = pytest.importorskip("torch", reason="make newcomer installs it")
    random = np.random.default_rng(4)
    rooms, size = random.integers(1, 6, ASKED), random.uniform(20, 140, ASKED)
    rows = pd.DataFrame({"size": size, "street": "Elm Road", "rooms": rooms})
    layers = torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)
    model = torch.jit.script(torch.nn.Sequential(*layers))
    model.save(directory / "model.pt")
    copy_from_page("rent-torch", directory)
    with torch.inference_mode():
        answers = model(torch.tensor(rows[["rooms", "size"]].to_numpy("float32")))[:, 0].numpy()
    return Brought(rows, answers, flags=("--target-type", "regression"), bound=1e-5)


def copy_from_page(name: str, directory: Path) -> None:
    """Save the files of a model directory that the documentation prints."""
    printed = [block for block in blocks(PAGE) if block.name.startswith(f"{name}/")]
    assert printed
    for block in printed:
        (directory / Path(block.name).name).write_text("\n".join(block.lines) + "\n")


@pytest.mark.parametrize(
    "bring",
    [
        xgboost_names_for_integers,
        multilabel_forest,
        text_and_zip_codes,
        lightgbm_with_a_country_na,
        isolation_forest,
        catboost_by_hooks,
        torchscript_by_hooks,
    ],
)
def test_what_a_newcomer_brings_is_answered_as_by_its_library(
    tmp_path: Path, bring: Callable[[Path], Brought]
) -> None:
    directory = tmp_path / "brought"
    directory.mkdir()
    brought = bring(directory)
    rows = tmp_path / "rows.csv"
    brought.rows.to_csv(rows, index=False)

    with serve(directory, *brought.flags, "--max-workers", "1") as server:
        by_curl = curl(f"{server.url}/predict/", "--data-binary", f"@{rows}")
        by_json = curl(f"{server.url}/model/score", "--json", request_of(brought.rows))

    assert_equal(by_name(by_curl["predictions"], brought.labels), brought)
    assert_equal([[float(cell) for cell in row] for row in by_json["score"]], brought)
    assert [name.partition(".")[2] for name in by_json["fields"]] == list(brought.labels or [""])


def curl(url: str, *words: str) -> Any:
    """Return the JSON that curl gets."""
    command = ["curl", "--silent", "--show-error", *words, url]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def request_of(rows: pd.DataFrame) -> str:
    """Return rows as JSON of H2O's scorer, cells as numbers, text and null."""
    columns = [rows[name].astype(object).where(rows[name].notna(), None) for name in rows]
    cells = list(zip(*columns, strict=True))
    return json.dumps({"fields": list(rows), "rows": cells}, default=int)


def by_name(predictions: list[Any], labels: tuple[str, ...]) -> list[list[float]]:
    """Return the numbers of an answer, a row each."""
    if not labels:
        return [[number] for number in predictions]
    assert all(set(row) == set(labels) for row in predictions)
    return [[row[label] for label in labels] for row in predictions]


def assert_equal(answered: list[list[float]], brought: Brought) -> None:
    wanted = np.asarray(brought.answers, float).reshape(len(brought.rows), -1)
    np.testing.assert_allclose(answered, wanted, rtol=0, atol=brought.bound)
