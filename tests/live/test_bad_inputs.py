"""The catalogue of bad inputs: each row is sent to a real server, here or by a test named here.

After every row the same worker answers, soon and rightly, and has not computed for long.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import psutil
import pyarrow as pa
import pytest

from tests.support import arrow_payloads as arrow
from tests.support.bad_payloads import CSV, MATRICES, MEDIA, MULTIPART
from tests.support.bad_requests import (
    CHAT,
    FRAMING,
    JSON,
    SCORE,
    UPLOAD_NAMES,
    BadJson,
    BadRequest,
)
from tests.support.http_calls import Part, Reply, call, form
from tests.support.models import ONE_WORKER, Model, hooks, served
from tests.support.more_models import CHAT as CHATTING
from tests.support.raw_clients import get_s, until_closed
from tests.support.serving import Server, serve
from tests.support.wallaroo_api import Api, sums

ROWS = {
    f"{letter}-{number:02}"
    for letter, last in zip("HTZCMAJPU", (22, 9, 8, 30, 21, 21, 20, 15, 10), strict=True)
    for number in range(1, last + 1)
}

_PAYLOADS = "contracts/test_bad_input.py::test_{}"
_ARROW = "contracts/test_arrow_input.py::test_{}"
_UPLOADS = "registry/test_uploads.py::test_{}"
_NO_V2 = "no contract speaks the V2 protocol"

ELSEWHERE = MappingProxyType(
    {
        "H-09": "live/test_chunked_bodies.py::test_a_body_that_trickles_has_the_time_of_a_request",
        "H-19": _PAYLOADS.format("other_methods_are_not_allowed"),
        "H-20": "contracts/test_routes.py::test_a_request_without_a_usable_id_gets_a_fresh_one",
        "H-22": _PAYLOADS.format("an_unknown_path_repeats_nothing"),
        "C-27": "contracts/test_resource_bombs.py::test_rows_are_limited",
        "C-30": _PAYLOADS.format("a_missing_column_is_named"),
        "A-11": _ARROW.format("a_compressed_stream_counts_as_what_it_inflates_to"),
        "J-18": "contracts/test_chat.py::test_chat_in_another_media_type",
        "J-20": "contracts/test_json_output.py::test_values_that_are_not_numbers_are_null",
        "U-06": _UPLOADS.format("what_cannot_be_served_is_refused_without_loading_it"),
        **dict.fromkeys(
            ("A-01", "A-02", "A-03", "A-04", "A-07", "A-08", "A-09", "A-12", "A-13", "A-15"),
            _ARROW.format("broken_arrow_is_refused"),
        ),
        **dict.fromkeys(("A-18", "A-19"), _ARROW.format("broken_arrow_is_refused")),
        **dict.fromkeys(("A-05", "A-10", "A-17"), _ARROW.format("rows_in_arrow")),
        "A-06": _ARROW.format("no_rows_in_arrow"),
        "A-16": _ARROW.format("a_pickle_in_a_schema_is_not_run"),
        "A-20": _ARROW.format("mutants_are_read_or_refused"),
        **dict.fromkeys(
            ("U-02", "U-03", "U-04"),
            "store/test_archive.py::test_a_bad_zip_is_refused_and_writes_nothing",
        ),
        **dict.fromkeys(
            ("Z-01", "Z-02", "Z-03", "Z-04", "Z-05", "Z-06", "Z-08"),
            "contracts/test_coded_bodies.py::test_each_contract_says_it_in_its_form",
        ),
    }
)
"""Rows that other tests send; those of `bad_payloads` are sent by `contracts/test_bad_input.py`."""

ON_PURPOSE = MappingProxyType(
    {
        "C-05": "422: no byte order mark chooses a charset (T-05 says how to send UTF-16)",
        "C-07": "200 where the cell is text: a NUL is a character like others, as for pandas",
        "C-10": "422: a row of another width is refused (D1)",
        "C-17": "200: the length of a field is bounded by that of the body",
        "C-21": "200: a number beyond 64 bits is text to a hook, as pandas reads it",
        "M-12": "200: the entries of a pattern are 1.0",
        "M-16": "200: the array format is read",
        "H-14": "routed by the path alone, or refused by its host",
        "H-19": "OPTIONS is 200 with Allow, as Flask answers",
        "A-03": "a stream without its end marker is read, as pyarrow reads it",
        "J-01": "byte order marks and UTF-16 are read where json.loads reads them",
        "J-02": "H2O's clients send bare NaN and Infinity; a chat's parameters are the hook's own",
        "J-03": "read as infinity, with J-02",
        "J-06": "the last of repeated keys wins; there is no strict mode but for decisions",
        "J-07": "a chat's hook gets lone surrogates, as DRUM's does; elsewhere 400",
        "J-09": "400 or, over a limit of ours, 413",
        "J-12": "400 or 422, as the contract has it",
        "J-16": _NO_V2,
        **dict.fromkeys(("J-13", "J-14", "J-15"), _NO_V2),
        "P-01": "422, as DRUM answers forms without rows; P-02 and P-10 likewise",
        "P-10": "200: the first of two parts counts, as in DRUM",
        "T-02": "422 on DRUM's routes",
        "U-05": "no checksum is taken from the client; the server's own are compared (F-31)",
        "U-07": "requirements are kept and shown, never installed",
        "U-08": "an upload is one request; there are no ranges",
        "U-09": "nothing is fetched from a URL that a request names",
    }
)
"""Rows whose answer differs from the catalogue's on purpose, or that there is no door for."""

