"""Natural batching: requests that wait for a model are predicted together, and answered apart."""

import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path
from threading import Semaphore
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import xgboost
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from drum_like.api import Column, ColumnsFrame, Payload, Prediction, Schema
from drum_like.config.model_settings import ModelSettings
from drum_like.errors import BusyError, ColumnsError
from drum_like.inference import cost_curve
from drum_like.inference.batching import Gathering
from drum_like.inference.cost_curve import MOST_ROWS, CostCurve
from drum_like.inference.loading import open_service
from drum_like.inference.model_service import ModelService
from drum_like.inference.named_rows import Scored
from drum_like.system.cpus import FairSemaphore
from drum_like.system.deadline import DEADLINE
from drum_like.system.marks import MARKS, RequestMarks

RNG = np.random.default_rng(5)
N_ROWS = 400
WORDS = ("late", "broken", "cheap", "kind", "fast")
ROWS = pd.DataFrame(
    {f"f{at}": RNG.normal(size=N_ROWS) * 10.0**at for at in range(4)}
    | {
        "place": RNG.choice(["north", "south", "east"], N_ROWS),
        "note": [" ".join(RNG.choice(WORDS, 4)) for _ in range(N_ROWS)],
    }
)
NUMBERS = ROWS[[f"f{at}" for at in range(4)]]
CLASSES = ((ROWS["f0"] + ROWS["note"].str.contains("late")) > 0.5).astype(int)


@pytest.fixture(autouse=True)
def joins_short_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Join requests of small models, too, however short their predictions are."""
    monkeypatch.setattr(cost_curve, "_LONG_S", 0.0)


Chances = Callable[[pd.DataFrame], Any]
"""Returns the chances of class 1 of rows, as the library itself predicts them."""


class Counted(FairSemaphore):
    """A limiter that counts how often it was given back: the predictions."""

    def __init__(self, number: int = 1) -> None:
        super().__init__(number)
        self.n_predictions = 0

    def release(self) -> None:
        """Count, and give it back."""
        self.n_predictions += 1
        super().release()


def columns() -> Any:
    """Return the preparation of numbers, a category and a text."""
    return make_column_transformer(
        (StandardScaler(), list(NUMBERS)),
        (OneHotEncoder(), ["place"]),
        (TfidfVectorizer(), "note"),
    )


def write_pipeline(path: Path) -> Chances:
    """Write a pipeline of numbers, a category and a text."""
    model = make_pipeline(columns(), LogisticRegression()).fit(ROWS, CLASSES)
    (path / "model.pkl").write_bytes(pickle.dumps(model))
    return lambda rows: model.predict_proba(rows)[:, 1]


def write_forest(path: Path) -> Chances:
    """Write a random forest on numbers."""
    model = RandomForestClassifier(5, random_state=0).fit(NUMBERS, CLASSES)
    (path / "model.pkl").write_bytes(pickle.dumps(model))
    return lambda rows: model.predict_proba(rows)[:, 1]


def write_logistic(path: Path) -> Chances:
    """Write a linear model on an array without names."""
    model = make_pipeline(StandardScaler(), LogisticRegression())
    (path / "model.pkl").write_bytes(pickle.dumps(model.fit(NUMBERS.to_numpy(), CLASSES)))
    return lambda rows: model.predict_proba(rows.to_numpy())[:, 1]


def write_xgboost(path: Path) -> Chances:
    """Write a booster with a column of categories."""
    data = NUMBERS.assign(place=ROWS["place"].astype("category"))
    model = xgboost.XGBClassifier(n_estimators=8, enable_categorical=True)
    model.fit(data, CLASSES).save_model(path / "model.ubj")
    return lambda rows: model.predict_proba(_with_categories(rows))[:, 1]


def write_lightgbm(path: Path) -> Chances:
    """Write a booster with a column of categories."""
    data = NUMBERS.assign(place=ROWS["place"].astype("category"))
    parameters = {"objective": "binary", "verbose": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(data, CLASSES), 8)
    booster.save_model(path / "model.txt")
    return lambda rows: booster.predict(_with_categories(rows))


def _with_categories(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the type of the training data's column of categories."""
    return rows.assign(place=rows["place"].astype(ROWS["place"].astype("category").dtype))


