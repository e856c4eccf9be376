"""SageMaker's rows: CSV by position, JSON in its algorithms' forms, JSON Lines, arrays."""

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.models import ONE_WORKER, served
from tests.support.sagemaker import (
    CSV,
    JSON,
    LINES,
    NAMES,
    NPY,
    SIGN,
    SUM,
    named,
    post,
    predictions,
    refused,
    signed,
)
from tests.support.serving import Server

total = served(SUM, *ONE_WORKER)
known = served(named(), *ONE_WORKER)
hosted = served(named(), *ONE_WORKER, env={"SAGEMAKER_BATCH": "True"})


def array(values: Any, *, pickled: bool = False) -> bytes:
    """Return an array as the serializers of SageMaker's SDK write it."""
    sink = BytesIO()
    np.save(sink, np.asarray(values), allow_pickle=pickled)
    return sink.getvalue()


@pytest.mark.parametrize(
    "header",
    [
        "X_Amzn_SageMaker_Custom_Attributes",
        "X_Amzn_SageMaker_Inference_Id",
        "x_amzn_sagemaker_session_id",
    ],
)
def test_csv_with_a_header_of_sagemaker_has_no_header_row(total: Server, header: str) -> None:
    """S03."""
    assert predictions(post(total, "1,2\n3,4\n", CSV, **{header: "x"})) == [3.0, 7.0]


@pytest.mark.parametrize("media_type", ["text/csv; header=absent", "text/csv;label_size=0"])
def test_csv_that_says_so_has_no_header_row(total: Server, media_type: str) -> None:
    """S04, S05."""
    assert predictions(post(total, "1,2", media_type)) == [3.0]
    assert predictions(post(total, "1,2", media_type.upper())) == [3.0]


def test_csv_without_a_sign_has_a_header_row(total: Server) -> None:
    """S06."""
    reply = post(total, "1,2", CSV)

    assert reply.json() == {"predictions": []}
    assert reply.headers["X-Scoring-Contract"] == "drum"


def test_a_server_of_sagemaker_takes_every_csv_for_its(hosted: Server) -> None:
    assert predictions(post(hosted, "1,2,3\n", CSV)) == pytest.approx([321.0])
    assert predictions(post(hosted, "1,2,3", None)) == pytest.approx([321.0])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("1,2,3\n", [321.0]),
        ("1,2,3\r\n4,5,6\r\n\r\n\n", [321.0, 654.0]),
        ('"1",2,3', [321.0]),
        ("\ufeff1,2,3", [321.0]),
        ('garden,rooms,"a,b"\n2,1,3\n', [321.0]),
        ('more,garden\n2,1"', None),
    ],
    ids=["line", "crlf-and-blanks", "quoted", "bom", "header-in-any-order", "other-names"],
)
def test_the_first_line_is_a_header_if_it_names_columns(
    known: Server, body: str, expected: list[float] | None
) -> None:
    reply = signed(known, body)

    if expected is None:
        refused(reply)
    else:
        assert predictions(reply) == pytest.approx(expected)


def test_a_header_may_be_announced(known: Server, total: Server) -> None:
    body = "p,q\n1,2\n"

    assert predictions(signed(total, body, "text/csv; header=present")) == [3.0]
    assert "missing columns" in refused(signed(known, body, "text/csv; header=present"))


@pytest.mark.parametrize("media_type", ["text/csv; header=perhaps", "text/csv; label_size=1"])
def test_other_parameters_are_refused(total: Server, media_type: str) -> None:
    refused(signed(total, "1,2", media_type))


@pytest.mark.parametrize("body", ["1,2", "1,2,3,4", "1,2,3\n4,5\n", "", "\n\n", '"1,2,3'])
def test_another_number_of_cells_is_refused(known: Server, body: str) -> None:
    refused(signed(known, body))


def test_text_and_gaps_mean_what_they_mean_in_csv_with_a_header(known: Server) -> None:
    header = 'rooms,garden,"a,b"\n'
    for row in ("1,x,3", "1,,3", "1,NA,3", "9007199254740993,0,0", "1e400,1,1"):
        plain = known.csv(header + row)
        ours = signed(known, row)
        if plain.status == 200:
            assert ours.json() == plain.json()
        else:
            assert refused(ours) in plain.message


def test_one_column_may_have_gaps_but_no_blank_rows_at_the_end(total: Server) -> None:
    assert predictions(signed(total, "1\n\n3\n\n\n")) == [1.0, None, 3.0]


def test_charsets_are_read(known: Server) -> None:
    body = "1,2,3".encode("utf-16")

    assert predictions(signed(known, body, "text/csv; charset=utf-16")) == pytest.approx([321.0])
    refused(signed(known, body, "text/csv; charset=klingon"), 415)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([[1, 2], [3, 4]], [3.0, 7.0]),
        ([1, 2], [3.0]),
        ([{"a": 1, "b": 2}], [3.0]),
    ],
    ids=["S08", "S09", "objects"],
)
def test_a_bare_array_holds_rows_or_is_one(total: Server, body: Any, expected: list[float]) -> None:
    for sent in (post, signed):
        assert predictions(sent(total, body, JSON)) == expected
        assert predictions(sent(total, body, None)) == expected


DENSE = {"features": [1, 2]}
VALUES = {"data": {"features": {"values": [3, 4]}}}
SPARSE = {"data": {"features": {"keys": [1], "shape": [2], "values": [5]}}}


