"""Requests that the server itself refuses are answered in the form of the contract of their path.

Before it was DRUM's form everywhere, without X-Scoring-Contract: clients of other contracts took
the answer for one of a proxy.
"""

import json
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest

from drum_like.http.refusals import ServerRefusal
from drum_like.server.refusals import refuse_by
from drum_like.server.timeouts import LATE
from drum_like.system.marks import MARKS, model_time
from tests.live.steered import events, eventually
from tests.support.http_calls import Reply, call
from tests.support.models import ONE_WORKER, Model, hooks
from tests.support.raw_clients import whole
from tests.support.serving import Server, serve

MODEL = Model(
    hooks("""
import time
from pathlib import Path

import pandas as pd


def score(data, model, **kwargs):
    seconds = float(data.iloc[0, 0])
    Path(__file__).with_name(str(seconds)).touch()
    time.sleep(seconds)
    return pd.DataFrame({"Predictions": [1.0] * len(data)})
"""),
    ("--target-type", "regression"),
)

TENSOR = {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [0]}]}
ROUTES = {"AIP_PREDICT_ROUTE": "/vertex"}
ID = "an-id-of-the-caller"


class Door:
    """A way to ask the model for one row.

    Args:
        path: Where.
        content: The body, as JSON; its number 0 is the seconds that the hook sleeps.
        contract: The contract of the path.
        key: The key of its errors that holds the message.
        headers: Further headers.
    """

    def __init__(self, path: str, content: Any, contract: str, key: str, **headers: str) -> None:
        self.path, self.content = path, content
        self.contract, self.key = contract, key
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def body(self, seconds: float) -> bytes:
        """Return the body of a request that takes so long."""
        return json.dumps(self.content).replace("0", str(seconds)).encode()

    def ask(self, server: Server, seconds: float) -> Reply:
        """Ask, and return the answer."""
        named = {"X-Request-ID": ID, "X-Server-Timing": "1"}
        headers = {"Content-Type": "application/json", **named, **self.headers}
        return call(server.url, "POST", self.path, body=self.body(seconds), headers=headers)