def write_onnx(path: Path) -> Chances:
    """Write a graph of a linear model, whose bits depend on the number of rows."""
    matrix = NUMBERS.to_numpy(np.float32)
    model = LogisticRegression().fit(matrix, CLASSES)
    options: Any = {"zipmap": False}
    onnx.save(to_onnx(model, matrix[:1], options=options), path / "model.onnx")
    session = onnxruntime.InferenceSession(path / "model.onnx")
    return lambda rows: session.run(None, {"X": rows.to_numpy(np.float32)})[1][:, 1]


WRITERS: dict[str, Callable[[Path], Chances]] = {
    "pipeline": write_pipeline,
    "forest": write_forest,
    "logistic": write_logistic,
    "xgboost": write_xgboost,
    "lightgbm": write_lightgbm,
    "onnx": write_onnx,
}
FRAMES = {"forest": NUMBERS, "logistic": NUMBERS, "onnx": NUMBERS, "pipeline": ROWS}


def body(rows: pd.DataFrame) -> Payload:
    """Return rows as CSV."""
    return Payload(rows.to_csv(index=False).encode())


def opened(path: Path, limiter: FairSemaphore) -> ModelService:
    """Return the service of a directory with a binary model."""
    labels: Any = {"positive_class_label": "1", "negative_class_label": "0"}
    return open_service(ModelSettings(code_dir=path, **labels), limiter=limiter)


@dataclass
class Crowd:
    """Requests that wait for a limiter that the test holds."""

    pool: ThreadPoolExecutor
    service: ModelService
    futures: list[Future[Prediction]]

    def send(
        self, payload: Payload, until: float = inf, has_left: Callable[[], bool] = lambda: False
    ) -> Future[Prediction]:
        """Have a thread ask; return when it waits, or is done."""

        def ask() -> Prediction:
            DEADLINE.until, DEADLINE.has_left = until, has_left
            return self.service.predict(payload)

        before = len(DEADLINE.waiting)
        future = self.pool.submit(ask)
        while len(DEADLINE.waiting) == before and not future.done():
            time.sleep(0.001)
        self.futures.append(future)
        return future


@contextmanager
def crowd(service: ModelService, limiter: FairSemaphore, places: int = 1) -> Iterator[Crowd]:
    """Hold all places while the block sends requests."""
    for _ in range(places):
        limiter.wait()
    with ThreadPoolExecutor(40) as pool:
        try:
            yield Crowd(pool, service, [])
        finally:
            for _ in range(places):
                FairSemaphore.release(limiter)


@pytest.mark.parametrize("name", WRITERS)
def test_requests_that_wait_are_predicted_together_and_get_their_own_bits(
    name: str, tmp_path: Path
) -> None:
    chances = WRITERS[name](tmp_path)
    limiter, data = Counted(), FRAMES.get(name, ROWS.drop(columns="note"))
    service = opened(tmp_path, limiter)
    sizes = [1, 1, 1, 2, 1, 7, 1, 3, 1, 1, 8, 1, 1, 16]
    starts = np.cumsum([0, *sizes])
    bodies = [body(data.iloc[a:b]) for a, b in pairwise(starts)]
    alone = [service.predict(each).values for each in bodies]
    limiter.n_predictions = 0

    with crowd(service, limiter) as waiting:
        for each in bodies:
            waiting.send(each)
    predictions = [future.result() for future in waiting.futures]
    found = [one.values for one in predictions]

    for one, (a, b) in zip(predictions, pairwise(starts), strict=True):
        ours = Scored(one, service.target).chances[:, 1]
        assert np.allclose(ours, chances(data.iloc[a:b]), rtol=2e-6, atol=2e-7)
    assert [one.tobytes() for one in found] == [one.tobytes() for one in alone]
    assert [one.shape for one in found] == [one.shape for one in alone]
    assert limiter.n_predictions == 2


def test_an_error_is_that_of_its_own_request_and_names_its_own_row(tmp_path: Path) -> None:
    write_pipeline(tmp_path)
    limiter = Counted()
    service = opened(tmp_path, limiter)
    unknown = ROWS.iloc[10:12].assign(place=["north", "nowhere"])
    text = ROWS.iloc[12:14].assign(f0=["1", "one"])

    with crowd(service, limiter) as waiting:
        good = [waiting.send(body(ROWS.iloc[at : at + 1])) for at in range(4)]
        bad = [waiting.send(body(rows)) for rows in (unknown, text)]
        good += [waiting.send(body(ROWS.iloc[at : at + 1])) for at in range(4, 8)]

    for future, said in zip(
        bad, ("'place' holds in row 2", "'f0' holds text in row 2"), strict=True
    ):
        with pytest.raises(ColumnsError, match=said) as caught:
            future.result()
        assert caught.value.row == 1
    assert np.concatenate([each.result().values for each in good]).tolist() == [
        service.predict(body(ROWS.iloc[at : at + 1])).values.tolist()[0] for at in range(8)
    ]


