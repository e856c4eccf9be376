"""Settings and metadata that are refused before a model is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.parity.case import SERVE, Case, Command, CommandCase, files
from tests.parity.cases.broken import METADATA, STORM_S
from tests.parity.hooks import COLUMN

REGRESSION = ("--target-type", "regression")
PARAMETER = """runtimeParameterDefinitions:
  - fieldName: N
    type: numeric
    maxValue: 10
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """A metadata file, flags, what both programs say, and the expected difference."""

    metadata: str
    arguments: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    differs: tuple[str, ...] = ("settings-exit-code",)


REFUSED: Mapping[str, Refused] = {
    "without-name": Refused(METADATA.partition("\n")[2]),
    "unknown-key": Refused(METADATA + "unknown: 1\n"),
    "flow-style": Refused(METADATA + "validation: {input: x}\n"),
    "duplicate-key": Refused(METADATA + "name: again\n"),
    "empty": Refused("", REGRESSION),
    "unknown-target-type": Refused(
        METADATA.replace("regression", "zzz"), says=("'zzz' is not a valid TargetType",)
    ),
    "binary-without-labels": Refused(
        METADATA.replace("regression", "binary"), says=("Missing keys: ['inferenceModel']",)
    ),
    "fraction-as-threshold": Refused(
        METADATA + "inferenceModel:\n  predictionThreshold: 0.5\n", differs=("D19",)
    ),
    "other-target-type": Refused(
        METADATA,
        ("--target-type", "anomaly"),
        ("Target type provided in --target-type argument doesn't match target type from",),
    ),
    "runtime-parameter": Refused(
        METADATA + PARAMETER,
        ("--runtime-params-file", "{dir}/values.yaml"),
        ("Failed to load runtime parameter 'N'.", "value is greater than 10"),
        (),
    ),
}


def _metadata(name: str) -> CommandCase:
    refused = REFUSED[name]
    contents = {
        "custom.py": COLUMN,
        "model-metadata.yaml": refused.metadata,
        "values.yaml": "N: 11\n",
    }
    start = Command(
        name="start",
        arguments=(*SERVE, *refused.arguments),
        seconds=STORM_S,
        says=refused.says,
        differs=refused.differs,
    )
    return CommandCase(name=f"metadata-{name}", build=files(contents), commands=(start,))


CASES: tuple[Case, ...] = (
    *(_metadata(name) for name in REFUSED),
    CommandCase(
        name="broken-settings",
        build=files({"custom.py": COLUMN}),
        commands=(
            Command(
                name="no target type",
                arguments=SERVE,
                seconds=STORM_S,
                says=("Target type is missing. It must be provided in --target-type argument",),
                differs=("settings-exit-code",),
            ),
            Command(
                name="labels missing",
                arguments=(*SERVE, "--target-type", "binary"),
                seconds=STORM_S,
                says=("Positive/negative class labels are missing.",),
                differs=("settings-exit-code",),
            ),
            Command(
                name="class labels missing",
                arguments=(*SERVE, "--target-type", "multiclass"),
                seconds=STORM_S,
                says=("Class labels are missing.",),
                differs=("settings-exit-code",),
            ),
            Command(
                name="statistics of time",
                arguments=(*SERVE, *REGRESSION, "--show-perf"),
                differs=("D10",),
            ),
            Command(
                name="prefix without slash",
                arguments=(*SERVE, *REGRESSION),
                seconds=STORM_S,
                environment={"URL_PREFIX": "pre"},
                differs=("settings-exit-code",),
            ),
            Command(
                name="production without workers",
                seconds=STORM_S,
                arguments=(*SERVE, *REGRESSION, "--production"),
                says=(
                    "Production mode requires a non-zero number of workers [--max-workers > 0].",
                ),
            ),
            Command(
                name="deployment configuration that is no JSON",
                seconds=STORM_S,
                arguments=(*SERVE, *REGRESSION, "--deployment-config", "{dir}/custom.py"),
                differs=("settings-exit-code",),
            ),
            Command(
                name="malformed runtime parameter",
                arguments=(*SERVE, *REGRESSION),
                seconds=STORM_S,
                environment={"MLOPS_RUNTIME_PARAM_CUSTOM_MODEL_WORKERS": "60"},
            ),
        ),
    ),
)