ROWS = {"instances": [[0]]}
AZURE = Door("/score", {"data": [[0]]}, "azureml", "message")
DOORS = {
    "drum": Door("/predict/", ROWS, "drum", "message"),
    "mlflow": Door("/invocations", {"dataframe_records": [{"a": 0}]}, "mlflow", "message"),
    "sagemaker": Door(
        "/invocations", [[0]], "sagemaker", "message", X_Scoring_Contract="sagemaker"
    ),
    "kserve": Door("/v1/models/model:predict", ROWS, "kserve_v1", "error"),
    "v2": Door("/v2/models/model/infer", TENSOR, "open_inference", "error"),
    "vertex": Door("/vertex", ROWS, "vertex", "error"),
    "azure": AZURE,
    "databricks": Door("/serving-endpoints/model/invocations", ROWS, "databricks", "message"),
}
PREFIX = {"drum": "ERROR: "}
CODED = ("mlflow", "sagemaker", "databricks")
"""Contracts whose errors have an `error_code`."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return MODEL.write(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture(scope="module")
def late(model: Path) -> tuple[dict[str, Reply], str]:
    """Answers to requests that take longer than they may, one a door; the log."""
    flags = (*ONE_WORKER, "--threads", "16", "--hook-threads", "16", "--request-timeout-s", "3")
    with serve(model, *MODEL.flags, *flags, env=ROUTES) as server:
        answers = asked(server, 3.5)
        eventually(lambda: len(statuses(server.log())) >= len(answers))
        return answers, server.log()


@pytest.fixture(scope="module")
def turned_away(model: Path) -> tuple[dict[str, Reply], str]:
    """Answers to requests that would wait too long for the one thread, one a door; the log."""
    flags = (*ONE_WORKER, "--threads", "1", "--queue-timeout-ms", "300")
    with (
        serve(model, *MODEL.flags, *flags, env=ROUTES) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        pool.submit(DOORS["drum"].ask, server, 5)
        eventually((model / "5.0").exists)
        answers = asked(server, 0)
        eventually(lambda: server.log().count(" 503") >= len(answers))
        return answers, server.log()


@pytest.fixture(scope="module")
def narrow(model: Path) -> Iterator[Server]:
    with serve(model, *MODEL.flags, *ONE_WORKER, "--max-body-mb", "1", env=ROUTES) as running:
        yield running


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[Server]:
    with serve(model, *MODEL.flags, *ONE_WORKER, env=ROUTES) as running:
        yield running


def asked(server: Server, seconds: float) -> dict[str, Reply]:
    """Ask at all doors at once."""
    with ThreadPoolExecutor(len(DOORS)) as pool:
        asking = {name: pool.submit(door.ask, server, seconds) for name, door in DOORS.items()}
        return {name: future.result() for name, future in asking.items()}


def statuses(log: str) -> list[int]:
    """Return the statuses of the requests in a log."""
    return [line["status"] for line in events(log) if "status" in line]


def checked(reply: Reply, door: Door) -> Mapping[str, Any]:
    """Return the content of an answer in the form of its contract."""
    assert reply.headers.get_all("X-Scoring-Contract") == [door.contract], reply.text
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["X_Request_ID"] == ID
    assert "Server-Timing" not in reply.headers  # it would be that of another request
    content = reply.json()
    assert door.key in content
    assert ("error_code" in content) is (door.contract in CODED)
    return dict(content)


@pytest.mark.parametrize("name", [name for name in DOORS if name != "azure"])
def test_a_late_request_is_answered_in_its_own_form(
    late: tuple[dict[str, Reply], str], name: str
) -> None:
    reply = late[0][name]

    content = checked(reply, DOORS[name])

    assert (reply.status, content[DOORS[name].key]) == (504, f"{PREFIX.get(name, '')}{LATE}")


def test_a_late_request_of_azure_s_is_told_in_the_words_of_its_server(
    late: tuple[dict[str, Reply], str],
) -> None:
    reply = late[0]["azure"]

    content = checked(reply, AZURE)
    assert (reply.status, content["message"]) == (500, "Scoring timeout after 3000 ms")
    assert reply.headers["x-ms-run-function-failed"] == "True"
    assert reply.headers["x-request-id"] == ID


def test_late_requests_are_logged_with_the_status_of_their_answer(
    late: tuple[dict[str, Reply], str],
) -> None:
    assert sorted(statuses(late[1])) == sorted(reply.status for reply in late[0].values())


@pytest.mark.parametrize("name", DOORS)
def test_a_request_that_is_turned_away_is_answered_in_the_form_of_its_path(
    turned_away: tuple[dict[str, Reply], str], name: str
) -> None:
    reply = turned_away[0][name]

    content = checked(reply, DOORS[name])
    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) >= 1
    assert "the server is busy" in content[DOORS[name].key]


def test_a_request_that_is_turned_away_has_its_id_in_the_log(
    turned_away: tuple[dict[str, Reply], str],
) -> None:
    lines = [line for line in events(turned_away[1]) if line.get("status") == 503]

    assert [line.get("request_id") for line in lines] == [ID] * len(DOORS)


def test_requests_of_one_head_are_refused_alike_and_each_has_an_id_of_its_own(model: Path) -> None:
    flags = (*ONE_WORKER, "--threads", "1", "--queue-timeout-ms", "50")
    with (
        serve(model, *MODEL.flags, *flags, env=ROUTES) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        pool.submit(DOORS["drum"].ask, server, 10)
        eventually((model / "10.0").exists)
        told = {name: [_refused(server, door) for _ in range(4)] for name, door in DOORS.items()}
        eventually(lambda: server.log().count(" 503") >= 4 * len(DOORS))
        logged = [one["request_id"] for one in events(server.log()) if one.get("status") == 503]

    ids = [request_id for replies in told.values() for request_id, _ in replies]
    assert len({*ids}) == len(ids)
    assert sorted(ids) == sorted(logged)
    for replies in told.values():
        assert len({rest for _, rest in replies}) == 1


def _refused(server: Server, door: Door) -> tuple[str, str]:
    """Return the id of a request that is turned away, and all else of its answer."""
    headers = {"Content-Type": "application/json", **door.headers}
    reply = call(server.url, "POST", door.path, body=door.body(0), headers=headers)
    assert reply.status == 503
    request_id = reply.headers["X_Request_ID"]
    fields = sorted(f"{name}: {value}" for name, value in reply.headers.items() if name != "Date")
    return request_id, f"{fields} {reply.text}".replace(request_id, "ID")


@pytest.mark.parametrize(("sent", "seconds"), [("an-id", 7), ("no id", 8), ("x" * 200, 9)])
def test_a_refusal_has_the_id_that_was_sent_if_it_may_be_one(
    model: Path, sent: str, seconds: int
) -> None:
    flags = (*ONE_WORKER, "--threads", "1", "--queue-timeout-ms", "50")
    with (
        serve(model, *MODEL.flags, *flags) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        pool.submit(DOORS["drum"].ask, server, seconds)
        eventually((model / f"{seconds}.0").exists)
        replies = [
            server.post("/predict/", b"a\n0\n", "text/csv", X_Request_ID=sent) for _ in range(4)
        ]

    ids = [reply.headers["X_Request_ID"] for reply in replies]
    assert {reply.status for reply in replies} == {503}
    assert (ids == [sent] * 4) == (sent == "an-id")
    assert len({*ids}) == (1 if sent == "an-id" else 4)


def test_a_refusal_has_marks_of_its_own() -> None:
    """The watchdog and the leader have those of whatever this thread did before."""

    def application(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("503 Service Unavailable", [])
        return [MARKS.get().timing().encode()]

    def refused() -> bytes:
        with model_time():
            pass
        return refuse_by(application)({}, ServerRefusal(503, "busy")).body

    assert Context().run(refused) == b""


@pytest.mark.parametrize("name", ["teardown_request", "teardown_appcontext"])
def test_a_refusal_asks_nothing_of_custom_flask(tmp_path: Path, name: str) -> None:
    """A function of it that blocks would keep all late requests from their answers."""
    model = MODEL.plus(custom_flask_py=ENDING.format(name=name)).write(tmp_path / "model")
    door = DOORS["kserve"]
    with serve(model, *MODEL.flags, *ONE_WORKER, "--request-timeout-s", "1") as server:
        content = checked(door.ask(server, 2.5), door)
        eventually(lambda: [*model.glob("ended-*")])

    assert content[door.key] == LATE
    assert [path.name for path in model.glob("ended-*")] == ["ended-serve"]


ENDING = """
import threading
from pathlib import Path