def test_columns_of_other_types_are_not_joined(tmp_path: Path) -> None:
    data = pd.DataFrame({"a": [1, 2, 3, 4] * 9, "b": [0, 1, 0, 1] * 9})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model.fit(data, data["b"])
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    limiter = Counted()
    service = opened(tmp_path, limiter)
    bodies = [Payload(f"a,b\n{cells}\n".encode()) for cells in ("1,0", "2,1", ",1", "3,0", ",0")]
    alone = [service.predict(each).values.tolist() for each in bodies]
    limiter.n_predictions = 0

    with crowd(service, limiter) as waiting:
        for each in bodies:
            waiting.send(each)

    assert [future.result().values.tolist() for future in waiting.futures] == alone
    assert limiter.n_predictions == 3  # the first alone, whole numbers, and those with gaps


def test_a_request_whose_time_is_over_leaves_and_the_others_are_answered(tmp_path: Path) -> None:
    write_forest(tmp_path)
    limiter = Counted()
    service = opened(tmp_path, limiter)
    each = [body(NUMBERS.iloc[at : at + 1]) for at in range(4)]
    soon = time.monotonic() + 0.05

    with crowd(service, limiter) as waiting:
        first = waiting.send(each[0], soon)  # has the turn, and waits for the place
        late = waiting.send(each[1], soon)
        others = [waiting.send(each[2]), waiting.send(each[3])]
        for future in (first, late):
            with pytest.raises(BusyError):
                future.result(timeout=10)

    for future, payload in zip(others, each[2:], strict=True):
        assert future.result().values.tolist() == service.predict(payload).values.tolist()


def test_a_leader_whose_time_is_over_hands_the_lead_on(tmp_path: Path) -> None:
    write_forest(tmp_path)
    limiter = Counted()
    service = opened(tmp_path, limiter)
    each = [body(NUMBERS.iloc[at : at + 1]) for at in range(3)]

    with crowd(service, limiter) as waiting:
        first = waiting.send(each[0], time.monotonic() + 0.05)
        second = waiting.send(each[1], time.monotonic() + 0.5)
        third = waiting.send(each[2])
        for future in (first, second):  # the second leads when the first has left
            with pytest.raises(BusyError):
                future.result(timeout=10)

    assert third.result().values.tolist() == service.predict(each[2]).values.tolist()


def test_a_request_whose_time_ends_while_its_batch_runs_is_answered_and_not_late() -> None:
    begun, gate = Semaphore(0), Semaphore(0)

    def predict(frame: Any) -> Prediction:
        begun.release()
        assert gate.acquire(timeout=10)
        return Prediction(np.zeros(frame.n_rows))

    gathering = Gathering(predict, FairSemaphore(1), MOST_ROWS)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(_ask, gathering, inf)
        assert begun.acquire(timeout=10)
        others = [pool.submit(_ask, gathering, time.monotonic() + 0.3) for _ in range(2)]
        while len(DEADLINE.waiting) < 2:
            time.sleep(0.001)
        gate.release()
        assert begun.acquire(timeout=10)
        time.sleep(0.5)
        gate.release()
        answered = [future.result(10) for future in (first, *others)]

    assert [has_passed for has_passed, _ in answered] == [False] * 3
    assert all(-0.01 <= waited_s < 0.3 for _, waited_s in answered)


def _ask(gathering: Gathering, until: float) -> tuple[bool, float]:
    """Return whether a request counts as late after its answer, and how long it has waited."""
    frame = Schema((Column("a", "number"),)).conform(ColumnsFrame(("a",), [np.zeros(1)]))
    marks = RequestMarks()
    MARKS.set(marks)
    DEADLINE.until = until
    gathering.predict(frame, 1)
    return DEADLINE.has_passed, marks.waited_s


