"""/transform/ (rows T-01 to T-16)."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from scipy.io import mmread
from scipy.sparse import csr_matrix

from tests.support.artifacts import sparse_transformer
from tests.support.http_calls import Part, Reply, form, received_parts
from tests.support.models import ONE_WORKER, Model, hooks, served
from tests.support.more_models import TRANSFORM
from tests.support.serving import Server

SPARSE = b"%%MatrixMarket matrix coordinate real general\n%\n2 2 3\n1 1 1.5\n1 2 2\n2 2 2\n"
MTX_TARGET = "%%MatrixMarket matrix coordinate integer general\n2 1 1\n2 1 7\n"
METADATA = """\
name: x
type: inference
targetType: transform
typeSchema:
  output_requirements:
    - field: number_of_columns
      condition: EQUALS
      value: 5
"""
FOUR_ARGUMENTS = Model(
    hooks("def transform(a, b, c, d):\n    return a\n"), ("--target-type", "transform")
)
TWO_ARGUMENTS = Model(
    hooks("def transform(data, model):\n    return data\n"), ("--target-type", "transform")
)

four_arguments = served(FOUR_ARGUMENTS, *ONE_WORKER)
two_arguments = served(TWO_ARGUMENTS, *ONE_WORKER)
restricted = served(
    replace(TRANSFORM.plus(**{"model-metadata.yaml": METADATA}), flags=()), *ONE_WORKER
)
sklearn_transform = served(sparse_transformer(), *ONE_WORKER)


def post(server: Server, *parts: Part) -> Reply:
    return server.post("/transform/", *form(*parts))


def contents(reply: Reply) -> dict[str, bytes]:
    """Return content by the name of its part, in the order of the reply."""
    assert reply.status == 200, reply.text
    return {
        head.split('name="')[1].split('"')[0]: content for head, content in received_parts(reply)
    }


def error(reply: Reply) -> str:
    assert reply.status == 500, reply.text
    assert reply.message.startswith("ERROR: ")
    return reply.message.removeprefix("ERROR: ")


def test_a_frame_comes_back_as_csv(transform: Server) -> None:
    """T-01."""
    reply = post(transform, Part("X", "a,b\n1,x\n"))

    assert reply.headers.get_content_type() == "multipart/form-data"
    assert list(contents(reply).items()) == [
        ("X.format", b"csv"),
        ("X.transformed", b"a,b\r\n1,x"),
    ]


def test_a_raw_body_is_transformed_too(transform: Server) -> None:
    assert contents(transform.csv("a\n1\n", "/transform/"))["X.transformed"] == b"a\r\n1"


def test_headers_of_the_parts(transform: Server) -> None:
    """T-02."""
    (kind, _), (data, _) = received_parts(post(transform, Part("X", "a\n1\n")))

    assert 'filename="X.transformed"' in data
    assert "Content-Type: application/octet-stream" in data
    assert "filename" not in kind
    assert "content-type" not in kind.lower()


def test_the_target_comes_back_unchanged(transform: Server) -> None:
    """T-03."""
    reply = post(transform, Part("X", "a\n1\n2\n"), Part("y", "t\n3\n4\n", "y.csv"))

    parts = contents(reply)
    assert list(parts) == ["X.format", "X.transformed", "y.format", "y.transformed"]
    assert (parts["y.format"], parts["y.transformed"]) == (b"csv", b"t\r\n3\r\n4")


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(Part("y", "t\n3\n", None), id="T-04"),
        pytest.param(Part("y", "", "y.csv"), id="T-04-empty"),
    ],
)
def test_a_target_without_name_or_content_is_ignored(transform: Server, part: Part) -> None:
    assert list(contents(post(transform, Part("X", "a\n1\n"), part))) == [
        "X.format",
        "X.transformed",
    ]


@pytest.mark.parametrize(
    ("parts", "seen"),
    [([], b"NoneType"), ([Part("y", "t\n3\n", "y.csv")], b"DataFrame")],
    ids=["without", "with"],
)
def test_a_hook_of_three_arguments_gets_the_target(
    transform: Server, parts: list[Part], seen: bytes
) -> None:
    """T-05."""
    reply = post(transform, Part("X", "case\ntarget\n"), *parts)

    assert contents(reply)["X.transformed"] == b"y\r\n" + seen


def test_a_hook_of_two_arguments_gets_no_target(two_arguments: Server) -> None:
    """T-05."""
    parts = contents(post(two_arguments, Part("X", "a\n1\n"), Part("y", "t\n3\n", "y.csv")))

    assert (parts["X.transformed"], parts["y.transformed"]) == (b"a\r\n1", b"t\r\n3")


def test_a_sparse_frame_comes_back_as_matrix_market(transform: Server) -> None:
    """T-06."""
    parts = contents(post(transform, Part("X", "case\nsparse\nsparse\n")))

    assert parts == {"X.format": b"sparse", "X.transformed": SPARSE, "X.colnames": b"sp\nq"}


@pytest.mark.parametrize(
    ("case", "field", "rows"),
    [
        pytest.param("symmetric", "real", [[1.5, 2], [2, 5]], id="T-06b"),
        pytest.param("integers", "integer", [[1, 2], [0, 2]], id="T-06c"),
    ],
)
def test_the_matrix_reads_back(
    transform: Server, case: str, field: str, rows: list[list[float]]
) -> None:
    content = contents(post(transform, Part("X", f"case\n{case}\n{case}\n")))["X.transformed"]

    symmetry = "symmetric" if case == "symmetric" else "general"
    header = f"%%MatrixMarket matrix coordinate {field} {symmetry}\n"
    assert content.startswith(header.encode())
    np.testing.assert_array_equal(csr_matrix(mmread(BytesIO(content))).toarray(), rows)


def test_a_sparse_matrix_of_scikit_learn(sklearn_transform: Server) -> None:
    """T-07."""
    parts = contents(post(sklearn_transform, Part("X", "sp,q\n1.5,2\n0,2\n")))

    assert (parts["X.format"], parts["X.transformed"]) == (b"sparse", SPARSE)


def test_a_sparse_target_comes_back_dense(transform: Server) -> None:
    """T-08."""
    parts = contents(post(transform, Part("X", "a\n1\n2\n"), Part("y", MTX_TARGET, "y.mtx")))

    assert (parts["y.format"], parts["y.transformed"]) == (b"csv", b"0\r\n0\r\n7")


@pytest.mark.parametrize(
    ("case", "text"),
    [
        pytest.param(
            "fewer",
            "Transformation resulted in different number of rows than original data",
            id="T-09",
        ),
        pytest.param(
            "array",
            "transform must return a dataframe, but received <class 'numpy.ndarray'>",
            id="T-10",
        ),
        pytest.param(
            "blank",
            "Column name serialization check failed, deserializing column names resulted in 1, "
            "expected 2\nEnsure there are no column names made up entirely of whitespace",
            id="T-13",
        ),
    ],
)
def test_a_result_that_breaks_a_rule(transform: Server, case: str, text: str) -> None:
    rows = f"case\n{case}\n" + ("1\n" if case == "fewer" else "")

    assert error(post(transform, Part("X", rows))) == text


def test_a_pair_is_no_result(transform: Server) -> None:
    """T-11."""
    text = error(post(transform, Part("X", "case\ntuple\n")))

    assert "Transformation of the target variable is not supported by DRUM." in text


def test_a_hook_of_four_arguments_is_refused(four_arguments: Server) -> None:
    """T-12."""
    text = error(post(four_arguments, Part("X", "a\n1\n")))

    assert "Transform hook must take 2 or 3 arguments; hook provided takes 4" in text


def test_output_against_the_type_schema(restricted: Server) -> None:
    """T-14."""
    reply = post(restricted, Part("X", "a,b\n1,2\n"))

    assert reply.status == 422
    assert reply.json() == {
        "is_schema_validation_error": True,
        "message": "ERROR: schema validation failed for output:\n ['Incorrect number of columns. "
        "2 received. However, the schema dictates that number of columns should be EQUALS 5']",
    }


def test_output_that_keeps_the_type_schema(restricted: Server) -> None:
    assert post(restricted, Part("X", "a,b,c,d,e\n1,2,3,4,5\n")).status == 200


def test_cells_of_the_csv(transform: Server) -> None:
    """T-15."""
    content = contents(post(transform, Part("X", "case\ncells\n")))["X.transformed"]

    assert content == b"n,b,f\r\n,True,0.30000000000000004"


def test_column_names_are_made_text(transform: Server) -> None:
    content = contents(post(transform, Part("X", "case\nodd-names\n")))["X.transformed"]

    assert content == b"x,p\\nq,3\r\n1,2,3"
