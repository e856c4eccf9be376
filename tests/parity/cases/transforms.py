"""The transform endpoint: forms of input, of output, and what is refused."""

import csv
import io

from tests.parity.artifacts import diabetes, one_hot, sample, scaler
from tests.parity.case import Case, Part, Probe, ServerCase, files, get, post, upload, upload_rows
from tests.parity.hooks import TRANSFORM_EXPRESSION, TRANSFORM_FOUR_PARAMETERS, TRANSFORM_IDENTITY
from tests.parity.values import Request

TARGET = ("--target-type", "transform")
MATRIX = b"%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 1.5\n2 2 2\n"
SCHEMA = """name: parity
type: inference
targetType: transform
typeSchema:
  output_requirements:
    - field: data_types
      condition: IN
      value: NUM
    - field: number_of_columns
      condition: EQUALS
      value: 2
    - field: contains_missing
      condition: EQUALS
      value: NEVER
    - field: sparse
      condition: EQUALS
      value: NEVER
"""


def rows(expression: str) -> bytes:
    """Return two rows of CSV, the first of which holds the expression."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["code", "a", "b"], [expression, 1, 2.5], ["", 3, "4"]])
    return text.getvalue().encode()


def ask(expression: str, *more: Part) -> Request:
    """Return a request whose transform hook returns the value of the expression."""
    return upload("/transform/", Part("X", rows(expression), "x.csv"), *more)


SAME = {
    "two columns": "X[['a', 'b']]",
    "text, booleans and missing": "F({'t': ['é,\"q\"', None], 'f': [True, False], "
    "'n': [float('nan'), 0.1]})",
    "newline in a cell": "F({'t': ['a\\nb', 'c\\r\\nd']})",
    "shortest floats": "F({'n': [1/3, 1e-20], 'm': [1e22, 2.0]})",
    "float32": "F({'n': [0.1, 1/3]}, dtype='float32')",
    "integers": "F({'n': [2**62, -1]})",
    "infinities": "F({'n': [float('inf'), -float('inf')]})",
    "dates": "F({'d': pd.to_datetime(['2020-01-01', '2020-01-02T10:00'], format='ISO8601')})",
    "another index": "F({'n': [1, 2]}, index=[7, 9])",
    "names that are no text": "F([[1, 2], [3, 4]])",
    "names with blanks": "F({' n ': [1, 2]})",
    "newline in a name": "F({'a\\nb': [1, 2]})",
    "same name twice": "F([[1, 2], [3, 4]], columns=['a', 'a'])",
    "sparse": "sparse_frame([[1.5, 2], [0, 2]], ['sp', 'q'])",
    "sparse, symmetric": "sparse_frame([[1, 2], [2, 5]], ['sp', 'q'])",
    "sparse, skew-symmetric": "sparse_frame([[0, 2], [-2, 0]], ['sp', 'q'])",
    "sparse, integers": "sparse_frame([[1, 2], [0, 5]], ['sp', 'q'], 'int64')",
    "sparse, booleans": "sparse_frame([[1, 1], [0, 1]], ['sp', 'q'], bool)",
    "sparse, all zero": "sparse_frame([[0, 0], [0, 0]], ['sp', 'q'])",
    "sparse, wide": "sparse_frame([[0, 1, 0], [2, 0, 0.5]], list('pqr'))",
    "sparse, one column": "sparse_frame([[1], [0]], ['p'])",
    "blank name": "F({' ': [1, 2], 'n': [1, 2]})",
    "fewer rows": "X[['a']].head(1)",
    "more rows": "pd.concat([X[['a']]] * 2)",
    "no rows": "X[['a']].head(0)",
    "array": "X[['a']].to_numpy()",
    "None": "None",
    "pair": "(X, y)",
    "raises": "throw(ValueError('boom'))",
    "user's error": "throw(CustomHTTPError('bad', 409))",
    "the target": "F({'y': [str(y), 'x']})",
}
PLAIN = b"a,b\n1,x\n,y\n"
TARGETS = (
    Probe("target", ask("X[['a']]", Part("y", b"t\n1\n2.5\n", "y.csv"))),
    Probe(
        "target in the hook", ask("y.rename(columns={'t': 'u'})", Part("y", b"t\n1\n2\n", "y.csv"))
    ),
    Probe("text target", ask("X[['a']]", Part("y", b"t\nyes\n\n", "y"))),
    Probe("target without a file name", ask("X[['a']]", Part("y", b"t\n1\n2\n"))),
    Probe("empty target", ask("X[['a']]", Part("y", b"", "y.csv"))),
    Probe(
        "sparse target",
        ask(
            "X[['a']]",
            Part("y", b"%%MatrixMarket matrix coordinate real general\n2 1 1\n2 1 3.5\n", "y.mtx"),
        ),
    ),
    Probe(
        "sparse result and target",
        ask("sparse_frame([[1.5, 2], [0, 2]], ['sp', 'q'])", Part("y", b"t\n1\n2\n", "y.csv")),
    ),
    Probe("target of other length", ask("X[['a']]", Part("y", b"t\n1\n2\n3\n", "y.csv"))),
)
FORMS = (
    Probe("upload", upload_rows("/transform/", PLAIN)),
    Probe("raw", post("/transform/", PLAIN)),
    Probe("without slash", post("/transform", PLAIN), ("D3",)),
    Probe("sparse", upload_rows("/transform/", MATRIX, "x.mtx")),
    Probe(
        "sparse with names",
        upload("/transform/", Part("X", MATRIX, "x.mtx"), Part("X.colnames", b"p\nq\n", "c")),
    ),
    Probe("sparse, raw", post("/transform/", MATRIX, "text/mtx")),
    Probe("nothing", post("/transform/", "")),
    Probe("JSON", post("/transform/", "{}", "application/json"), ("json-rows",)),
    Probe("row too long", post("/transform/", "a,b\n1,2\n1,2,3\n"), ("D1",)),
    Probe("undecodable", post("/transform/", b"a\n\xff\n"), ("D2",)),
    Probe("no rows", post("/transform/", "a,b\n"), ("zero-rows",)),
    Probe("wrong endpoint: predict", post("/predict/", PLAIN)),
    Probe("wrong endpoint: predictions", post("/predictions/", PLAIN)),
    Probe("wrong endpoint: invocations", post("/invocations", PLAIN)),
    Probe("wrong endpoint: unstructured", post("/predictUnstructured/", PLAIN)),
    Probe("info", get("/info/"), ("D24",)),
    Probe("capabilities", get("/capabilities/"), ("D24",)),
)

CASES: tuple[Case, ...] = (
    ServerCase(
        name="transform-outputs",
        build=files({"custom.py": TRANSFORM_EXPRESSION}),
        arguments=TARGET,
        probes=(
            *(Probe(name, ask(text)) for name, text in SAME.items()),
            *TARGETS,
            Probe("no columns", ask("X[[]]"), ("error-hint",)),
            Probe("sys.exit", ask("throw(SystemExit(3))"), ("D20",)),
        ),
    ),
    ServerCase(
        name="transform-forms",
        build=files({"custom.py": TRANSFORM_IDENTITY}),
        arguments=TARGET,
        probes=FORMS,
    ),
    ServerCase(
        name="transform-four-parameters",
        build=files({"custom.py": TRANSFORM_FOUR_PARAMETERS}),
        arguments=TARGET,
        probes=(Probe("transform", post("/transform/", PLAIN)),),
    ),
    ServerCase(
        name="transform-schema",
        build=files({"custom.py": TRANSFORM_EXPRESSION, "model-metadata.yaml": SCHEMA}),
        probes=(
            Probe("kept", ask("F({'a': [1, 2], 'b': [1.5, 2]})")),
            Probe("columns", ask("F({'a': [1, 2]})")),
            Probe("types", ask("F({'a': [1, 2], 't': ['a b', 'c d']})")),
            Probe("missing", ask("F({'a': [1, None], 'b': [1, 2]})")),
            Probe("sparse", ask("sparse_frame([[1.5, 2], [0, 2]], ['sp', 'q'])")),
            Probe("several", ask("F({'a': [1, None], 'b': [1, 2], 'c': [1, 2]})")),
        ),
    ),
    ServerCase(
        name="transform-sklearn-dense",
        build=files({"m.pkl": scaler}),
        arguments=TARGET,
        probes=(
            Probe("sample", upload_rows("/transform/", sample(diabetes()[0]))),
            Probe("missing column", post("/transform/", "age\n1\n"), ("D2", "D7")),
            Probe("info", get("/info/"), ("D24",)),
        ),
    ),
    ServerCase(
        name="transform-sklearn-sparse",
        build=files({"m.pkl": one_hot}),
        arguments=TARGET,
        probes=(
            Probe("rows", post("/transform/", "size,color\ns,red\nm,blue\nxl,red\n")),
            Probe("one row", post("/transform/", "size,color\ns,red\n")),
        ),
    ),
)