def test_nobody_waits_for_ever_where_a_look_for_a_client_fails(tmp_path: Path) -> None:
    write_forest(tmp_path)
    limiter = Counted()
    service = opened(tmp_path, limiter)
    payload = body(NUMBERS.iloc[:1])

    def fail() -> bool:
        raise OSError("closed")

    with crowd(service, limiter) as waiting:
        waiting.send(payload)
        futures = [waiting.send(payload), waiting.send(payload, has_left=fail)]
        futures.append(waiting.send(payload))

    wanted = service.predict(payload).values.tolist()
    assert [future.result(10).values.tolist() for future in futures] == [wanted] * 3


def test_predictions_with_further_columns_are_soon_made_alone(tmp_path: Path) -> None:
    write_forest(tmp_path)
    frame = "{'1': data['f0'] % 1, '0': 1 - data['f0'] % 1, 'more': len(data)}"
    hook = "def score(data, model, **kwargs):\n    print(len(data), flush=True)\n"
    hook += f"    return __import__('pandas').DataFrame({frame})\n"
    (tmp_path / "custom.py").write_text(hook)
    (tmp_path / "model-metadata.yaml").write_text(METADATA)
    service = open_service(ModelSettings(code_dir=tmp_path))
    limiter: Any = service.limiter
    bodies = [body(NUMBERS.iloc[at : at + 1]) for at in range(4)]

    for _ in range(2):
        with crowd(service, limiter) as waiting:
            for payload in bodies:
                waiting.send(payload)
        for future in waiting.futures:
            extra: Any = future.result().extra
            assert extra["more"].tolist() == [1]

    assert service.pipeline is not None
    assert service.pipeline.together is not None
    assert service.pipeline.together.__self__._most_rows == 0  # type: ignore[attr-defined]  # noqa: SLF001


def test_large_requests_wait_for_a_place_alone(tmp_path: Path) -> None:
    write_forest(tmp_path)
    limiter = Counted()
    service = opened(tmp_path, limiter)
    large = body(pd.concat([NUMBERS] * 3))
    small = body(NUMBERS.iloc[:1])

    with crowd(service, limiter) as waiting:
        futures = [waiting.send(each) for each in (large, small, large)]
    limiter_used = [len(future.result().values) for future in futures]

    assert limiter_used == [3 * N_ROWS, 1, 3 * N_ROWS]
    assert limiter.n_predictions >= 3


def test_two_models_take_turns_at_one_limiter(tmp_path: Path) -> None:
    limiter, services = Counted(), []
    for name in ("forest", "xgboost"):
        (tmp_path / name).mkdir()
        WRITERS[name](tmp_path / name)
        services.append(opened(tmp_path / name, limiter))
    payload = body(ROWS.iloc[:1])
    limiter.n_predictions = 0

    with crowd(services[0], limiter) as one:
        other = Crowd(one.pool, services[1], [])
        for _ in range(6):
            one.send(payload)
            other.send(payload)

    for each in (one, other):
        alone = each.service.predict(payload).values.tolist()
        assert all(future.result().values.tolist() == alone for future in each.futures)
    assert limiter.n_predictions == 4 + 2  # for each, one alone and five together; and ours


def test_many_threads_get_the_answers_of_their_own_rows(tmp_path: Path) -> None:
    write_pipeline(tmp_path)
    limiter = Counted(2)
    service = opened(tmp_path, limiter)
    bodies = [body(ROWS.iloc[at : at + 1 + at % 3]) for at in range(60)]
    alone = [service.predict(each).values.tobytes() for each in bodies]
    limiter.n_predictions = 0

    def ask(start: int) -> list[bool]:
        order = [(start * 7 + step) % len(bodies) for step in range(25)]
        return [service.predict(bodies[at]).values.tobytes() == alone[at] for at in order]

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ask, range(16)))

    assert all(map(all, found))
    assert limiter.n_predictions < 16 * 25


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"custom.py": "def transform(data, model):\n    return data\n"}, "hooks of custom.py"),
        ({"model-metadata.yaml": "batching: false"}, "'batching: false'"),
    ],
)
def test_rows_that_hooks_get_or_metadata_forbids_are_predicted_alone(
    files: dict[str, str], reason: str, tmp_path: Path
) -> None:
    write_forest(tmp_path)
    head = "name: m\ntype: inference\ntargetType: binary\ninferenceModel:\n  targetName: t\n"
    head += "  positiveClassLabel: 1\n  negativeClassLabel: 0\n"
    for name, text in files.items():
        (tmp_path / name).write_text(head + text if name.endswith("yaml") else text)
    limiter = Counted()
    service = opened(tmp_path, limiter)
    limiter.n_predictions = 0

    with crowd(service, limiter) as waiting:
        for at in range(3):
            waiting.send(body(NUMBERS.iloc[at : at + 1]))

    assert [len(future.result().values) for future in waiting.futures] == [1, 1, 1]
    assert limiter.n_predictions == 3
    shown = service.description()["batching"]
    assert shown["together"] is False
    assert reason in shown["reason"]


