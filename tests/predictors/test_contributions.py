"""Contributions on 1,000 real rows: they add up to the margin, and lead to what is served."""

from collections.abc import Callable, Mapping
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from drum_like.api import NativeFrame
from drum_like.types.explanation import Kind
from tests.support.explained import (
    DIGITS,
    NUMBER,
    YES_NO,
    digits,
    opened,
    reason,
    served,
    sums,
)

Margin = Callable[[Any, Any], Any]
"""From a model and rows to the (n_rows,) or (n_rows, n_groups) margins, asked of the framework."""


def boosted(**params: Any) -> xgb.Booster:
    rows, target = digits(gaps=True)
    classes = str(params.get("objective", "")).startswith(("binary", "reg:logistic"))
    labels = target > 4 if classes else target
    return xgb.train({"nthread": 1, "seed": 0, **params}, xgb.DMatrix(rows, labels), 8)


CHANCES = ("binary", "cross_entropy", "cross_entropy_lambda")


def light(**params: Any) -> lgb.Booster:
    rows, target = digits(gaps=True)
    rows.columns = [name.replace(" ", "_") for name in rows.columns]
    labels = target > 4 if params.get("objective") in CHANCES else target
    return lgb.train({"num_threads": 1, "verbose": -1, **params}, lgb.Dataset(rows, labels), 8)


def xgb_margin(model: xgb.Booster, rows: pd.DataFrame) -> Any:
    return model.predict(xgb.DMatrix(rows), output_margin=True)


def lgb_margin(model: lgb.Booster, rows: pd.DataFrame) -> Any:
    return model.predict(rows, raw_score=True)


MULTI = {"objective": "multi:softprob", "num_class": 10}
NATIVE: dict[str, tuple[Callable[..., Any], Margin, dict[str, Any], float]] = {
    "xgboost-regression": (boosted, xgb_margin, NUMBER, 1e-4),
    "xgboost-binary": (lambda: boosted(objective="binary:logistic"), xgb_margin, YES_NO, 1e-4),
    "xgboost-multiclass": (lambda: boosted(**MULTI), xgb_margin, DIGITS, 1e-4),
    "xgboost-poisson": (lambda: boosted(objective="count:poisson"), xgb_margin, NUMBER, 1e-4),
    "xgboost-dart": (lambda: boosted(booster="dart", rate_drop=0.3), xgb_margin, NUMBER, 1e-4),
    "xgboost-linear": (lambda: boosted(booster="gblinear"), xgb_margin, NUMBER, 1e-4),
    "xgboost-parallel": (
        lambda: boosted(num_parallel_tree=3, subsample=0.5, base_score=7.5),
        xgb_margin,
        NUMBER,
        1e-4,
    ),
    "lightgbm-regression": (light, lgb_margin, NUMBER, 1e-9),
    "lightgbm-binary": (lambda: light(objective="binary"), lgb_margin, YES_NO, 1e-9),
    "lightgbm-cross-entropy": (lambda: light(objective="cross_entropy"), lgb_margin, YES_NO, 1e-9),
    "lightgbm-multiclass": (
        lambda: light(objective="multiclass", num_class=10),
        lgb_margin,
        DIGITS,
        1e-9,
    ),
    "lightgbm-tweedie": (lambda: light(objective="tweedie"), lgb_margin, NUMBER, 1e-9),
    "lightgbm-forest": (
        lambda: light(boosting="rf", bagging_fraction=0.5, bagging_freq=1),
        lambda model, rows: lgb_margin(model, rows) / model.num_trees(),
        NUMBER,
        1e-9,
    ),
}


@pytest.mark.parametrize("name", NATIVE)
def test_contributions_of_boosters_add_up_to_the_margin(name: str, tmp_path: Path) -> None:
    """On 1,000 rows, one cell in ten missing."""
    train, margin, settings, tolerance = NATIVE[name]
    model, (rows, _) = train(), digits(gaps=True)
    service = opened(tmp_path, model, **settings)
    margins = np.asarray(margin(model, rows)).reshape(len(rows), -1).T
    if "class_labels" in settings:
        assert service.target.order == tuple("9876543210")
        margins = margins[::-1]  # the labels spell the classes

    found = {kind: sums(service, rows, kind) for kind in Kind}

    assert service.contribution_kinds == (Kind.ORIGINAL, Kind.TRANSFORMED)
    assert (np.abs(found[Kind.ORIGINAL] - margins) <= tolerance * np.maximum(1, abs(margins))).all()
    assert (found[Kind.ORIGINAL] == found[Kind.TRANSFORMED]).all()
    assert_leads_to_what_is_served(found[Kind.ORIGINAL], service, rows)


