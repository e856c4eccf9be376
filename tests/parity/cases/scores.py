"""The score command: its outputs, and what it reads."""

from tests.parity import artifacts
from tests.parity.artifacts import cancer, diabetes, sample
from tests.parity.case import Case, Command, CommandCase, files
from tests.parity.hooks import (
    ALL_HOOKS,
    EXPRESSION,
    REPORT,
    TRANSFORM_IDENTITY,
    UNSTRUCTURED,
)

PAIR = ("--target-type", "binary", "--positive-class-label", "yes", "--negative-class-label", "no")
REGRESSION = ("--target-type", "regression")
OUTPUT = ("--output", "{out}/scores.csv")
MATRIX = "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1.5\n1 2 2\n2 2 2\n"


def score(*arguments: str, rows: str = "rows.csv") -> tuple[str, ...]:
    """Return the words of a score command."""
    return ("score", "--code-dir", "{dir}", "--input", "{dir}/" + rows, *arguments)


def expressions(**rows: str) -> CommandCase:
    """Return score commands of a regression, each input an expression for the hook."""
    contents = {f"{name}.txt": text for name, text in rows.items()}
    commands = (
        Command(name=name, arguments=score(*REGRESSION, *OUTPUT, rows=f"{name}.txt"))
        for name in rows
    )
    return CommandCase(
        name="score-outputs",
        build=files({"custom.py": EXPRESSION, **contents}),
        commands=tuple(commands),
    )


