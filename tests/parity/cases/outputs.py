"""Results of score hooks, for every structured target type; each body is an expression."""

from collections.abc import Mapping

from tests.parity.case import Case, Probe, ServerCase, files, post
from tests.parity.hooks import EXPRESSION, POST_PROCESS

Table = Mapping[str, str]

SUMS = frozenset(
    {
        "sum too large",
        "sum too small",
        "sum just wrong",
        "missing",
        "mends a wrong sum",
        "spoils a sum",
    }
)
ROWS_NAMED = ("rows-named",)


def _without(table: Table, name: str) -> Table:
    return {key: text for key, text in table.items() if key != name}


def probes(
    table: Table, different: Mapping[str, tuple[str, str]] | None = None
) -> tuple[Probe, ...]:
    """Return a probe for each expression; those of the second table show a difference."""
    same = [
        Probe(name, post("/predict/", text, "text/plain"), ROWS_NAMED if name in SUMS else ())
        for name, text in table.items()
    ]
    other = [
        Probe(name, post("/predict/", text, "text/plain"), (which,))
        for name, (text, which) in (different or {}).items()
    ]
    return (*same, *other)


NUMBERS: Table = {
    "integers": "F({'Predictions': [1, -2, 0]})",
    "booleans": "F({'Predictions': [True, False]})",
    "numbers as text": "F({'Predictions': ['1.5', '2']})",
    "not finite": "F({'Predictions': [float('nan'), float('inf'), -float('inf'), None]})",
    "None only": "F({'Predictions': [None]})",
    "sixteen digits": "F({'Predictions': [0.1234567890123456, 1/3, 2/3, 123456789.123456789]})",
    "around the cut": "F({'Predictions': [1e-10, 1e-11, 4e-11, 5e-11, 0.99999999995]})",
    "half": "F({'Predictions': [2.00000000005, 0.00000000005, 0.00000000004]})",
    "large": "F({'Predictions': [1e15, 1e16, 1e17, 1e20, 1.23456789e25, 4.611686018427388e18]})",
    "tiny": "F({'Predictions': [9.9e-16, 1e-15, 5e-324, -1e-12, -0.0]})",
    "digits before the point": "F({'Predictions': [666666666666666.625, -1e16, 12345678901.5]})",
    "float32": "F({'Predictions': np.array([0.1, 1.7347095], dtype='float32')})",
    "float16": "F({'Predictions': np.array([0.1], dtype='float16')})",
    "nullable integers": "F({'Predictions': pd.array([1, None], dtype='Int64')})",
    "decimals": "F({'Predictions': [decimal.Decimal('1.5')]})",
    "no rows": "F({'Predictions': []})",
    "another name": "F({'zzz': [1.5]})",
    "a name that is no text": "F({0: [1.5]})",
    "another index": "F({'Predictions': [1.5, 2.5]}, index=[5, 7])",
}
NOT_NUMBERS: Mapping[str, tuple[str, str]] = {
    "text": ("F({'Predictions': ['abc']})", "framework-text"),
    "dates": ("F({'Predictions': pd.to_datetime(['2020-01-01'])})", "framework-text"),
    "text and an extra column": ("F({'Predictions': ['x'], 'e': [1]})", "framework-text"),
}

BROKEN: Table = {
    "array": "np.array([1.0])",
    "None": "None",
    "list": "[1.0]",
    "series": "pd.Series([1.0])",
    "text": "'hello'",
    "two columns": "F({'a': [1], 'b': [2]})",
    "Predictions twice": "F([[1, 2]], columns=['Predictions', 'Predictions'])",
    "no columns": "F(index=[0, 1])",
    "empty frame": "F()",
}