def assert_leads_to_what_is_served(found: NDArray[Any], service: Any, rows: pd.DataFrame) -> None:
    link = service.explanations.described()["contributions"]["link"]
    reached = {
        "identity": found,
        "log": np.exp(np.minimum(found, 700)),
        "logit": 1 / (1 + np.exp(-found)),
        "softmax": np.exp(found) / np.exp(found).sum(axis=0),
    }[link]
    expected = served(service, rows)
    np.testing.assert_allclose(reached, expected[-len(reached) :], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("labels", [("1", "0"), ("0", "1"), ("yes", "no"), ("no", "yes")])
@pytest.mark.parametrize("legacy", ["by-class", "as-drum"])
def test_binary_contributions_are_to_the_positive_label(
    labels: tuple[str, str], legacy: str, tmp_path: Path
) -> None:
    """Whichever class that is: log-odds of the last column of the answer."""
    rows, _ = digits(gaps=True)
    positive, negative = labels
    service = opened(
        tmp_path,
        boosted(objective="binary:logistic"),
        target_type=YES_NO["target_type"],
        positive_class_label=positive,
        negative_class_label=negative,
        legacy_label_order=legacy == "as-drum",
    )

    assert service.target.order[-1] == positive
    assert_leads_to_what_is_served(sums(service, rows, Kind.ORIGINAL), service, rows)


def test_a_booster_of_two_softmax_classes_has_log_odds(tmp_path: Path) -> None:
    rows, target = digits()
    params = {"objective": "multi:softprob", "num_class": 2, "nthread": 1}
    model = xgb.train(params, xgb.DMatrix(rows, target > 4), 5)
    service = opened(tmp_path, model, **YES_NO)

    found = service.contributions(NativeFrame(rows), Kind.ORIGINAL)

    assert found.groups == (None,)
    assert_leads_to_what_is_served(found.values.sum(axis=2), service, rows)


def test_an_early_stopped_estimator_is_divided_as_it_predicts(tmp_path: Path) -> None:
    """E16: all rounds of its booster would be off."""
    rows, target = digits()
    model = xgb.XGBClassifier(n_estimators=60, early_stopping_rounds=2, n_jobs=1)
    model.fit(rows[:500], target[:500] > 4, eval_set=[(rows[500:], target[500:] > 4)], verbose=0)
    service = opened(tmp_path, model)

    found = sums(service, rows, Kind.ORIGINAL)

    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    assert_leads_to_what_is_served(found, service, rows)


def with_categories() -> tuple[pd.DataFrame, NDArray[np.int64]]:
    rows, target = digits(gaps=True)
    data = rows.iloc[:, :3].copy()
    data["kind"] = pd.Categorical(np.array(["a", "b", "c"])[target % 3])
    data["size"] = pd.Categorical(np.array([10, 20, 30, 40])[target % 4])
    return data, target


@pytest.mark.parametrize(
    "train",
    [
        pytest.param(
            lambda rows, target: xgb.train(
                {"nthread": 1}, xgb.DMatrix(rows, target, enable_categorical=True), 6
            ),
            id="xgboost",
        ),
        pytest.param(
            lambda rows, target: xgb.XGBRegressor(
                n_estimators=6, enable_categorical=True, n_jobs=1
            ).fit(rows, target),
            id="xgboost-estimator",
        ),
        pytest.param(
            lambda rows, target: lgb.train(
                {"verbose": -1, "num_threads": 1},
                lgb.Dataset(rows.set_axis([n.replace(" ", "_") for n in rows], axis=1), target),
                6,
            ),
            id="lightgbm",
        ),
    ],
)
def test_categories_contribute(train: Any, tmp_path: Path) -> None:
    rows, target = with_categories()
    service = opened(tmp_path, train(rows, target), **NUMBER)
    plain = rows.astype({"kind": object, "size": float})
    plain.loc[::5, "kind"] = None

    found = service.contributions(NativeFrame(plain), Kind.ORIGINAL)

    assert found.values[0, :, 3].any()
    assert_leads_to_what_is_served(found.values.sum(axis=2), service, plain)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(xgb.XGBClassifier(n_estimators=5, n_jobs=1), id="xgboost-classifier"),
        pytest.param(xgb.XGBRegressor(n_estimators=5, missing=0.0, n_jobs=1), id="missing-is-0"),
        pytest.param(xgb.XGBRFRegressor(n_estimators=5, n_jobs=1), id="xgboost-forest"),
        pytest.param(
            xgb.XGBRegressor(booster="gblinear", n_estimators=5, n_jobs=1), id="xgboost-linear"
        ),
        pytest.param(
            lgb.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1), id="lightgbm-classifier"
        ),
        pytest.param(
            lgb.LGBMRegressor(n_estimators=5, n_jobs=1, verbose=-1, objective="gamma"),
            id="lightgbm-gamma",
        ),
        pytest.param(LinearRegression(), id="linear"),
        pytest.param(PoissonRegressor(max_iter=1000), id="poisson"),
        pytest.param(make_pipeline(StandardScaler(), LogisticRegression()), id="logistic"),
        pytest.param(DecisionTreeRegressor(max_depth=6), id="tree"),
        pytest.param(RandomForestRegressor(8, max_depth=9), id="forest"),
        pytest.param(ExtraTreesRegressor(4), id="extra-trees"),
        pytest.param(GradientBoostingRegressor(n_estimators=15, loss="huber"), id="boosting"),
        pytest.param(GradientBoostingRegressor(n_estimators=5, init="zero"), id="boosting-zero"),
        pytest.param(GradientBoostingClassifier(n_estimators=5), id="boosted-classes"),
        pytest.param(GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=2), id="search"),
    ],
)
def test_contributions_of_estimators_add_up(model: Any, tmp_path: Path) -> None:
    rows, target = digits()
    labels = target + 1 if "objective='gamma'" in str(model) else target
    service = opened(tmp_path, model.fit(rows.to_numpy(), labels))

    found = sums(service, rows, Kind.ORIGINAL)

    assert_leads_to_what_is_served(found, service, rows)