CASES: tuple[Case, ...] = (
    CommandCase(
        name="score-regression",
        build=files({"m.pkl": artifacts.regressor, "rows.csv": sample(diabetes()[0])}),
        commands=(
            Command(name="output", arguments=score(*REGRESSION, *OUTPUT)),
            Command(name="printed", arguments=score(*REGRESSION), says=("Predictions",)),
            Command(
                name="verbose",
                arguments=score(*REGRESSION, *OUTPUT, "--verbose"),
                says=("Detected score mode",),
            ),
            Command(
                name="no directory for the output",
                arguments=score(*REGRESSION, "--output", "{out}/no/scores.csv"),
            ),
            Command(
                name="target type by environment",
                arguments=score(*OUTPUT),
                environment={"TARGET_TYPE": "regression"},
            ),
            Command(
                name="flag over environment",
                arguments=score(*REGRESSION, *OUTPUT),
                environment={"TARGET_TYPE": "binary"},
            ),
            Command(
                name="equals form loses",
                differs=("D19",),
                environment={"TARGET_TYPE": "binary"},
                arguments=score("--target-type=regression", *OUTPUT),
            ),
            Command(
                name="short flag",
                arguments=(
                    "score",
                    "-cd",
                    "{dir}",
                    "--input",
                    "{dir}/rows.csv",
                    *REGRESSION,
                    *OUTPUT,
                ),
            ),
            Command(
                name="performance",
                arguments=score(*REGRESSION, *OUTPUT, "--show-perf"),
                says=(
                    "Full time:",
                    "Init time (incl model loading):",
                    "Run time (incl reading CSV):",
                ),
            ),
        ),
    ),
    CommandCase(
        name="score-binary",
        build=files({"m.pkl": artifacts.classifier_of_text, "rows.csv": sample(cancer()[0])}),
        commands=(
            Command(name="output", arguments=score(*PAIR, *OUTPUT), differs=("equal-bits",)),
            Command(
                name="labels by environment",
                arguments=score(*OUTPUT),
                differs=("equal-bits",),
                environment={
                    "TARGET_TYPE": "binary",
                    "POSITIVE_CLASS_LABEL": "yes",
                    "NEGATIVE_CLASS_LABEL": "no",
                },
            ),
        ),
    ),
    CommandCase(
        name="score-class-names",
        build=files({"m.pkl": artifacts.classifier_of_text, "rows.csv": sample(cancer()[0])}),
        commands=(
            Command(
                name="output",
                arguments=score(*REGRESSION, *OUTPUT),
                differs=("target-of-model",),
            ),
        ),
    ),
    CommandCase(
        name="score-boosters",
        build=files({"m.pkl": artifacts.xgboost_classifier, "rows.csv": sample(cancer()[0])}),
        commands=(Command(name="float32", arguments=score(*PAIR, *OUTPUT)),),
    ),
    expressions(
        integers="F({'Predictions': [1, 2]})",
        text="F({'Predictions': ['a,b', 'c\"d', 'é']})",
        floats="F({'Predictions': [0.1234567890123456, 1e-20, 1e22, float('nan')]})",
        extra="F({'Predictions': [1.5, 2], 'e': ['x', None]})",
        index="F({'Predictions': [1.5, 2], 'e': ['x', 'y']}, index=[1, 7])",
        boolean="F({'Predictions': [True, False]})",
        array="np.array([1])",
        raises="throw(ValueError('boom'))",
        arguments="F({'Predictions': [str(sorted(kwargs)), str(kwargs['mimetype'])]})",
    ),
    CommandCase(
        name="score-hooks",
        build=files({"custom.py": ALL_HOOKS, "rows.csv": "a;b\n1;2\n3;4\n"}),
        commands=(
            Command(
                name="all hooks",
                arguments=score("--target-type", "textgeneration", *OUTPUT),
                environment={"TARGET_NAME": "out"},
            ),
        ),
    ),
    CommandCase(
        name="score-sparse",
        build=files(
            {"custom.py": REPORT, "m.mtx": MATRIX, "M.MTX": "a\n1\n", "m.columns": "p\nq\n"}
        ),
        commands=(
            Command(
                name="named",
                environment={"TARGET_NAME": "out"},
                arguments=score(
                    "--target-type",
                    "textgeneration",
                    *OUTPUT,
                    "--sparse-column-file",
                    "{dir}/m.columns",
                    rows="m.mtx",
                ),
            ),
            Command(
                name="unnamed",
                environment={"TARGET_NAME": "out"},
                arguments=score("--target-type", "textgeneration", *OUTPUT, rows="m.mtx"),
            ),
            Command(
                name="upper-case suffix",
                environment={"TARGET_NAME": "out"},
                arguments=score("--target-type", "textgeneration", *OUTPUT, rows="M.MTX"),
            ),
        ),
    ),
    CommandCase(
        name="score-transform",
        build=files(
            {
                "custom.py": TRANSFORM_IDENTITY,
                "rows.csv": "a,b\n1,x\n,y\n",
                "m.mtx": MATRIX,
                "m.columns": "p\nq\n",
            }
        ),
        commands=(
            Command(name="csv", arguments=score("--target-type", "transform", *OUTPUT)),
            Command(
                name="sparse",
                arguments=score(
                    "--target-type",
                    "transform",
                    *OUTPUT,
                    "--sparse-column-file",
                    "{dir}/m.columns",
                    rows="m.mtx",
                ),
            ),
        ),
    ),
    CommandCase(
        name="score-unstructured",
        build=files(
            {
                "custom.py": UNSTRUCTURED,
                "rows.csv": "'é'",
                "none.csv": "None",
                "bytes.csv": "b'\\xff'",
                "latin.csv": "('é', {'charset': 'latin-1'})",
                "raises.csv": "1 / 0",
            }
        ),
        commands=(
            Command(
                name="text",
                arguments=score("--target-type", "unstructured", "--output", "{out}/o.txt"),
            ),
            Command(name="printed", arguments=score("--target-type", "unstructured"), says=("é",)),
            Command(
                name="None",
                arguments=score(
                    "--target-type", "unstructured", "--output", "{out}/o.txt", rows="none.csv"
                ),
            ),
            Command(
                name="bytes",
                arguments=score(
                    "--target-type", "unstructured", "--output", "{out}/o.txt", rows="bytes.csv"
                ),
            ),
            Command(
                name="charset",
                arguments=score(
                    "--target-type", "unstructured", "--output", "{out}/o.txt", rows="latin.csv"
                ),
            ),
            Command(
                name="raises", arguments=score("--target-type", "unstructured", rows="raises.csv")
            ),
            Command(
                name="query",
                arguments=score(
                    "--target-type",
                    "unstructured",
                    "--output",
                    "{out}/o.txt",
                    "--query",
                    "echo=1&a=1&a=2&b=",
                ),
            ),
            Command(
                name="content type",
                arguments=score(
                    "--target-type",
                    "unstructured",
                    "--output",
                    "{out}/o.txt",
                    "--query",
                    "echo=1",
                    "--content-type",
                    "text/csv; charset=latin-1",
                ),
            ),
            Command(
                name="bytes by content type",
                arguments=score(
                    "--target-type",
                    "unstructured",
                    "--output",
                    "{out}/o.txt",
                    "--query",
                    "echo=1",
                    "--content-type",
                    "application/octet-stream",
                ),
            ),
        ),
    ),
    CommandCase(
        name="score-broken",
        build=files({"custom.py": "raise ValueError('at import')\n", "rows.csv": "a\n1\n"}),
        commands=(Command(name="import", arguments=score(*REGRESSION), differs=("D9",)),),
    ),
)
