"""Binary tensors of the Open Inference Protocol, in and out."""

import gzip
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.artifacts import native_xgboost
from tests.support.http_calls import Reply
from tests.support.models import ECHO, ONE_WORKER
from tests.support.open_inference import (
    DTYPES,
    LENGTH,
    Tensor,
    answered,
    framed,
    infer,
    path,
    post,
    requested,
)
from tests.support.serving import Server, serve

MODEL = "model"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    model = native_xgboost(".json").model
    folder = model.write(tmp_path_factory.mktemp("a") / MODEL)
    with serve(folder, *model.flags, *ONE_WORKER) as running:
        yield running


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = ECHO.write(tmp_path_factory.mktemp("b") / "echo")
    with serve(folder, *ECHO.flags, *ONE_WORKER, env=ECHO.env) as running:
        yield running


ROWS = np.random.default_rng(3).normal(size=(7, 2)).round(3)


def matrix(datatype: str = "FP64", *, binary: bool = True) -> Tensor:
    return Tensor("input-0", datatype, ROWS.astype(DTYPES[datatype]), binary)


@pytest.mark.parametrize("datatype", sorted(set(DTYPES) - {"FP16"}))
def test_each_datatype_means_the_same_in_both_forms(server: Server, datatype: str) -> None:
    binary = infer(server, MODEL, matrix(datatype))

    assert answered(binary) == answered(infer(server, MODEL, matrix(datatype, binary=False)))


def test_half_precision_is_read_as_bytes(server: Server) -> None:
    wide = Tensor("input-0", "FP64", ROWS.astype(np.float16).astype(np.float64))

    assert answered(infer(server, MODEL, matrix("FP16"))) == answered(infer(server, MODEL, wide))


def test_tensors_of_both_forms_are_mixed_in_any_order(server: Server) -> None:
    a, b = (Tensor(name, "FP64", ROWS[:, at]) for at, name in enumerate("ab"))
    binary = [
        Tensor(one.name, "FP32", one.values.astype(np.float32), is_binary=True) for one in (a, b)
    ]
    narrow = Tensor("input-0", "FP32", ROWS.astype(np.float32))

    expected = answered(infer(server, MODEL, narrow))

    assert answered(infer(server, MODEL, binary[1], binary[0])) == expected
    same = Tensor("b", "FP32", binary[1].values)
    assert answered(infer(server, MODEL, same, binary[0])) == expected


def test_outputs_follow_the_json_where_they_are_wanted_so(server: Server) -> None:
    expected = answered(infer(server, MODEL, matrix()))
    every = infer(server, MODEL, matrix(), parameters={"binary_data_output": True})
    outputs = [
        {"name": "predict_proba", "parameters": {"binary_data": True}},
        {"name": "predict", "parameters": {"binary_data": False}},
    ]
    one = infer(server, MODEL, matrix(), outputs=outputs)
    other = infer(server, MODEL, matrix(), outputs=outputs, parameters={"binary_data_output": True})

    assert every.headers["Content-Type"] == "application/octet-stream"
    assert answered(every) == answered(one) == answered(other) == expected
    assert sizes(every) == [7 * (4 + 2) + expected["predict"].count("yes"), 7 * 2 * 8]
    assert sizes(one) == sizes(other) == [7 * 2 * 8, None]


def sizes(reply: Reply) -> list[int | None]:
    head = json.loads(reply.body[: int(reply.headers[LENGTH])])
    return [one["parameters"].get("binary_data_size") for one in described(head)]


def described(head: Any) -> list[dict[str, Any]]:
    return [{"parameters": {}, **one} for one in head["outputs"]]


def test_texts_are_utf8_with_their_lengths(echo: Server) -> None:
    texts = np.array(["", "zwei Wörter", "\x00", "007", "[" * 200], dtype=object)

    for binary in (True, False):
        reply = infer(echo, "echo", Tensor("text", "BYTES", texts, binary))
        seen = json.loads(answered(reply)["predict"][0])
        assert seen["rows"] == [[repr(text)] for text in texts.tolist()]


def test_brackets_in_tensors_are_no_nested_json(server: Server) -> None:
    brackets = np.full((300, 2), ord("["), dtype=np.uint8)

    assert infer(server, MODEL, Tensor("input-0", "UINT8", brackets, is_binary=True)).status == 200


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_the_length_is_that_of_the_json_before_it_was_compressed(
    server: Server, coding: str, pack: Any
) -> None:
    one = matrix()
    body, length = framed({"inputs": [one.described]}, one.content)

    reply = server.post(path(MODEL), pack(body), Content_Encoding=coding, **length)

    assert answered(reply) == answered(infer(server, MODEL, one))


@pytest.mark.parametrize(
    ("coding", "expand"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)]
)
def test_answers_are_compressed_for_who_asks_for_one_coding(
    server: Server, coding: str, expand: Any
) -> None:
    one = matrix()
    body, length = requested(one, parameters={"binary_data_output": True})
    plain = server.post(path(MODEL), body, **length)

    reply = server.post(path(MODEL), body, Accept_Encoding=coding, **length)
    other = server.post(path(MODEL), body, Accept_Encoding=f"{coding}, br", **length)

    assert reply.headers["Content-Encoding"] == coding
    assert answered(replace(reply, body=expand(reply.body))) == answered(plain)
    assert other.headers["Content-Encoding"] is None
    assert answered(other) == answered(plain)


