"""ONNX graphs written by hand: what exporters of networks make."""

import numpy as np
import pandas as pd

from tests.oracle.case import NUMBER, Answers, Case, Random, binary, case, chances, classes
from tests.oracle.cases import data
from tests.oracle.cases.graphs import (
    BOOL,
    FLOAT,
    HALF,
    INT64,
    constant,
    feed_of,
    graph_case,
    graph_of,
    node,
    session,
    tensor,
)


def means(batch: int, width: int) -> bytes:
    """Return a graph that takes exactly this number of rows, and gives their means."""
    nodes = [node("ReduceMean", ["x"], ["out"], axes=[1], keepdims=1)]
    inputs = [tensor("x", FLOAT, [batch, width])]
    return graph_of(nodes, inputs, [tensor("out", FLOAT, [batch, 1])], [])


def fixed(rng: Random, batch: int) -> Case:
    """Return a case whose graph takes blocks of rows."""
    graph = means(batch, 3)
    frame = data.numbers(rng, 3)

    def ask(rows: pd.DataFrame) -> Answers:
        padded = pd.concat([rows, *[rows[-1:]] * (-len(rows) % batch)])
        blocks = [padded[at : at + batch] for at in range(0, len(padded), batch)]
        told = [session(graph).run(None, feed_of(graph, block))[0] for block in blocks]
        held: Answers = np.concatenate(told)[: len(rows)]
        return held

    return graph_case(graph, frame, NUMBER, ask=ask)


@case
def onnx_one_row_at_a_time(rng: Random) -> Case:
    return fixed(rng, 1)


@case
def onnx_blocks_of_four(rng: Random) -> Case:
    return fixed(rng, 4)


@case
def onnx_half_softmax(rng: Random) -> Case:
    weights = constant("w", rng.normal(size=(2, 3)).astype(np.float16))
    nodes = [node("MatMul", ["x", "w"], ["z"]), node("Softmax", ["z"], ["out"], axis=1)]
    outputs = [tensor("out", HALF, ["N", 3])]
    graph = graph_of(nodes, [tensor("x", HALF, ["N", 2])], outputs, [weights])
    return graph_case(graph, data.numbers(rng, 2), classes("lo", "mid", "hi"))


@case
def onnx_sigmoid(rng: Random) -> Case:
    weights = constant("w", rng.normal(size=(3, 1)).astype(np.float32))
    nodes = [node("MatMul", ["x", "w"], ["z"]), node("Sigmoid", ["z"], ["out"])]
    outputs = [tensor("out", FLOAT, ["N", 1])]
    graph = graph_of(nodes, [tensor("x", FLOAT, ["N", 3])], outputs, [weights])
    return graph_case(
        graph,
        data.numbers(rng, 3),
        binary(),
        read=lambda outputs: chances(outputs[0][:, 0]),
        output="",
    )


@case
def onnx_outputs_reversed(rng: Random) -> Case:
    weights = constant("w", rng.normal(size=(3, 3)).astype(np.float32))
    nodes = [
        node("MatMul", ["x", "w"], ["z"]),
        node("Softmax", ["z"], ["first"], axis=1),
        node("ArgMax", ["first"], ["second"], axis=1, keepdims=0),
    ]
    outputs = [tensor("first", FLOAT, ["N", 3]), tensor("second", INT64, ["N"])]
    graph = graph_of(nodes, [tensor("x", FLOAT, ["N", 3])], outputs, [weights])
    target = classes("a", "b", "c")
    frame = data.numbers(rng, 3)
    return graph_case(graph, frame, target, read=lambda told: np.asarray(told[0]), output="first")


@case
def onnx_typed_columns(rng: Random) -> Case:
    frame = pd.DataFrame({"flag": rng.random(data.ROWS) < 0.5, "x": rng.normal(size=data.ROWS)})
    frame["n"] = rng.choice(2**53 + np.array([1, 2, 3]), data.ROWS)
    weights = constant("w", np.array([[1.5], [0.25], [3.0]], np.float32))
    nodes = [
        node("Cast", ["flag"], ["f"], to=FLOAT),
        node("Sub", ["n", "base"], ["m"]),
        node("Cast", ["m"], ["k"], to=FLOAT),
        node("Concat", ["f", "x", "k"], ["all"], axis=1),
        node("MatMul", ["all", "w"], ["out"]),
    ]
    kinds = (("flag", BOOL), ("x", FLOAT), ("n", INT64))
    inputs = [tensor(name, kind, ["N", 1]) for name, kind in kinds]
    base = constant("base", np.array([[2**53]], np.int64))
    graph = graph_of(nodes, inputs, [tensor("out", FLOAT, ["N", 1])], [weights, base])
    return graph_case(graph, frame, NUMBER)


@case
def onnx_logits_refused(rng: Random) -> Case:
    weights = constant("w", (rng.normal(size=(3, 3)) * 4).astype(np.float32))
    nodes = [node("MatMul", ["x", "w"], ["out"])]
    outputs = [tensor("out", FLOAT, ["N", 3])]
    graph = graph_of(nodes, [tensor("x", FLOAT, ["N", 3])], outputs, [weights])
    why = "logits are not probabilities"
    return graph_case(graph, data.numbers(rng, 3), classes("a", "b", "c"), refused=why)


@case
def onnx_three_dimensions(rng: Random) -> Case:
    nodes = [node("ReduceMean", ["x"], ["out"], axes=[1, 2], keepdims=0)]
    outputs = [tensor("out", FLOAT, ["N"])]
    graph = graph_of(nodes, [tensor("x", FLOAT, ["N", 1, 2])], outputs, [])

    def ask(rows: pd.DataFrame) -> Answers:
        cube = rows.to_numpy(np.float32).reshape(-1, 1, 2)
        return np.asarray(session(graph).run(None, {"x": cube})[0])

    why = "rows are no input of three dimensions"
    return graph_case(graph, data.numbers(rng, 2), NUMBER, ask=ask, refused=why, or_right=True)