SENT_HERE = {
    *(bad.row[:4] for bad in FRAMING),
    *(bad.row[:4] for bad in JSON),
    *("A-14", "A-21", "J-11", "J-17", "J-19", "P-13", "U-01", "U-10"),
}

_CPU_S = 1.0
_SCORE_BODY = '{"fields": ["a", "t"], "rows": [[1.5, "x"]]}'
_CHAT_BODY = '{"messages": [{"role": "user", "content": "hi"}], "x": 1.5}'

_NUMBERS = Model(
    hooks("""
import pandas as pd

def score(data, model, **kwargs):
    column = pd.to_numeric(data.iloc[:, 0], errors="coerce")
    return pd.DataFrame({"Predictions": column.astype(float)})
"""),
    ("--target-type", "regression"),
)
"""Answers with its first column, with a gap where that is no number."""

rows = served(_NUMBERS, *ONE_WORKER, "--max-cells", "1000000")
chatting = served(CHATTING, *ONE_WORKER)


@pytest.fixture(scope="module")
def store_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    root = tmp_path_factory.mktemp("store")
    with serve(None, "--store", str(root), *ONE_WORKER) as server:
        yield Api(server)


def worker(server: Server) -> psutil.Process:
    """Return the only worker of a server."""
    (found,) = psutil.Process(server.process.pid).children()
    return found


@pytest.fixture(autouse=True)
def _unharmed(rows: Server, chatting: Server) -> Iterator[None]:
    processes = {server.url: worker(server) for server in (rows, chatting)}
    before_s = sum(_cpu_s(process) for process in processes.values())
    yield
    for server in (rows, chatting):
        assert get_s(server, "/ping/") < 5  # a busy machine; alone it is milliseconds
        assert worker(server).pid == processes[server.url].pid
    assert rows.csv("a,t\n7,x\n").json() == {"predictions": [7.0]}
    assert sum(_cpu_s(process) for process in processes.values()) - before_s <= _CPU_S


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def test_every_row_has_its_place() -> None:
    payloads = {bad.row[:4] for bad in (*MEDIA, *CSV, *MATRICES, *MULTIPART)}
    placed = payloads | ELSEWHERE.keys() | ON_PURPOSE.keys() | SENT_HERE

    assert len(ROWS) == 156
    assert ROWS - placed == set()
    assert placed - ROWS == set()


@pytest.mark.parametrize("named", sorted(set(ELSEWHERE.values())))
def test_a_row_that_others_send_is_sent(named: str) -> None:
    path, name = named.split("::")

    assert f"def {name}(" in (Path(__file__).parents[1] / path).read_text()


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.row) for bad in FRAMING])
def test_framing(rows: Server, bad: BadRequest) -> None:
    answers = answered(rows, bad.make + bad.second)

    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]
    assert statuses[0] in bad.allowed
    if bad.goes_on is not None:
        assert statuses[1:] == ([404] if bad.goes_on else [])
    if statuses[0] >= 400:
        assert b"\r\nContent-Type: application/json\r\n" in answers
        assert b'{"message":"ERROR: ' in answers
    if bad.goes_on is False:
        assert b"\r\nConnection: close\r\n" in answers
    assert b"i" * 200 not in answers


def answered(server: Server, stream: bytes) -> bytes:
    """Send a stream, without an end; return all that is answered until the server closes."""
    with server.connect() as client:
        client.settimeout(10)
        with suppress(ConnectionError):
            client.sendall(stream)
        return until_closed(client)


JSON_CASES = [pytest.param(bad, id=bad.row) for bad in JSON]


@pytest.mark.parametrize("bad", JSON_CASES)
def test_json_for_the_scorer(rows: Server, bad: BadJson) -> None:
    check(rows.post(SCORE, bad.make(_SCORE_BODY), bad.content_type), bad)