EXTRA: Table = {
    "of several types": "F({'Predictions': [1.5, 2.5], 'e1': [1, 2], 'e2': ['x', 'y'], "
    "'e3': [True, False], 'e4': [1.25, float('nan')]}, index=[5, 7])",
    "None and text": "F({'Predictions': [1.5], 'e': [None], 'f': ['é/\"x\"']})",
    "before the prediction": "F({'e': [1], 'Predictions': [1.5]})",
    "dates": "F({'Predictions': [1], 'd': pd.to_datetime(['2020-01-01 10:30'])})",
    "dates with a zone": "F({'Predictions': [1], 'd': pd.to_datetime(['2020-01-01T10:30+02:00'])})",
    "time spans": "F({'Predictions': [1], 'd': pd.to_timedelta(['90s'])})",
    "missing date": "F({'Predictions': [1, 2], 'd': pd.to_datetime(['2020-01-01', None])})",
    "day": "F({'Predictions': [1], 'd': [datetime.date(2020, 1, 2)]})",
    "categories": "F({'Predictions': [1, 2], 'c': pd.Categorical(['u', 'v'])})",
    "nested": "F({'Predictions': [1], 'l': [[1, 'a', None]], 'm': [{'k': [1.5]}]})",
    "decimal and bytes": "F({'Predictions': [1], 'd': [decimal.Decimal('1.10')], 'b': [b'xy']})",
    "same name twice": "F([[1, 2, 3]], columns=['Predictions', 'e', 'e'])",
    "numbers as names": "F([[1, 2]], columns=['Predictions', 3])",
    "text index": "F({'Predictions': [1, 2], 'e': [3, 4]}, index=['p', 'q'])",
    "float index": "F({'Predictions': [1, 2], 'e': [3, 4]}, index=[0.5, 1.5])",
    "large integers": "F({'Predictions': [1], 'e': [2**62], 'f': [2**53 + 1]})",
    "not finite": "F({'Predictions': [1, 2], 'e': [float('inf'), float('nan')]})",
    "numpy arrays": "F({'Predictions': [1], 'e': [np.array([1, 2])]})",
}

RAISED: Table = {
    "ValueError": "throw(ValueError('boom'))",
    "KeyError": "throw(KeyError('gone'))",
    "error without a text": "throw(RuntimeError())",
    "user's error": "throw(CustomHTTPError('bad', 418))",
    "user's error without a status": "throw(CustomHTTPError('bad'))",
    "user's error without a text": "throw(CustomHTTPError())",
    "user's subclass": "throw(Teapot('short and stout', status_code=418))",
    "werkzeug NotFound": "throw(NotFound())",
    "werkzeug BadRequest": "throw(BadRequest('d'))",
    "division": "1 / 0",
    "unicode": "throw(ValueError('é ☃'))",
    "works again": "F({'Predictions': [1.5]})",
}

PAIRS: Table = {
    "in request order": "F({'yes': [.7], 'no': [.3]})",
    "in the other order": "F({'no': [.3], 'yes': [.7]})",
    "unknown names": "F({'a': [.3], 'b': [.7]})",
    "three columns, one label missing": "F({'no': [.3], 'b': [.7], 'c': [1]})",
    "three columns, both labels missing": "F({'a': [.3], 'b': [.7], 'c': [1]})",
    "other case": "F({'YES': [.7], 'No': [.3]})",
    "words of truth": "F({'True': [.7], 'False': [.3]})",
    "real booleans": "F({True: [.7], False: [.3]})",
    "ones and zeros as text": "F({'1': [.7], '0': [.3]})",
    "floats as text": "F({'1.0': [.7], '0.0': [.3]})",
    "on and off": "F({'on': [.7], 'off': [.3]})",
    "t and f": "F({'t': [.7], 'f': [.3]})",
    "unnamed": "F([[.3, .7]])",
    "blank in a name": "F({'yes ': [.7], 'no': [.3]})",
    "one column": "F({'yes': [.7]})",
    "one column of another name": "F({'Predictions': [.7]})",
    "sum too large": "F({'yes': [.5, .5], 'no': [.6, .5]})",
    "sum too small": "F({'yes': [.2], 'no': [.7]})",
    "sum just right": "F({'yes': [.5], 'no': [.500009]})",
    "sum just wrong": "F({'yes': [.5], 'no': [.50002]})",
    "negative": "F({'yes': [-.1], 'no': [1.1]})",
    "a little above one": "F({'yes': [1.0000000001], 'no': [0.]})",
    "text": "F({'yes': ['.7'], 'no': ['.3']})",
    "missing": "F({'yes': [np.nan], 'no': [np.nan]})",
    "integers": "F({'yes': [1, 0], 'no': [0, 1]})",
    "booleans": "F({'yes': [True], 'no': [False]})",
    "float32": "F({'yes': [.7], 'no': [.3]}, dtype='float32')",
    "no rows": "F({'yes': [], 'no': []}, dtype=float)",
    "extra column": "F({'note': ['n'], 'yes': [.7], 'no': [.3]})",
    "extra column, other case": "F({'YES': [.7], 'no': [.3], 'note': ['n']})",
    "extra column, another index": "F({'yes': [.7], 'no': [.3], 'note': ['n']}, index=[4])",
    "same label twice": "F([[.7, .3]], columns=['yes', 'yes'])",
    "array": "np.array([[.7, .3]])",
    "raises": "throw(ValueError('boom'))",
}

