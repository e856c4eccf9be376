"""Wrong flags, and the verbs validation and new model."""

from tests.parity import artifacts
from tests.parity.artifacts import diabetes, sample
from tests.parity.case import Case, Command, CommandCase, files
from tests.parity.cases.scores import REGRESSION, score
from tests.parity.hooks import COLUMN

USAGE = (
    Command(name="version", arguments=("--version",)),
    Command(name="no verb", arguments=()),
    Command(name="new without a noun", arguments=("new",)),
    Command(name="unknown verb", arguments=("serve",)),
    Command(name="unknown flag", arguments=score(*REGRESSION, "--nope")),
    Command(name="required flag missing", arguments=("score", "--code-dir", "{dir}")),
    Command(
        name="no such directory",
        arguments=("score", "--code-dir", "nope", "--input", "{dir}/rows.csv", *REGRESSION),
        says=("is not a directory!",),
    ),
    Command(
        name="no such file",
        arguments=score(*REGRESSION, rows="nope.csv"),
        says=("does not exist!",),
    ),
    Command(
        name="one label of two",
        arguments=score("--target-type", "binary", "--positive-class-label", "yes"),
        says=("both positive and negative class labels have to be provided",),
    ),
    Command(
        name="labels twice",
        arguments=score(
            "--target-type",
            "multiclass",
            "--class-labels",
            "A",
            "B",
            "--class-labels-file",
            "{dir}/rows.csv",
        ),
        says=("but not both",),
    ),
    Command(
        name="one class",
        arguments=score("--target-type", "multiclass", "--class-labels", "A"),
        says=("requires at least 2 labels",),
    ),
    Command(name="unknown target type", arguments=score("--target-type", "zzz")),
    Command(name="no target type", arguments=score(), says=("Target type is missing.",)),
    Command(
        name="query of a structured model",
        arguments=score(*REGRESSION, "--query", "a=1"),
        says=("--query argument can be used only with --target-type unstructured",),
    ),
    Command(
        name="content type of a structured model",
        arguments=score(*REGRESSION, "--content-type", "text/csv"),
        says=("--content-type argument can be used only with --target-type unstructured",),
    ),
    Command(
        name="no workers",
        arguments=(
            "server",
            "--code-dir",
            "{dir}",
            "--address",
            "{address}",
            *REGRESSION,
            "--max-workers",
            "0",
        ),
        says=("must be > 0",),
    ),
    Command(name="monitor without its options", arguments=score(*REGRESSION, "--monitor")),
    Command(
        name="skip-deps-install without docker",
        arguments=score(*REGRESSION, "--skip-deps-install"),
        says=("can only be used together with '--docker'.",),
    ),
    Command(name="unknown logging level", arguments=score(*REGRESSION, "--logging-level", "loud")),
    Command(name="unknown language", arguments=score(*REGRESSION, "--language", "cobol")),
)

CASES: tuple[Case, ...] = (
    CommandCase(
        name="usage", build=files({"custom.py": COLUMN, "rows.csv": "a\n1\n"}), commands=USAGE
    ),
    CommandCase(
        name="validation",
        build=files({"custom.py": COLUMN, "rows.csv": "a,b\n1,2\n3,4\n"}),
        commands=(
            Command(
                name="passed",
                seconds=240,  # one run for each column
                arguments=(
                    "validation",
                    "--code-dir",
                    "{dir}",
                    "--input",
                    "{dir}/rows.csv",
                    *REGRESSION,
                ),
                says=("Validation checks results", "Null value imputation", "PASSED"),
            ),
        ),
    ),
    CommandCase(
        name="validation-failed",
        build=files({"m.pkl": artifacts.regressor, "rows.csv": sample(diabetes()[0])}),
        commands=(
            Command(
                name="failed",
                seconds=240,  # one run for each column
                arguments=(
                    "validation",
                    "--code-dir",
                    "{dir}",
                    "--input",
                    "{dir}/rows.csv",
                    *REGRESSION,
                ),
                says=("Validation checks results", "FAILED"),
                differs=("D19",),
            ),
        ),
    ),
    CommandCase(
        name="new-model",
        build=files({"custom.py": COLUMN}),
        commands=(
            Command(
                name="python",
                arguments=("new", "model", "--code-dir", "{out}/fresh", "--language", "python"),
            ),
            Command(
                name="existing directory",
                arguments=("new", "model", "--code-dir", "{dir}", "--language", "python"),
                says=("already exists! Please provide a non existing path!",),
            ),
            Command(
                name="without a language",
                arguments=("new", "model", "--code-dir", "{out}/x"),
                differs=("new-model-language",),
            ),
        ),
    ),
)
