"""The verbs `explain` and `calibrate`."""

import csv
import json
from pathlib import Path
from shutil import copytree
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor

from drum_like.api import NativeFrame
from drum_like.cli import main as cli
from drum_like.config.model_settings import ModelSettings
from drum_like.inference.loading import open_service
from tests.support.explained import opened

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def disease(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a model of diabetes, hold-out rows and rows to explain beside it."""
    top = tmp_path_factory.mktemp("disease")
    rows, target = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    model = GradientBoostingRegressor(n_estimators=20, random_state=0)
    opened(top / "model", model.fit(rows[:200], target[:200]))
    rows[200:].assign(progression=target[200:]).to_csv(top / "holdout.csv", index=False)
    rows[:4].assign(id=["<a&b>", "b", "c", "d"]).to_csv(top / "rows.csv", index=False)
    return top


def run(*words: str | Path) -> int:
    return cli.run(list(map(str, words)), {})


def explain(disease: Path, *flags: str | Path) -> int:
    return run("explain", "-cd", disease / "model", "--input", disease / "rows.csv", *flags)


def test_a_table_a_row(disease: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The largest contributions first; all of them and the bias add up."""
    assert explain(disease, "--top", "3") == 0

    tables = capsys.readouterr().out.strip().split("\n\n")
    assert [table.partition(":")[0] for table in tables[:4]] == [f"row {at}" for at in range(1, 5)]
    lines = [line.split() for line in tables[0].splitlines()]
    assert lines[1] == ["COLUMN", "VALUE", "CONTRIBUTION"]
    sizes = [abs(float(cells[-1])) for cells in lines[3:6]]
    assert sizes == sorted(sizes, reverse=True)
    assert lines[6][:2] == ["(7", "others)"]
    parts = [float(cells[-1]) for cells in lines[2:7]]
    assert sum(parts) == pytest.approx(float(lines[7][-1]), abs=1e-3)
    assert float(lines[0][-1]) == pytest.approx(float(lines[7][-1]), abs=1e-3)
    assert tables[4] == (
        "the prediction is the sum; contributions are relative to: the average of the training rows"
    )


def test_json_of_one_row(disease: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(disease, "--row", "2", "--json", "--kind", "TRANSFORMED") == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["link"]) == ("TRANSFORMED", "identity")
    (row,) = found["rows"]
    assert (row["row"], row["output"], len(row["contributions"])) == (2, "target", 10)
    total = row["bias"] + sum(row["contributions"].values())
    assert total == pytest.approx(row["prediction"]) == row["sum"]


def test_a_picture_shows_each_step(disease: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Well-formed, the bars one after another from the bias to the sum."""
    picture = disease / "out.svg"

    assert explain(disease, "--plot", picture, "--top", "4", "--json") == 0

    (row, *_) = json.loads(capsys.readouterr().out)["rows"]
    tree = ET.fromstring(picture.read_text())
    texts = [element.text or "" for element in tree.iter(f"{SVG}text")]
    assert texts[0].startswith("row 1: target = ")
    assert [text for text in texts if text.endswith("others")] == ["6 others"]
    bars = [float(r.get("width", 0)) for r in tree.iter(f"{SVG}rect")][2:-1]
    values = list(row["contributions"].values())
    sizes = np.abs([*values[:4], sum(values[4:])])
    assert bars == pytest.approx(sizes * bars[0] / sizes[0], abs=1.1)


def test_the_class_with_the_largest_chance_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = pd.DataFrame({"a&b": [0.0, 1.0, 2.0] * 20})
    opened(tmp_path / "m", xgb.XGBClassifier(n_estimators=5, n_jobs=1).fit(rows, rows["a&b"]))
    rows[2:3].to_csv(tmp_path / "r.csv", index=False)
    flags = ("--class-labels", "0", "1", "2", "--target-type", "multiclass")

    code = run(
        "explain",
        "-cd",
        tmp_path / "m",
        "--input",
        tmp_path / "r.csv",
        *flags,
        "--plot",
        tmp_path / "o.svg",
    )

    assert code == 0
    assert capsys.readouterr().out.count("row 1: target.") == 3
    picture = (tmp_path / "o.svg").read_text()
    assert "row 1: target.2 = " in picture
    assert "a&amp;b = 2.0" in picture


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param(("--row", "5"), "has 4 rows", id="row"),
        pytest.param(("--kind", "BOTH"), "choose from", id="kind"),
        pytest.param(("--plot", "nowhere/o.svg"), "no directory", id="plot"),
    ],
)
def test_what_cannot_be_explained_is_said(
    disease: Path, flags: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(disease, *flags) in (1, 2)

    assert said in capsys.readouterr().err


def test_a_model_without_contributions_says_why(
    disease: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "custom.py").write_text(
        "def load_model(d):\n    return 1\n\ndef score(d, m, **k):\n    return d\n"
    )

    code = run(
        "explain", "-cd", tmp_path, "--input", disease / "rows.csv", "--target-type", "regression"
    )

    assert code == 1
    assert "custom.py may offer a contributions hook" in capsys.readouterr().err


def test_what_calibrate_writes_gives_intervals(
    disease: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The printed lines and the file are all that is needed."""
    model = Path(copytree(disease / "model", tmp_path / "model"))
    words = ("--input", disease / "holdout.csv", "--target", "progression", "--level", "0.95")

    assert run("calibrate", "-cd", model, *words) == 0

    head, _, lines = capsys.readouterr().out.partition("\n\n")
    assert "242 rows" in head
    holdout = pd.read_csv(disease / "holdout.csv")
    with (model / "residuals.csv").open(newline="") as stream:
        (header, *cells) = csv.reader(stream)
    predicted = open_service(ModelSettings(code_dir=model)).predict(
        NativeFrame(holdout.drop(columns="progression"))
    )
    assert header == ["residual"]
    residuals = [float(cell) for (cell,) in cells]
    assert residuals == (holdout["progression"] - predicted.values).tolist()
    metadata = f"name: x\ntype: inference\ntargetType: regression\n{lines}"
    (model / "model-metadata.yaml").write_text(metadata)
    service = open_service(ModelSettings(code_dir=model))
    assert service.has_intervals
    frame = NativeFrame(holdout.drop(columns="progression"))
    found = service.intervals(frame, service.predict(frame))
    q = sorted(map(abs, residuals))[231 - 1]  # the ceiling of 243 x 0.95
    np.testing.assert_allclose(found.upper - predicted.values, q)


@pytest.mark.parametrize(
    ("content", "flags", "said"),
    [
        pytest.param("a,t\n1,2\n", (), "at least 9", id="few-rows"),
        pytest.param("a,t\n1,2\n", ("--target", "y"), "0 columns named 'y'", id="no-column"),
        pytest.param("a,t,t\n1,2,3\n", (), "2 columns named 't'", id="twice"),
        pytest.param("a,t\n1,2\n1,\n", (), "row 2", id="no-target"),
        pytest.param("a,t\n1,2\n1,2,3\n", (), "row 2 has 3 cells, the header 2", id="ragged"),
        pytest.param("a,t\n1,2\n1,inf\n", (), "row 2", id="infinite"),
        pytest.param("a,t\n" + "x,1\n" * 9, (), "'a'", id="text"),
        pytest.param("a,t\n" + "1,1\n" * 9, ("--level", "90"), "between 0 and 1", id="level"),
        pytest.param("\xff", (), "UTF-8", id="binary"),
    ],
)
def test_files_that_are_no_holdout_are_refused(
    content: str,
    flags: tuple[str, ...],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = pd.DataFrame({"a": [0.0, 1.0]})
    opened(tmp_path / "m", xgb.XGBRegressor(n_estimators=1, n_jobs=1).fit(rows, [0.0, 1.0]))
    (tmp_path / "h.csv").write_bytes(content.encode("latin-1"))
    words = flags if "--target" in flags else ("--target", "t", *flags)

    assert run("calibrate", "-cd", tmp_path / "m", "--input", tmp_path / "h.csv", *words) != 0

    assert said in capsys.readouterr().err
    assert not (tmp_path / "m" / "residuals.csv").exists()


def test_a_pair_of_quantiles_gets_conformity_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(6)
    rows = pd.DataFrame({"a": rng.uniform(size=300)})
    target = rows["a"] + rng.normal(size=300)
    for name, alpha in {"low": 0.05, "high": 0.95}.items():
        part = GradientBoostingRegressor(loss="quantile", alpha=alpha, n_estimators=5)
        opened(tmp_path / "m" / name, part.fit(rows[:100], target[:100]))
    middle = GradientBoostingRegressor(n_estimators=5).fit(rows[:100], target[:100])
    told = (
        "name: x\ntype: inference\ntargetType: regression\nprediction_intervals:\n"
        "  method: quantile_pair\n  level: 0.9\n"
        "  lower_model: low/model.pkl\n  upper_model: high/model.pkl\n"
    )
    opened(tmp_path / "m", middle, told)
    rows[100:].assign(t=target[100:]).to_csv(tmp_path / "h.csv", index=False)
    words = ("calibrate", "-cd", tmp_path / "m", "--input", tmp_path / "h.csv", "--target", "t")

    assert run(*words) == 0
    lines = capsys.readouterr().out.partition("\n\n")[2]
    (tmp_path / "m" / "model-metadata.yaml").write_text(told.partition("prediction_")[0] + lines)
    first = (tmp_path / "m" / "residuals.csv").read_text()
    assert run(*words) == 0

    assert first.startswith("conformity_score\n")
    assert (tmp_path / "m" / "residuals.csv").read_text() == first
    assert open_service(ModelSettings(code_dir=tmp_path / "m")).has_intervals