@pytest.mark.parametrize("loss", ["log_loss", "exponential"])
def test_boosted_trees_of_two_classes_have_log_odds(loss: Any, tmp_path: Path) -> None:
    rows, target = digits()
    model = GradientBoostingClassifier(n_estimators=8, loss=loss).fit(rows, target > 4)
    service = opened(tmp_path, model)

    assert_leads_to_what_is_served(sums(service, rows, Kind.ORIGINAL), service, rows)


def test_missing_values_go_where_the_tree_sends_them(tmp_path: Path) -> None:
    rows, target = digits(gaps=True)
    service = opened(tmp_path, RandomForestRegressor(5, max_depth=7).fit(rows, target))

    assert_leads_to_what_is_served(sums(service, rows, Kind.ORIGINAL), service, rows)


def brute_force(value: Callable[[frozenset[int]], float], width: int) -> NDArray[np.float64]:
    """Return Shapley values from the value of every subset of columns."""
    found = np.zeros(width)
    for column in range(width):
        others = [at for at in range(width) if at != column]
        for size in range(width):
            weight = 1 / (width * comb(width - 1, size))
            for chosen in map(frozenset, combinations(others, size)):
                found[column] += weight * (value(chosen | {column}) - value(chosen))
    return found


def expected(tree: Any, row: NDArray[np.float32], known: frozenset[int], node: int = 0) -> float:
    """Return the prediction of a tree of scikit-learn if only some columns of a row are known."""
    left, right = int(tree.children_left[node]), int(tree.children_right[node])
    if left < 0:
        return float(tree.value[node, 0, 0])
    column, cover = int(tree.feature[node]), tree.weighted_n_node_samples
    if column in known:
        passed = row[column] <= tree.threshold[node]
        return expected(tree, row, known, left if passed else right)
    parts = [cover[at] * expected(tree, row, known, at) for at in (left, right)]
    return float(sum(parts) / cover[node])


def test_forests_equal_brute_force_shapley(tmp_path: Path) -> None:
    """Deep trees, which test a column again and again on one path."""
    rows, target = digits()
    few = rows.iloc[:, -5:]
    weights = np.random.default_rng(3).random(len(few))
    model = RandomForestRegressor(4, max_depth=8, random_state=0).fit(few, target, weights)
    service = opened(tmp_path, model)
    cells = few.to_numpy(np.float32)

    found = service.contributions(NativeFrame(few[:12]), Kind.ORIGINAL).values[0]

    for at in range(12):

        def value(known: frozenset[int], row: NDArray[np.float32] = cells[at]) -> float:
            return float(np.mean([expected(e.tree_, row, known) for e in model.estimators_]))

        np.testing.assert_allclose(found[at, :-1], brute_force(value, 5), atol=1e-11)
        np.testing.assert_allclose(found[at, -1], value(frozenset()), atol=1e-11)