TRIPLES: Table = {
    "in request order": "F({'A': [.5], 'B': [.3], 'C': [.2]})",
    "in another order": "F({'C': [.2], 'A': [.5], 'B': [.3]})",
    "lower case": "F({'a': [.5], 'b': [.3], 'c': [.2]})",
    "two columns": "F({'A': [.5], 'B': [.5]})",
    "one column": "F({'A': [.5]})",
    "fourth column": "F({'A': [.5], 'B': [.3], 'C': [.2], 'x': ['n']})",
    "fourth column, label missing": "F({'A': [.5], 'B': [.3], 'D': [.2], 'x': ['n']})",
    "unnamed": "F([[.5, .3, .2]])",
    "sum": "F({'A': [.9], 'B': [.8], 'C': [.1]})",
    "above one": "F({'A': [1.2], 'B': [0], 'C': [0]})",
    "negative": "F({'A': [-.2], 'B': [1], 'C': [.2]})",
    "no rows": "F({'A': [], 'B': [], 'C': []}, dtype=float)",
}

COLLIDING: Table = {
    "matching": "F({'no': [.3], 'off': [.7]})",
    "matching, other order": "F({'off': [.3], 'no': [.7]})",
    "three columns": "F({'no': [.3], 'off': [.7], 'x': [1]})",
}

ONES: Table = {
    "as text": "F({'1': [.7], '0': [.3]})",
    "as integers": "F({1: [.7], 0: [.3]})",
    "as floats": "F({1.0: [.7], 0.0: [.3]})",
    "as booleans": "F({True: [.7], False: [.3]})",
    "as words": "F({'yes': [.7], 'no': [.3]})",
    "with leading zeros": "F({'01': [.7], '00': [.3]})",
    "integers and an extra column": "F({1: [.7], 0: [.3], 'x': [1]})",
}

TEXTS: Table = {
    "escapes": "F({'out': ['é/\"x\"\\n\\t\\\\', '☃😀']})",
    "list": "F({'out': [[1, 'a', None]]})",
    "dictionary": "F({'out': [{'b': 1, 'a': [1.5]}]})",
    "None": "F({'out': [None, 'x']})",
    "integer": "F({'out': [1, 2]})",
    "float": "F({'out': [0.1234567890123, float('nan')]})",
    "boolean": "F({'out': [True]})",
    "missing text": "F({'out': pd.array(['x', None], dtype='str')})",
    "another name": "F({'other': ['x']})",
    "Predictions": "F({'Predictions': ['x']})",
    "two columns": "F({'out': ['x'], 'cites': [['a', 'b']]})",
    "two columns without the target": "F({'a': ['x'], 'b': ['y']})",
    "out twice": "F([['x', 'y']], columns=['out', 'out'])",
    "fewer or more rows": "F({'out': ['x'] * 3})",
    "no rows": "F({'out': []})",
    "array": "np.array(['x'])",
    "raises": "throw(ValueError('boom'))",
    "user's error": "throw(CustomHTTPError('slow down', 429))",
    "target type": "F({'out': [kwargs['target_type'].value]})",
    "the model": "F({'out': [model]})",
}

POSTED: Table = {
    "identity": "F({'Predictions': [1.5, 2.5]})\npredictions",
    "doubled": "F({'Predictions': [1.5, 2.5]})\npredictions * 2",
    "another name": "F({'Predictions': [1.5]})\nF({'zzz': [3.5]})",
    "seen": "F({'zzz': [1]})\nF({'x': [len(predictions.columns)]}) if "
    "list(predictions.columns) == ['Predictions'] else None",
    "extras pass by": "F({'Predictions': [1.5], 'e': ['x']})\npredictions + 1",
    "array": "F({'Predictions': [1.5]})\npredictions.to_numpy()",
    "None": "F({'Predictions': [1.5]})\nNone",
    "raises": "F({'Predictions': [1.5]})\nthrow(ValueError('late'))",
    "user's error": "F({'Predictions': [1.5]})\nthrow(CustomHTTPError('late', 409))",
    "two columns": "F({'Predictions': [1.5]})\nF({'a': [1], 'b': [2]})",
}
POSTED_PAIRS: Table = {
    "identity": "F({'yes': [.7], 'no': [.3]})\npredictions",
    "order is kept": "F({'no': [.3], 'yes': [.7]})\npredictions",
    "names are those of the request": "F({'NO': [.3], 'YES': [.7]})\n"
    "predictions.assign(yes=1.0, no=0.0)",
    "swapped": "F({'no': [.3], 'yes': [.7]})\npredictions[['yes', 'no']]",
    "mends a wrong sum": "F({'yes': [.5], 'no': [.6]})\nF({'yes': [.5], 'no': [.5]})",
    "spoils a sum": "F({'yes': [.5], 'no': [.5]})\npredictions * 1.5",
    "one column": "F({'yes': [.5], 'no': [.5]})\npredictions[['yes']]",
    "more columns": "F({'yes': [.5], 'no': [.5]})\npredictions.assign(x=1)",
    "extras pass by": "F({'yes': [.5], 'no': [.5], 'e': ['x']})\npredictions[['no', 'yes']]",
}

