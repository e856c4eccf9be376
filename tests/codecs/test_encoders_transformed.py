"""The multipart body of /transform/ and the CSV of `score`."""

from email.parser import BytesParser
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.io import mmread

from drum_like.codecs.multipart import Part, frame_csv, multipart, parts
from drum_like.errors import TargetError


def sparse_frame(matrix: list[list[float]], columns: list[str]) -> pd.DataFrame:
    data: pd.DataFrame = pd.DataFrame.sparse.from_spmatrix(  # type: ignore[attr-defined] # stubs lack it
        sparse.csc_matrix(np.array(matrix)), columns=columns
    )
    return data


def test_frame_is_csv_with_crlf_and_no_last_line_end() -> None:
    x = pd.DataFrame({"a": [1.5, np.nan], "b": ["x", "y,z"], "c": [True, False]}, index=[4, 2])

    assert parts(x, None) == (
        Part("X.format", b"csv"),
        Part("X.transformed", b'a,b,c\r\n1.5,x,True\r\n,"y,z",False', is_file=True),
    )


def test_target_is_csv_behind_it() -> None:
    y = sparse_frame([[0.0], [2.0]], ["t"])

    found = parts(pd.DataFrame({"a": [1, 2]}), y)

    assert found[2:] == (
        Part("y.format", b"csv"),
        Part("y.transformed", b"t\r\n0.0\r\n2.0", is_file=True),
    )


@pytest.mark.parametrize(
    ("matrix", "text"),
    [
        ([[1.5, 2.0], [0.0, 2.0]], b"real general\n%\n2 2 3\n1 1 1.5\n1 2 2\n2 2 2\n"),
        ([[1.0, 2.0], [2.0, 5.0]], b"real symmetric\n%\n2 2 3\n1 1 1\n2 1 2\n2 2 5\n"),
        ([[1, 2], [0, 2]], b"integer general\n%\n2 2 3\n1 1 1\n1 2 2\n2 2 2\n"),
        ([[True, True]], b"integer general\n%\n1 2 2\n1 1 1\n1 2 1\n"),
    ],
    ids=["real", "symmetric", "integer", "boolean"],
)
def test_sparse_frame_is_matrix_market_with_names_beside_it(
    matrix: list[list[float]], text: bytes
) -> None:
    found = parts(sparse_frame(matrix, ["sp", "q"]), None)

    assert found == (
        Part("X.format", b"sparse"),
        Part("X.transformed", b"%%MatrixMarket matrix coordinate " + text, is_file=True),
        Part("X.colnames", b"sp\nq", is_file=True),
    )
    assert sparse.coo_matrix(mmread(BytesIO(found[1].body))).toarray().tolist() == matrix


def test_names_are_text_on_one_line_without_outer_blanks() -> None:
    x = pd.DataFrame([[1, 2]], columns=[" a ", "b\nc"])

    assert parts(x, None)[1].body == b"a,b\\nc\r\n1,2"
    assert parts(pd.DataFrame([[1]]), None)[1].body == b"0\r\n1"


def test_blank_name_is_refused() -> None:
    with pytest.raises(TargetError, match="resulted in 1, expected 2"):
        parts(pd.DataFrame([[1, 2]], columns=["a", " "]), None)


def test_frame_without_columns_is_refused() -> None:
    with pytest.raises(TargetError, match="no types given"):
        parts(pd.DataFrame(index=[0]), None)


def test_frame_without_rows_is_its_header() -> None:
    assert parts(pd.DataFrame({"a": []}), None)[1].body == b"a"


def test_sparse_columns_that_are_no_numbers_are_refused() -> None:
    x = pd.DataFrame({"a": pd.arrays.SparseArray(["x", "y"])})

    with pytest.raises(TargetError, match="hold no numbers"):
        parts(x, None)


def test_multipart_body_parses_back() -> None:
    found = parts(pd.DataFrame({"a": [1]}), pd.DataFrame({"t": [2]}))

    body = multipart(found, "0123")

    head = b"Content-Type: multipart/form-data; boundary=0123\r\n\r\n"
    message = BytesParser().parsebytes(head + body)
    read = [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in message.walk()
        if not part.is_multipart()
    ]
    assert read == [(p.name, p.name if p.is_file else None, p.body) for p in found]
    assert b'name="X.format"\r\n\r\ncsv\r\n' in body
    assert b'filename="X.transformed"\r\nContent-Type: application/octet-stream\r\n\r\n' in body


def test_score_writes_rows_with_sparse_columns_written_out() -> None:
    assert frame_csv(sparse_frame([[1.5, 0.0]], ["a", "b"])) == b"a,b\n1.5,0.0\n"
    assert frame_csv(pd.DataFrame({"a": ["x"]}, index=[9])) == b"a\nx\n"