@pytest.mark.parametrize("bad", JSON_CASES)
def test_json_for_chats(chatting: Server, bad: BadJson) -> None:
    check(chatting.post(CHAT, bad.make(_CHAT_BODY), bad.content_type), bad)


@pytest.mark.parametrize("bad", JSON_CASES)
def test_json_for_decisions(rows: Server, bad: BadJson) -> None:
    """The ecosystem's own statuses: 200 with an `ErrorMessage`, its 400, or 413 over a limit."""
    body = bad.make('{"instances": [{"a": 1.5, "t": "x"}]}')

    reply = rows.post("/invocate", body, bad.content_type)

    assert reply.status in {200, 400, 413}
    assert len(reply.body) < 2000
    assert isinstance(reply.json(), dict)


def check(reply: Reply, bad: BadJson) -> None:
    assert reply.status in bad.allowed, reply.text[:300]
    assert isinstance(reply.json(), dict)
    assert len(reply.body) < 2000
    assert "Traceback" not in reply.text


def test_a_nul_in_text_is_text(rows: Server) -> None:
    """J-11."""
    reply = rows.post(SCORE, _SCORE_BODY.replace('"x"', '"\\u0000"'), "application/json")

    assert (reply.status, reply.json()["score"]) == (200, [["1.5"]])


def test_many_keys_are_read_or_refused(rows: Server) -> None:
    """J-17: SipHash's keys are random, so that none collide on purpose."""
    keys = ",".join(f'"k{number}":1' for number in range(100_000))

    reply = rows.post(SCORE, f"{_SCORE_BODY[:-1]},{keys}}}", "application/json")

    assert reply.status in {200, 400, 413}


def test_rows_of_other_widths_are_named(rows: Server) -> None:
    """J-19."""
    reply = rows.post(SCORE, '{"fields": ["a", "t"], "rows": [[1, 2], [1]]}', "application/json")

    assert reply.status == 400
    assert "row 1 " in reply.json()["detail"]


STREAM = "application/vnd.apache.arrow.stream"


def test_a_dictionary_counts_as_what_it_expands_to(rows: Server) -> None:
    """A-14: 100 kB, a hundred thousand times."""
    indices = pa.array([0] * 100_000, pa.int32())
    texts = pa.DictionaryArray.from_arrays(indices, pa.array(["x" * 100_000]))
    table = pa.table({"a": pa.array([1.0] * 100_000), "t": texts})

    reply = rows.post("/predict/", arrow.stream(table), STREAM)

    assert reply.status in {200, 413}


def test_arrow_of_an_older_version_is_read(rows: Server) -> None:
    """A-21; A-20 changes single bytes, that of the order of bytes among them."""
    older = arrow.stream(arrow.NUMBERS, metadata_version=pa.ipc.MetadataVersion.V4)

    reply = rows.post("/predict/", older, STREAM)

    assert reply.json() == {"predictions": [1.5, None, 3.0]}


def test_parts_are_taken_as_they_are(rows: Server) -> None:
    """P-13: a form in a form, and a coding of a part that nobody uses."""
    inner, kind = form(Part("X", "a\n1\n"))
    nested, outer = form(Part("X", inner, "x.csv", kind))
    coded = nested.replace(b"Content-Type", b"Content-Transfer-Encoding: base64\r\nContent-Type")

    for body in (nested, coded):
        reply = rows.post("/predict/", body, outer)
        assert reply.status in {200, 422}


@pytest.mark.parametrize("name", UPLOAD_NAMES)
def test_a_name_that_no_model_may_have_is_refused(store_api: Api, name: str) -> None:
    """U-01, of an upload and of a path."""
    upload = store_api.upload(store_api.metadata(name), sums())
    path = "".join(f"%{byte:02x}" for byte in name.encode()) or "%20"
    called = call(
        store_api.server.url, "POST", f"/models/{path}/predict/", body="a\n1\n",
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip

    assert upload.status == 400
    assert called.status in {400, 404, 422}
    assert isinstance(called.json(), dict)


@pytest.mark.parametrize(
    "query", ["pageSize=1e9", "pageSize=-1", "pageSize=999999999", "pageToken=%00'--", "pageSize="]
)
def test_queries_are_bound_and_limited(store_api: Api, query: str) -> None:
    """U-10."""
    path = f"/deployer/v2/workspaces/1/deployments?{query}"
    reply = call(store_api.server.url, "GET", path)

    assert reply.status in {200, 400, 404, 422}
    assert isinstance(json.loads(reply.body), dict)
