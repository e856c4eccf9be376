"""Forms of requests: multipart, raw bodies, media types (rows Q-01 to Q-16, Q-20 to Q-26, Q-30)."""

import json
from typing import Any

import pyarrow as pa
import pytest

from tests.support import artifacts
from tests.support.http_calls import Part, Reply, form
from tests.support.models import ONE_WORKER, served
from tests.support.serving import Server

named = served(artifacts.sklearn_regressor().model, *ONE_WORKER)

ROWS = "a\n1\n2\n"
MTX = "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1.5\n1 2 2\n2 2 3\n"
DENSE_MTX = "%%MatrixMarket matrix array real general\n2 1\n1.5\n2\n"
NO_SAMPLES = (
    "ERROR: Samples should be provided as:   - a csv or mtx under `X` form-data param key."
    "  - binary data"
)
UNSUPPORTED = (
    "ERROR: payload format `{}` is not supported by predictor/transformer. Make DRUM support the "
    "format or implement `read_input_data` hook to read the data. "
)
FORM_ENCODED = "application/x-www-form-urlencoded"


def post_form(server: Server, *parts: Part, path: str = "/predict/") -> Reply:
    return server.post(path, *form(*parts))


def seen(reply: Reply) -> Any:
    assert reply.status == 200, reply.text
    return json.loads(reply.json()["predictions"][0])


def arrow_stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([Part("X", ROWS)], id="Q-01"),
        pytest.param([Part("X", ROWS, filename="")], id="Q-04"),
        pytest.param([Part("X", ROWS), Part("X", "a\n7\n")], id="Q-05"),
        pytest.param([Part("X", ROWS, "x.MTX")], id="Q-06-upper-case-mtx"),
        pytest.param([Part("X", ROWS, "x.txt")], id="Q-06-txt"),
        pytest.param([Part("X", ROWS, "x")], id="Q-06-no-suffix"),
        pytest.param([Part("X", ROWS, ".mtx")], id="Q-08"),
        pytest.param([Part("X", ROWS, "x.csv", "application/json")], id="Q-09"),
        pytest.param([Part("other", "1", None), Part("X", ROWS)], id="Q-01-other-parts"),
    ],
)
def test_a_file_part_named_x_holds_the_rows(reg: Server, parts: list[Part]) -> None:
    reply = post_form(reg, *parts)

    assert (reply.status, reply.json()) == (200, {"predictions": [1.0, 2.0]})
    assert reply.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(Part("x", ROWS), id="Q-02"),
        pytest.param(Part("X", ROWS, filename=None), id="Q-03"),
    ],
)
def test_a_form_without_such_a_part_is_refused(reg: Server, part: Part) -> None:
    reply = post_form(reg, part)

    assert (reply.status, reply.json()) == (422, {"message": NO_SAMPLES})


def test_an_arrow_part_is_read_as_arrow(reg: Server) -> None:
    """Q-06 by difference D5."""
    stream = arrow_stream(pa.table({"a": [1.0, 2.0]}))

    reply = post_form(reg, Part("X", stream, "x.arrow"))

    assert (reply.status, reply.json()) == (200, {"predictions": [1.0, 2.0]})


@pytest.mark.parametrize("name", ["m.mtx", "a.b.mtx"])
def test_the_suffix_mtx_means_matrix_market(echo: Server, name: str) -> None:
    """Q-07, Q-22."""
    said = seen(post_form(echo, Part("X", MTX, name)))

    assert said["columns"] == ["0", "1"]
    assert said["dtypes"] == ["Sparse[float64, 0.0]"] * 2
    assert said["rows"] == [["1.5", "2.0"], ["0.0", "3.0"]]
    assert said["kwargs"]["mimetype"] == "'text/mtx'"
    assert said["kwargs"]["sparse_colnames"] == "None"


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("text/csv", id="Q-10-csv"),
        pytest.param("text/plain", id="Q-10-plain"),
        pytest.param("text/csv; charset=latin-1", id="Q-10-charset"),
        pytest.param(None, id="Q-10-none"),
        pytest.param("TEXT/CSV", id="Q-11-by-D11"),
        pytest.param(FORM_ENCODED, id="Q-13-by-D12"),
    ],
)
def test_a_raw_body_is_csv(reg: Server, content_type: str | None) -> None:
    reply = reg.post("/predict/", ROWS, content_type)

    assert (reply.status, reply.json()) == (200, {"predictions": [1.0, 2.0]})


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("application/octet-stream", id="Q-12-octets"),
        pytest.param("application/x-foo; charset=utf-8", id="Q-12-parameter"),
    ],
)
def test_an_unknown_media_type_is_named_in_the_refusal(reg: Server, content_type: str) -> None:
    reply = reg.post("/predict/", ROWS, content_type)

    expected = UNSUPPORTED.format(content_type.partition(";")[0])
    assert (reply.status, reply.json()) == (422, {"message": expected})