def test_boosters_equal_brute_force_shapley(tmp_path: Path) -> None:
    """XGBoost's own numbers are path-dependent Shapley values by the cover of the nodes."""
    rows, target = digits()
    few = rows.iloc[:, -4:].set_axis(list("abcd"), axis="columns")
    model = xgb.train({"max_depth": 3, "nthread": 1}, xgb.DMatrix(few, target), 5)
    nodes = model.trees_to_dataframe().set_index("ID").to_dict("index")
    service = opened(tmp_path, model)

    found = service.contributions(NativeFrame(few[:10]), Kind.ORIGINAL).values[0]

    for at in range(10):
        row = few.iloc[at]

        def value(known: frozenset[int], row: Any = row) -> float:
            names = {"abcd"[column] for column in known}
            return float(np.sum([walk(nodes, f"{tree}-0", row, names) for tree in range(5)]))

        np.testing.assert_allclose(found[at, :-1], brute_force(value, 4), atol=1e-5)


def walk(nodes: Mapping[Any, Any], name: str, row: Any, known: set[str]) -> float:
    node = nodes[name]
    if node["Feature"] == "Leaf":
        return float(node["Gain"])
    if node["Feature"] in known:
        passed = np.float32(row[node["Feature"]]) < np.float32(node["Split"])
        return walk(nodes, node["Yes"] if passed else node["No"], row, known)
    yes, no = nodes[node["Yes"]], nodes[node["No"]]
    parts = yes["Cover"] * walk(nodes, node["Yes"], row, known) + no["Cover"] * walk(
        nodes, node["No"], row, known
    )
    return float(parts / (yes["Cover"] + no["Cover"]))


def mixed() -> tuple[pd.DataFrame, NDArray[Any]]:
    rows, target = digits(gaps=True)
    data = pd.DataFrame({"b": rows.iloc[:, -1], "a": rows.iloc[:, -2], "unused": 1.0})
    data["c"] = np.array(["x", "y", "z"])[target % 3]
    data["d"] = np.array(["u", "v"])[target % 2]
    return data, target + 0.5


def preprocessing(*, dense: bool = True) -> ColumnTransformer:
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    codes = OneHotEncoder(drop="if_binary", sparse_output=not dense, min_frequency=0.1)
    return ColumnTransformer(
        [("codes", codes, ["d", "c"]), ("numbers", numbers, ["a", "b"])], sparse_threshold=1.0
    )


@pytest.mark.parametrize("layout", ["dense", "sparse"])
@pytest.mark.parametrize(
    "last",
    [
        pytest.param(Ridge(), id="ridge"),
        pytest.param(RandomForestRegressor(5, max_depth=5), id="forest"),
        pytest.param(xgb.XGBRegressor(n_estimators=5, n_jobs=1), id="xgboost"),
        pytest.param(lgb.LGBMRegressor(n_estimators=5, n_jobs=1, verbose=-1), id="lightgbm"),
    ],
)
def test_columns_of_a_pipeline_are_summed_by_their_source(
    last: Any, layout: str, tmp_path: Path
) -> None:
    rows, target = mixed()
    model = Pipeline([("before", preprocessing(dense=layout == "dense")), ("last", last)]).fit(
        rows, target
    )
    service = opened(tmp_path, model)

    made = service.contributions(NativeFrame(rows), Kind.TRANSFORMED)
    found = service.contributions(NativeFrame(rows), Kind.ORIGINAL)

    assert found.features == ("b", "a", "c", "d")
    assert made.features == tuple(model[:-1].get_feature_names_out())
    sources = {"codes__d": 3, "codes__c": 2, "numbers__a": 1, "numbers__b": 0}
    sources |= {"numbers__missingindicator_a": 1, "numbers__missingindicator_b": 0}
    for column in range(4):
        parts = [
            made.values[0, :, at]
            for at, name in enumerate(made.features)
            if sources[max((s for s in sources if name.startswith(s)), key=len)] == column
        ]
        np.testing.assert_allclose(found.values[0, :, column], np.sum(parts, axis=0), atol=1e-9)
    assert_leads_to_what_is_served(found.values.sum(axis=2), service, rows)