def centred(rows: Any) -> Any:
    """Return rows relative to each other."""
    return rows - rows.mean()


def test_code_that_may_look_at_all_rows_is_given_those_of_one_request(tmp_path: Path) -> None:
    steps = (FunctionTransformer(centred), LinearRegression())
    model = make_pipeline(StandardScaler().set_output(transform="pandas"), *steps)
    (tmp_path / "custom.py").write_text(
        "import pickle, pathlib\n"
        "def load_model(code_dir):\n"
        "    return pickle.loads((pathlib.Path(code_dir) / 'model.bin').read_bytes())\n"
    )
    (tmp_path / "model.bin").write_bytes(pickle.dumps(model.fit(NUMBERS, NUMBERS["f0"])))

    service = open_service(ModelSettings(code_dir=tmp_path))

    assert service.description()["batching"] == {
        "together": False,
        "reason": "the model runs code that is not of a known framework",
    }


def noted(fixed_s: float, each_s: float, sizes: Sequence[int]) -> CostCurve:
    """Return a curve that has seen batches of a cost."""
    curve = CostCurve()
    for n_rows in sizes:
        curve.note(n_rows, fixed_s + each_s * n_rows)
    return curve


@pytest.mark.parametrize(
    ("fixed_s", "each_s", "size"),
    [(3e-3, 1e-4, 270), (1e-3, 1e-3, 9), (1e-5, 1e-3, 1), (3e-3, 0.0, MOST_ROWS)],
)
def test_the_size_of_a_batch_follows_from_its_measured_cost(
    fixed_s: float, each_s: float, size: int
) -> None:
    curve = noted(fixed_s, each_s, [1, 3, 2, 7, 1, 4, 9, 2] * 20)

    assert curve.size == pytest.approx(size, rel=0.01, abs=1)
    assert curve.spare == max(1, curve.size // 3)


def test_a_cost_that_cannot_be_known_is_found_out() -> None:
    curve = noted(1e-5, 1e-3, [1, 2, 3] * 20)
    assert curve.size == 1

    for _ in range(1000):
        curve.note(1, 1.01e-3)

    assert curve.size == MOST_ROWS


def test_a_model_that_takes_long_lets_another_thread_read_requests_meanwhile(
    tmp_path: Path,
) -> None:
    write_pipeline(tmp_path)
    service = opened(tmp_path, Counted())
    given: list[bool] = []

    def ask() -> None:
        DEADLINE.give_way = lambda *, waits: given.append(waits)
        for _ in range(40):
            service.predict(body(ROWS.iloc[:1]))

    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask).result()

    assert given
    assert not any(given)  # it never had to wait


def test_short_predictions_take_their_turns_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_curve, "_LONG_S", 60.0)
    write_forest(tmp_path)
    limiter = Counted()
    service = opened(tmp_path, limiter)
    for _ in range(20):
        service.predict(body(NUMBERS.iloc[:1]))
    limiter.n_predictions = 0

    with crowd(service, limiter) as waiting:
        for at in range(4):
            waiting.send(body(NUMBERS.iloc[at : at + 1]))

    assert [len(future.result().values) for future in waiting.futures] == [1] * 4
    assert limiter.n_predictions == 4


def test_a_cost_is_long_where_a_batch_saves_more_than_a_thread_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = [1, 3, 2, 7] * 20
    monkeypatch.undo()
    assert CostCurve().is_long
    assert noted(1e-3, 1e-5, sizes).is_long
    assert not noted(1e-4, 1e-5, sizes).is_long
    assert not noted(1e-5, 1e-2, sizes).is_long


def test_predictions_that_are_not_one_a_row_are_not_divided() -> None:
    with pytest.raises(Exception, match="one prediction a row"):
        Prediction(np.zeros(3)).split([1, 1])
    parts = Prediction(np.arange(6.0).reshape(3, 2), ("a", "b")).split([2, 1])
    assert [part.values.tolist() for part in parts] == [[[0, 1], [2, 3]], [[4, 5]]]
    assert [part.labels for part in parts] == [("a", "b")] * 2