def test_a_form_without_a_boundary_is_refused(reg: Server) -> None:
    """Q-16."""
    reply = reg.post("/predict/", ROWS, "multipart/form-data")

    assert reply.status == 422
    assert reply.message.startswith("ERROR: payload format `multipart/form-data` is not supported")


def test_csv_under_an_arrow_media_type_is_refused(reg: Server) -> None:
    """Q-12 by difference D5."""
    assert reg.post("/predict/", ROWS, "application/x-apache-arrow-stream").status == 422


@pytest.mark.parametrize("body", ["a=1&b=2", "a"])
def test_a_form_encoded_body_that_is_not_csv_is_told_what_to_send(reg: Server, body: str) -> None:
    """Q-13, difference D12."""
    reply = reg.post("/predict/", body, FORM_ENCODED)

    assert reply.status == 422
    assert "Content-Type" in reply.message
    assert "text/csv" in reply.message


def test_a_raw_matrix_market_body(echo: Server) -> None:
    """Q-14."""
    said = seen(echo.post("/predict/", MTX, "text/mtx"))

    assert said["rows"] == [["1.5", "2.0"], ["0.0", "3.0"]]


@pytest.mark.parametrize("content_type", ["text/csv", None, "text/mtx"])
def test_an_empty_body_is_refused(reg: Server, content_type: str | None) -> None:
    """Q-15."""
    reply = reg.post("/predict/", b"", content_type)

    assert (reply.status, reply.json()) == (422, {"message": NO_SAMPLES})


def test_column_names_beside_a_matrix(echo: Server) -> None:
    """Q-20."""
    names = Part("X.colnames", " a\nb \n", "names.txt")

    said = seen(post_form(echo, Part("X", MTX, "m.mtx"), names))

    assert said["columns"] == ["'a'", "'b'"]
    assert said["kwargs"]["sparse_colnames"] == "['a', 'b']"


@pytest.mark.parametrize(
    ("parts", "status", "said"),
    [
        pytest.param([], 422, "the names, one a line, as the file part X.colnames", id="nameless"),
        pytest.param([Part("X.colnames", "b\na\n", "n")], 200, "", id="other-order"),
        pytest.param([Part("X.colnames", "a\nq\n", "n")], 422, "'b'", id="wrong-names"),
    ],
)
def test_a_matrix_for_a_model_that_knows_names(
    named: Server, parts: list[Part], status: int, said: str
) -> None:
    """Difference D72: never by position, which nobody has agreed to."""
    reply = post_form(named, Part("X", MTX, "m.mtx"), *parts)

    assert reply.status == status, reply.text
    if status == 200:
        rows = "b,a\n1.5,2\n0,3\n"
        assert reply.json() == named.post("/predict/", rows, "text/csv").json()
    else:
        assert said in reply.message


def test_column_names_beside_csv_are_only_passed_on(echo: Server) -> None:
    said = seen(post_form(echo, Part("X", ROWS), Part("X.colnames", "q\nr\n", "names.txt")))

    assert said["columns"] == ["'a'"]
    assert said["kwargs"]["sparse_colnames"] == "['q', 'r']"