def init_app(app):
    @app.{name}
    def end(error):
        thread = threading.current_thread().name
        Path(__file__).with_name("ended-" + thread.split("-")[0]).touch()
        raise RuntimeError("this is the end")
"""


@pytest.mark.parametrize("name", DOORS)
def test_a_body_that_is_cut_off_is_answered_in_the_form_of_its_path(
    server: Server, name: str
) -> None:
    door = DOORS[name]
    with server.connect() as client:
        client.sendall(_head(door, 1000) + b"{")
        client.shutdown(socket.SHUT_WR)
        head, _, body = whole(client).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert f"X-Scoring-Contract: {door.contract}".encode() in head
    assert "cut off" in json.loads(body)[door.key]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", DOORS)
def test_a_body_that_is_too_large_is_answered_in_the_form_of_its_path(
    narrow: Server, name: str, *, chunked: bool
) -> None:
    """X18 of the shared route: JSON with blanks behind it; without them it is answered."""
    door = DOORS[name]
    assert door.ask(narrow, 0).status == 200

    parts = [door.body(0), b" " * (1 << 20)]
    headers = {"Content-Type": "application/json", "X-Request-ID": ID, **door.headers}
    body = parts if chunked else b"".join(parts)
    reply = call(narrow.url, "POST", door.path, body=body, headers=headers)

    content = checked(reply, door)
    assert reply.status == 413
    assert "--max-body-mb" in content[door.key]


def _head(door: Door, n_bytes: int) -> bytes:
    fields = {"Content-Type": "application/json", "X-Request-ID": ID, **door.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return (
        f"POST {door.path} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {n_bytes}\r\n\r\n"
    ).encode()