def test_requests_of_clients_that_have_left_are_not_predicted(tmp_path: Path) -> None:
    write_forest(tmp_path)
    limiter = Counted()
    service = opened(tmp_path, limiter)
    payloads = [body(NUMBERS.iloc[at : at + 1]) for at in range(5)]

    with crowd(service, limiter) as waiting:
        waiting.send(payloads[0])
        leads = waiting.send(payloads[1], has_left=lambda: True)
        stays = [waiting.send(payloads[2]), waiting.send(payloads[4])]
        leaves = waiting.send(payloads[3], has_left=lambda: True)

    for future in (leads, leaves):
        with pytest.raises(BusyError):
            future.result()
    for future, payload in zip(stays, (payloads[2], payloads[4]), strict=True):
        assert future.result().values.tolist() == service.predict(payload).values.tolist()


def test_requests_with_rows_that_the_model_refuses_are_taken_out_of_the_batch(
    tmp_path: Path,
) -> None:
    write_pipeline(tmp_path)
    limiter = Counted()
    service = opened(tmp_path, limiter)
    good = [body(ROWS.iloc[at : at + 2]) for at in range(8)]
    bad = body(ROWS.iloc[10:12].assign(place=["north", "nowhere"]))
    limiter.n_predictions = 0

    with crowd(service, limiter) as waiting:
        fine = [waiting.send(payload) for payload in good[:4]]
        refused = [waiting.send(bad), waiting.send(bad)]
        fine += [waiting.send(payload) for payload in good[4:]]

    for future in refused:
        with pytest.raises(ColumnsError, match="'place' holds in row 2"):
            future.result()
    assert [future.result().values.tolist() for future in fine] == [
        service.predict(payload).values.tolist() for payload in good
    ]
    assert limiter.n_predictions == 2 + 2 + 8  # the first, the batch, both refused; and ours


HOOKS = """
def transform(data, model):
    return data.assign(f0=data["f0"].clip(-3, 3))


def post_process(predictions, model):
    return predictions.round(6)
"""

METADATA = """name: m
type: inference
targetType: binary
inferenceModel:
  targetName: t
  positiveClassLabel: 1
  negativeClassLabel: 0
batching: true
"""


@pytest.mark.parametrize("extra", ["", "def score(data, model, **kwargs):\n    return SCORE\n"])
def test_hooks_that_metadata_allows_get_the_rows_of_several_requests(
    extra: str, tmp_path: Path
) -> None:
    write_forest(tmp_path)
    scored = "__import__('pandas').DataFrame({'1': data['f0'] % 1, '0': 1 - data['f0'] % 1})"
    (tmp_path / "custom.py").write_text(HOOKS + extra.replace("SCORE", scored))
    (tmp_path / "model-metadata.yaml").write_text(METADATA)
    service = open_service(ModelSettings(code_dir=tmp_path))
    limiter: Any = service.limiter
    bodies = [body(NUMBERS.iloc[at : at + 1 + at % 2]) for at in range(6)]
    alone = [service.predict(payload).values.tolist() for payload in bodies]
    integers = Payload(b"f0,f1,f2,f3\n1,2,3,4\n")

    with crowd(service, limiter) as waiting:
        for payload in (*bodies, integers):
            waiting.send(payload)

    assert [future.result().values.tolist() for future in waiting.futures[:-1]] == alone
    assert waiting.futures[-1].result().values.tolist() == service.predict(integers).values.tolist()
    assert service.description()["batching"] == {"together": True, "reason": None}


def test_a_hook_that_gets_other_rows_than_its_own_is_seen_to_get_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_forest(tmp_path)
    counted = "def transform(data, model):\n    print('rows', len(data), flush=True)\n"
    (tmp_path / "custom.py").write_text(f"{counted}    return data\n")
    (tmp_path / "model-metadata.yaml").write_text(METADATA)
    service = open_service(ModelSettings(code_dir=tmp_path))
    limiter: Any = service.limiter
    capfd.readouterr()

    with crowd(service, limiter) as waiting:
        for at in range(5):
            waiting.send(body(NUMBERS.iloc[at : at + 1]))

    assert [len(future.result().values) for future in waiting.futures] == [1] * 5
    assert capfd.readouterr().out.splitlines() == ["rows 1", "rows 4"]