def test_a_wrong_number_of_column_names_is_refused(echo: Server) -> None:
    """Q-21 by difference D2: the message holds both counts."""
    names = Part("X.colnames", "a\nb\nc\n", "names.txt")

    reply = post_form(echo, Part("X", MTX, "m.mtx"), names)

    assert reply.status == 422
    assert "3" in reply.message
    assert "2" in reply.message


def test_a_dense_matrix_is_read(reg: Server) -> None:
    """Q-23: array format is served, where DRUM fails."""
    reply = post_form(reg, Part("X", DENSE_MTX, "m.mtx"))

    assert (reply.status, reply.json()) == (200, {"predictions": [1.5, 2.0]})


def test_csv_named_mtx_is_refused(reg: Server) -> None:
    """Q-24."""
    reply = post_form(reg, Part("X", "a\n4711\n", "m.mtx"))

    assert reply.status == 422
    assert "4711" not in reply.text


def test_a_large_form_field_is_too_large(reg: Server) -> None:
    """Q-25 by difference D16."""
    reply = post_form(reg, Part("note", "n" * 600_000, None), Part("X", ROWS))

    assert reply.status == 413
    assert list(reply.json()) == ["message"]
    assert "a long field" in reply.message


def test_twenty_megabytes_of_csv(reg: Server) -> None:
    """Q-26."""
    n_rows = 1_000_000
    body = b"a\n" + b"12.34567890123456789\n" * n_rows

    reply = reg.post("/predict/", body, "text/csv")

    assert reply.status == 200
    assert len(reply.json()["predictions"]) == n_rows


def test_the_query_string_is_ignored(reg: Server) -> None:
    """Q-30."""
    assert reg.csv(ROWS, "/predict/?a=1").json() == {"predictions": [1.0, 2.0]}


DRUMS_ROWS: dict[str, tuple[bytes | str, str | None]] = {
    "csv": (ROWS, "text/csv"),
    "charset": (ROWS.encode("utf-16"), "text/csv; charset=utf-16"),
    "plain": (ROWS, "text/plain"),
    "untyped": (ROWS, None),
    "form-encoded": (ROWS, FORM_ENCODED),
    "mtx": (DENSE_MTX.replace("1.5", "1"), "text/mtx"),
    "arrow": (arrow_stream(pa.table({"a": [1.0, 2.0]})), "application/x-apache-arrow-stream"),
    "csv-part": form(Part("X", ROWS)),
    "mtx-part": form(Part("X", DENSE_MTX.replace("1.5", "1"), "m.mtx")),
    "arrow-part": form(Part("X", arrow_stream(pa.table({"a": [1.0, 2.0]})), "x.arrow")),
}


@pytest.mark.parametrize("name", DRUMS_ROWS)
def test_raw_rows_are_drums_on_invocations_too(reg: Server, name: str) -> None:
    """X01 to X03 of the shared route; X05 by difference D12."""
    here, there = (reg.post(path, *DRUMS_ROWS[name]) for path in ("/invocations", "/predict/"))

    assert (here.status, here.json()) == (200, {"predictions": [1.0, 2.0]})
    assert here.headers["Content-Type"] == "application/json"
    assert here.headers["X-Scoring-Contract"] == "drum"
    assert here.body == there.body


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        pytest.param("", "text/csv", NO_SAMPLES, id="X04"),
        pytest.param("", None, NO_SAMPLES, id="X04-untyped"),
        pytest.param("a=1&b=2", FORM_ENCODED, NO_SAMPLES, id="X05-by-D12"),
        pytest.param("<a/>", "application/xml", UNSUPPORTED.format("application/xml"), id="X07"),
        pytest.param(
            ROWS, "application/octet-stream", UNSUPPORTED.format("application/octet-stream"), id="E"
        ),
    ],
)
def test_invocations_refuses_other_bodies_as_drum_does(
    reg: Server, body: str, content_type: str | None, message: str
) -> None:
    here, there = (reg.post(path, body, content_type) for path in ("/invocations", "/predict/"))

    assert (here.status, here.message[: len(message)]) == (422, message)
    assert here.headers["X-Scoring-Contract"] == "drum"
    assert here.body == there.body