def test_invocations_takes_binary_tensors(server: Server) -> None:
    one = matrix()
    body, length = framed({"inputs": [one.described]}, one.content)

    reply = server.post("/invocations", body, "text/csv", **length)
    refused = server.post("/invocations", body, **length, X_Scoring_Contract="drum")

    assert answered(reply) == answered(infer(server, MODEL, one))
    assert (refused.status, refused.headers["X-Scoring-Contract"]) == (400, "drum")
    assert "takes no binary tensors" in refused.text


def sized(size: Any, shape: tuple[int, ...] = (7, 2), datatype: str = "FP64") -> dict[str, Any]:
    parameters = {"binary_data_size": size}
    tensor = {"name": "input-0", "shape": shape, "datatype": datatype, "parameters": parameters}
    return {"inputs": [tensor]}


TEXTS = struct.pack("<I", 1) + b"a" + struct.pack("<I", 2) + b"bc"
WRONG = [
    (sized(112), 111, "of bytes that follow the JSON; 111 are left"),
    (sized(111), 111, "its binary_data_size is 111, and 14 values of FP64 are 112 bytes"),
    (sized(112), 113, "1 bytes more than its JSON"),
    *(
        (sized(wrong), 112, "either `data`, or a binary_data_size")
        for wrong in (-1, 2**63, 112.0, True, "112")
    ),
    (sized(112, (2**20, 2)), 112, "values of FP64 are"),
    (sized(112, (2**62, 2)), 112, "--max-rows"),
    (sized(112, (0, 2)), 112, "0 values of FP64 are 0 bytes"),
    (sized(14, datatype="BOOL"), b"\x02" * 14, "its bytes must be 0 or 1"),
    (sized(11, (3, 1), "BYTES"), TEXTS, "its bytes end before its 3 texts"),
    (sized(10, (2, 1), "BYTES"), TEXTS[:-1], "its bytes end before its 2 texts"),
    (sized(11, (1, 1), "BYTES"), TEXTS, "behind its 1 texts are 6 more bytes"),
    (sized(11, (2**20, 1), "BYTES"), TEXTS, "its bytes end before its"),
    (sized(5, (1, 1), "BYTES"), b"\x01\0\0\0\xff", "must be UTF-8"),
    (sized(8, (1, 1), "BYTES"), b"\xff" * 8, "its bytes end before its 1 texts"),
]


@pytest.mark.parametrize(("tree", "tail", "text"), WRONG)
def test_wrong_sizes_are_told(server: Server, tree: Any, tail: Any, text: str) -> None:
    reply = post(server, MODEL, tree, bytes(tail))

    assert reply.status == (413 if text.startswith("--max") else 400), reply.text
    assert text in reply.json()["error"]


def test_two_tensors_cannot_share_bytes(server: Server) -> None:
    a, b = (Tensor(name, "FP64", ROWS[:, at], is_binary=True) for at, name in enumerate("ab"))

    reply = post(server, MODEL, {"inputs": [a.described, b.described]}, a.content)

    assert reply.status == 400
    assert "'b' must have either `data`, or a binary_data_size of bytes" in reply.json()["error"]


@pytest.mark.parametrize("length", ["x", "-1", "1e2", "9999999", "9" * 40, "", "0", "5", "1"])
def test_a_wrong_length_of_the_json_is_refused(server: Server, length: str) -> None:
    body, _ = framed({"inputs": [matrix().described]}, matrix().content)

    for route in (path(MODEL), "/invocations"):
        reply = server.post(route, body, Inference_Header_Content_Length=length)
        assert reply.status == 400, reply.text
        assert reply.json()["error"]


def test_nested_json_before_tensors_has_a_limit(server: Server) -> None:
    head = b'{"inputs": ' + b"[" * 200 + b"]" * 200 + b"}"

    for route in (path(MODEL), "/invocations"):
        reply = server.post(route, head + b"\x01", Inference_Header_Content_Length=str(len(head)))
        assert "--max-json-depth" in reply.text


def test_the_header_hides_no_nested_json_from_other_contracts(server: Server) -> None:
    body = b'{"instances": ' + b"[" * 200 + b"]" * 200 + b"}"

    for route in ("/model/score", "/invocate"):
        reply = server.post(route, body, "application/json", Inference_Header_Content_Length="1")
        assert "--max-json-depth" in reply.text


def test_missing_cells_are_nan(server: Server) -> None:
    rows = np.array([[1.5, np.nan], [np.nan, -0.0]])

    found = answered(infer(server, MODEL, Tensor("input-0", "FP64", rows, is_binary=True)))

    expected = server.csv("a,b\n1.5,\n,0\n").json()["predictions"]
    assert found["predict_proba"] == [row[label] for row in expected for label in ("no", "yes")]