@pytest.mark.parametrize("rows", [[DENSE], [VALUES], [SPARSE], [DENSE, VALUES, SPARSE, [6, 7]]])
def test_instances_may_be_wrapped(total: Server, rows: list[Any]) -> None:
    """S10."""
    of = {str(DENSE): 3.0, str(VALUES): 7.0, str(SPARSE): 5.0, str([6, 7]): 13.0}
    expected = [of[str(row)] for row in rows]

    assert predictions(post(total, {"instances": rows})) == expected
    assert predictions(signed(total, {"instances": rows}, JSON)) == expected


def test_instances_are_ours_where_there_is_a_sign(total: Server) -> None:
    assert predictions(signed(total, {"instances": [[1, 2]]}, JSON)) == [3.0]
    assert predictions(signed(total, {"instances": [{"a": 1}, {"b": 2}]}, JSON)) == [None, None]


@pytest.mark.parametrize(
    "features",
    [
        {"keys": [2], "shape": [2], "values": [5]},
        {"keys": [-1], "shape": [2], "values": [5]},
        {"keys": [0, 0], "shape": [2], "values": [5, 6]},
        {"keys": [0.0], "shape": [2], "values": [5]},
        {"keys": [True], "shape": [2], "values": [5]},
        {"keys": [0, 1], "shape": [2], "values": [5]},
        {"keys": 0, "shape": [2], "values": [5]},
        {"keys": [0], "shape": 2, "values": [5]},
        {"keys": [0], "shape": [0], "values": [5]},
        {"keys": [0], "shape": [1, 2], "values": [5]},
        {"keys": [0], "shape": [10**30], "values": [5]},
        {"keys": [0], "shape": [2], "values": None},
        {"keys": [0], "values": [5]},
        {"values": {"a": 1}},
        {},
        {"values": [[1], [2]]},
    ],
)
def test_features_that_do_not_fit_are_refused(total: Server, features: Any) -> None:
    for rows in ([{"data": {"features": features}}], [DENSE, {"features": features}]):
        refused(signed(total, {"instances": rows}, JSON))
        refused(post(total, "\n".join(map(str, rows)).replace("'", '"'), LINES))


@pytest.mark.parametrize("size", [10_001, 10**9])
def test_sparse_rows_cannot_announce_more_than_is_allowed(total: Server, size: int) -> None:
    row = {"data": {"features": {"keys": [0], "shape": [size], "values": [1]}}}

    assert "limit" in refused(signed(total, {"instances": [row]}, JSON), 413)


def test_many_sparse_rows_cannot_either(total: Server) -> None:
    row = {"data": {"features": {"keys": [], "shape": [10_000], "values": []}}}

    refused(signed(total, {"instances": [row] * 1000}, JSON), 413)


def test_json_lines_in_and_out(total: Server) -> None:
    """S12."""
    body = '{"features": [1, 2]}\n{"data": {"features": {"values": [3, 4]}}}\n\n'

    for media_type in (LINES, "application/x-jsonlines"):
        reply = post(total, body, media_type, accept=media_type)

        assert (reply.status, reply.body) == (200, b"3.0\n7.0\n")
        assert reply.headers["Content-Type"] == media_type
    assert predictions(post(total, "[1, 2]\r\n[3, 4]", LINES)) == [3.0, 7.0]


@pytest.mark.parametrize("body", ["", "\n", "[1, 2]\n[3\n", "[1]\n[1, 2]", '{"a": 1}\n[1]'])
def test_broken_lines_are_refused(total: Server, body: str) -> None:
    refused(post(total, body, LINES))


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "i8", "u1"])
def test_arrays_in_and_out(total: Server, dtype: str) -> None:
    """S11."""
    body = array(np.array([[1, 1], [0, 1]], dtype=dtype))

    reply = post(total, body, NPY, accept=NPY)

    assert (reply.status, reply.headers["Content-Type"]) == (200, NPY)
    assert np.load(BytesIO(reply.body), allow_pickle=False).tolist() == [2.0, 1.0]
    assert predictions(post(total, body, NPY)) == [2.0, 1.0]


class Bomb:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        """Return the call that unpickles it."""
        return Path.touch, (self.path,)


def test_pickled_arrays_are_refused(total: Server, tmp_path: Path) -> None:
    """S13."""
    mark = tmp_path / "ran"
    for body in (
        array(np.array([Bomb(mark)], dtype=object), pickled=True),
        pickle.dumps(Bomb(mark)),
    ):
        refused(post(total, body, NPY))
    assert not mark.exists()


@pytest.mark.parametrize(
    "media_type", ["text/libsvm", "application/x-recordio-protobuf", "image/png", "application/xml"]
)
def test_other_types_are_refused(total: Server, media_type: str) -> None:
    refused(signed(total, "1 1:2", media_type), 415)


def test_columns_are_named_for_models_that_know_them(known: Server) -> None:
    """Every form without names has the columns in the order of training."""
    expected = known.csv('rooms,garden,"a,b"\n1,2,3\n').json()["predictions"]

    assert predictions(signed(known, [[1, 2, 3]], JSON)) == expected
    assert predictions(post(known, [1, 2, 3])) == expected
    assert predictions(post(known, '{"features": [1, 2, 3]}', LINES)) == expected
    assert predictions(post(known, array([[1.0, 2.0, 3.0]]), NPY)) == expected
    row = dict(zip(NAMES, (1, 2, 3), strict=True))
    assert predictions(signed(known, {"instances": [row]}, JSON)) == expected
    assert "columns by position" in refused(post(known, [[1, 2]]))


@pytest.mark.parametrize(
    "body", ["{", "[1, 2", "", "[NaN, {}]", '[{"a": 1, "a": 2}]', "[[]]", "[]"]
)
def test_broken_json_is_refused(total: Server, body: str) -> None:
    reply = post(total, body, JSON, **SIGN)

    assert reply.json()["error_code"] == "BAD_REQUEST"
    assert reply.status == 400