BINARY = (
    "--target-type",
    "binary",
    "--positive-class-label",
    "yes",
    "--negative-class-label",
    "no",
)
MODEL = files({"custom.py": EXPRESSION})
POSTING = files({"custom.py": POST_PROCESS})
EXITS = {"sys.exit": ("sys.exit(3)", "D20"), "SystemExit": ("throw(SystemExit('bye'))", "D20")}


def _text(target: str) -> ServerCase:
    return ServerCase(
        name=f"outputs-{target}",
        build=MODEL,
        arguments=("--target-type", target),
        environment={"TARGET_NAME": "out"},
        probes=probes(TEXTS),
    )


CASES: tuple[Case, ...] = (
    ServerCase(
        name="outputs-regression",
        build=MODEL,
        arguments=("--target-type", "regression"),
        probes=probes(NUMBERS, NOT_NUMBERS) + probes(BROKEN),
    ),
    ServerCase(
        name="outputs-extra",
        build=MODEL,
        arguments=("--target-type", "regression"),
        probes=probes(EXTRA),
    ),
    ServerCase(
        name="outputs-raised",
        build=MODEL,
        arguments=("--target-type", "regression"),
        probes=probes(RAISED, EXITS) + probes({"after an exit": "F({'a': [1]})"}),
    ),
    ServerCase(
        name="outputs-anomaly",
        build=MODEL,
        arguments=("--target-type", "anomaly"),
        probes=probes(NUMBERS, NOT_NUMBERS),
    ),
    ServerCase(
        name="outputs-geopoint",
        build=MODEL,
        arguments=("--target-type", "geopoint"),
        probes=probes(
            {
                "text": "F({'Predictions': ['POINT (1 2)']})",
                "GeoJSON": "F({'Predictions': [{'type': 'Point', 'coordinates': [1.5, 2]}]})",
                "number": "F({'p': [1.5]})",
                "None": "F({'p': [None]})",
                "extra": "F({'Predictions': ['POINT (1 2)'], 'e': [1]})",
                "two columns": "F({'a': [1], 'b': [2]})",
            }
        ),
    ),
    ServerCase(name="outputs-binary", build=MODEL, arguments=BINARY, probes=probes(PAIRS)),
    ServerCase(
        name="outputs-binary-numeric",
        build=MODEL,
        arguments=(
            "--target-type",
            "binary",
            "--positive-class-label",
            "1",
            "--negative-class-label",
            "0",
        ),
        probes=probes(ONES),
    ),
    ServerCase(
        name="outputs-binary-boolean",
        build=MODEL,
        arguments=(
            "--target-type",
            "binary",
            "--positive-class-label",
            "True",
            "--negative-class-label",
            "False",
        ),
        probes=probes(ONES),
    ),
    ServerCase(
        name="outputs-binary-colliding",
        build=MODEL,
        arguments=(
            "--target-type",
            "binary",
            "--positive-class-label",
            "no",
            "--negative-class-label",
            "off",
        ),
        probes=probes({}, {name: (text, "labels-by-text") for name, text in COLLIDING.items()}),
    ),
    ServerCase(
        name="outputs-multiclass",
        build=MODEL,
        arguments=("--target-type", "multiclass", "--class-labels", "A", "B", "C"),
        probes=probes(_without(TRIPLES, "sum"), {"sum": (TRIPLES["sum"], "rows-named")}),
    ),
    ServerCase(
        name="outputs-multilabel",
        build=MODEL,
        arguments=("--target-type", "multilabel", "--class-labels", "A", "B", "C"),
        probes=probes(TRIPLES),
    ),
    *(_text(target) for target in ("textgeneration", "vectordatabase", "agenticworkflow")),
    ServerCase(
        name="outputs-quoted-target-name",
        build=MODEL,
        arguments=("--target-type", "textgeneration"),
        environment={"TARGET_NAME": '"out"'},
        probes=probes(
            {
                "extra column": "F({'out': ['x'], 'e': [1]})",
                "quoted column": "F({'\"out\"': ['x'], 'e': [1]})",
            }
        ),
    ),
    ServerCase(
        name="post-process-regression",
        build=POSTING,
        arguments=("--target-type", "regression"),
        probes=probes(POSTED),
    ),
    ServerCase(
        name="post-process-binary", build=POSTING, arguments=BINARY, probes=probes(POSTED_PAIRS)
    ),
)