@pytest.mark.parametrize(
    ("before", "kinds"),
    [
        pytest.param(PCA(3), (Kind.TRANSFORMED,), id="pca"),
        pytest.param(PolynomialFeatures(2), (Kind.TRANSFORMED,), id="polynomials"),
        pytest.param(SelectKBest(k=4), tuple(Kind), id="selection"),
        pytest.param(FunctionTransformer(np.sqrt), (Kind.TRANSFORMED,), id="function"),
        pytest.param(FunctionTransformer(), tuple(Kind), id="identity"),
        pytest.param(OrdinalEncoder(), tuple(Kind), id="codes"),
        pytest.param(
            KBinsDiscretizer(3, strategy="uniform", encode="onehot"), tuple(Kind), id="bins"
        ),
        pytest.param(
            FeatureUnion([("scaled", StandardScaler()), ("same", "passthrough")]),
            tuple(Kind),
            id="union",
        ),
        pytest.param(
            FeatureUnion([("scaled", StandardScaler()), ("pca", PCA(2))]),
            (Kind.TRANSFORMED,),
            id="union-with-pca",
        ),
        pytest.param(
            ColumnTransformer([("one", PCA(1), [2])], remainder=StandardScaler()),
            tuple(Kind),
            id="one-column",
        ),
        pytest.param(
            Pipeline([("scaled", StandardScaler()), ("same", "passthrough")]),
            tuple(Kind),
            id="pipeline",
        ),
    ],
)
def test_original_contributions_need_one_source_a_column(
    before: Any, kinds: tuple[Kind, ...], tmp_path: Path
) -> None:
    rows, target = digits()
    model = Pipeline([("before", before), ("last", Ridge())]).fit(rows, target)
    service = opened(tmp_path, model)

    assert service.contribution_kinds == kinds
    for kind in kinds:
        assert_leads_to_what_is_served(sums(service, rows, kind), service, rows)


class Twice(Ridge):  # type: ignore[misc] # scikit-learn is not typed
    """An estimator whose predictions are not what its weights say."""

    def predict(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Return twice what the weights say."""
        return 2 * super().predict(X)


class TwiceBoosted(xgb.XGBRegressor):
    """The same with trees."""

    def predict(self, X: Any, **options: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Return twice what the trees say."""
        return 2 * super().predict(X, **options)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        pytest.param(RandomForestClassifier(3), "not to log-odds", id="forest-of-classes"),
        pytest.param(HistGradientBoostingRegressor(max_iter=3), "no known sum", id="histograms"),
        pytest.param(KNeighborsRegressor(), "no known sum", id="neighbours"),
        pytest.param(Twice(), "Twice", id="subclass"),
        pytest.param(TwiceBoosted(n_estimators=3, n_jobs=1), "TwiceBoosted", id="xgboost-subclass"),
        pytest.param(
            GradientBoostingRegressor(n_estimators=2, init=Ridge()), "on top of", id="boosted-ridge"
        ),
    ],
)
def test_estimators_that_do_not_tell_say_why(model: Any, why: str, tmp_path: Path) -> None:
    rows, target = digits()
    service = opened(tmp_path, model.fit(rows, target))

    assert service.contribution_kinds == ()
    assert why in reason(service.explanations)


LOGIT = """name: m
type: inference
targetType: binary
link: logit
inferenceModel:
  positiveClassLabel: "yes"
  negativeClassLabel: "no"
"""


def test_margins_with_a_link_have_log_odds(tmp_path: Path) -> None:
    rows, _ = digits(gaps=True)
    service = opened(tmp_path, boosted(objective="binary:logitraw"), LOGIT)

    assert_leads_to_what_is_served(sums(service, rows, Kind.ORIGINAL), service, rows)


@pytest.mark.parametrize(
    ("train", "settings", "why"),
    [
        pytest.param(lambda: boosted(objective="binary:hinge"), NUMBER, "hinge", id="hinge"),
        pytest.param(lambda: light(objective="regression", reg_sqrt=True), NUMBER, "", id="sqrt"),
        pytest.param(lambda: light(linear_tree=True), NUMBER, "linear models", id="linear-tree"),
        pytest.param(
            lambda: light(objective="cross_entropy_lambda", num_leaves=4),
            NUMBER,
            "cross_entropy_lambda",
            id="lambda",
        ),
    ],
)
def test_boosters_that_do_not_tell_say_why(
    train: Any, settings: dict[str, Any], why: str, tmp_path: Path
) -> None:
    service = opened(tmp_path, train(), **settings)

    assert service.contribution_kinds == ()
    assert why in reason(service.explanations)


def test_a_classifier_that_predicts_numbers_has_none(tmp_path: Path) -> None:
    rows, target = digits()
    model = xgb.XGBClassifier(n_estimators=3, n_jobs=1).fit(rows, target)

    service = opened(tmp_path, model, **NUMBER)

    assert "numbers of classes" in reason(service.explanations)


def test_the_steepness_of_a_sigmoid_scales_log_odds(tmp_path: Path) -> None:
    rows, _ = digits(gaps=True)
    service = opened(tmp_path, light(objective="binary", sigmoid=3.0), **YES_NO)

    assert_leads_to_what_is_served(sums(service, rows, Kind.ORIGINAL), service, rows)
