"""Artifacts without any hook, as each framework's models are served."""

from collections.abc import Mapping

from tests.parity import artifacts
from tests.parity.artifacts import cancer, diabetes, iris, onnx_classifier, pickled_booster, sample
from tests.parity.case import (
    SERVE,
    Build,
    Case,
    Command,
    CommandCase,
    Content,
    Probe,
    ServerCase,
    files,
    get,
    post,
    rounds_one_row,
    upload_rows,
)

PAIR = ("--target-type", "binary", "--positive-class-label", "yes", "--negative-class-label", "no")
ONES = ("--target-type", "binary", "--positive-class-label", "1", "--negative-class-label", "0")
TRIPLE = ("--target-type", "multiclass", "--class-labels", "0", "1", "2")
LEGACY = ("--legacy-label-order",)
REGRESSION = ("--target-type", "regression")

DIABETES = sample(diabetes()[0])
CANCER = sample(cancer()[0])
IRIS = sample(iris()[0])
INFO = Probe("info", get("/info/"), ("D24",))
REORDERED = sample(diabetes()[0][["s5", "bp", "bmi", "age"]])
EXTENDED = sample(diabetes()[0].assign(note=1))
SHORTENED = sample(diabetes()[0][["age", "bmi"]])
WITH_TEXT = b"age,bmi,bp,s5\n1,2,3,4\n1,2,high,4\n"
WITH_MISSING = b"age,bmi,bp,s5\n0.01,,0.02,0.03\n"
NO_ROWS = b"age,bmi,bp,s5\n"

BINARY_METADATA = """name: parity
type: inference
targetType: binary
inferenceModel:
  targetName: t
  positiveClassLabel: 'yes'
  negativeClassLabel: 'no'
"""
MULTICLASS_METADATA = """name: parity
type: inference
targetType: multiclass
inferenceModel:
  targetName: t
  classLabels:
    - 0
    - 1
    - 2
"""


def served(rows: bytes, *more: Probe, differs: tuple[str, ...] = ()) -> tuple[Probe, ...]:
    """Return the probes that every model gets."""
    return (
        Probe("raw", post("/predict/", rows), differs),
        Probe("upload", upload_rows("/predict/", rows), differs),
        Probe("one row", post("/predict/", b"\n".join(rows.splitlines()[:2])), differs),
        INFO,
        *more,
    )


def artifact(content: Content, name: str = "model.pkl") -> Build:
    """Return a directory with one file."""
    return files({name: content})


def knows_columns(rows: bytes) -> tuple[Probe, ...]:
    """Return the probes for a model of the diabetes data that knows its columns."""
    return (
        Probe("reordered", post("/predict/", REORDERED), ("D7",)),
        Probe(
            "reordered means the same",
            post("/predict/", REORDERED),
            drum_request=post("/predict/", rows),
        ),
        Probe("extra column", post("/predict/", EXTENDED), ("D7",)),
        Probe(
            "extra column means the same",
            post("/predict/", EXTENDED),
            drum_request=post("/predict/", rows),
        ),
        Probe("missing column", post("/predict/", SHORTENED), ("D7", "D2")),
        Probe("text in a number", post("/predict/", WITH_TEXT), ("D2",)),
        Probe("no rows", post("/predict/", NO_ROWS), ("zero-rows",)),
        Probe("row too long", post("/predict/", DIABETES + b"1,2,3,4,5\n"), ("D1",)),
    )


# Models whose outputs do not fit their target type; drum-like finds that out before it serves.
MISFITS: Mapping[str, tuple[Build, tuple[str, ...]]] = {
    "two-outputs": (artifact(artifacts.two_outputs), REGRESSION),
    "other-labels": (
        artifact(artifacts.classifier_of_text),
        ("--target-type", "binary", "--positive-class-label", "a", "--negative-class-label", "b"),
    ),
    "one-column": (artifact(pickled_booster("binary:logistic")), TRIPLE),
    "two-labels": (
        artifact(onnx_classifier(iris, zipmap=False), "m.onnx"),
        ("--target-type", "multiclass", "--class-labels", "0", "1"),
    ),
}


def _misfit(name: str) -> CommandCase:
    build, arguments = MISFITS[name]
    start = Command(name="start", arguments=(*SERVE, *arguments), differs=("D18",))
    return CommandCase(name=f"misfit-{name}", build=build, commands=(start,))


CASES: tuple[Case, ...] = (
    ServerCase(
        name="sklearn-regression",
        build=artifact(artifacts.regressor),
        arguments=REGRESSION,
        probes=served(
            DIABETES,
            *knows_columns(DIABETES),
            Probe("missing value", post("/predict/", WITH_MISSING), ("D2",)),
            Probe("missing upper case", upload_rows("/predict/", DIABETES, "X.CSV")),
        ),
    ),
    ServerCase(
        name="sklearn-regression-upper-case-suffix",
        build=artifact(artifacts.regressor, "MODEL.PKL"),
        arguments=REGRESSION,
        probes=served(DIABETES),
    ),
    ServerCase(
        name="sklearn-regression-missing-values",
        build=artifact(artifacts.forest_regressor),
        arguments=REGRESSION,
        probes=served(DIABETES, Probe("missing value", post("/predict/", WITH_MISSING))),
    ),
    ServerCase(
        name="sklearn-binary-text",
        build=artifact(artifacts.classifier_of_text),
        arguments=PAIR,
        probes=served(CANCER),
    ),
    ServerCase(
        name="sklearn-binary-numbers",
        build=artifact(artifacts.classifier_of_numbers),
        arguments=ONES,
        probes=served(CANCER),
    ),
    ServerCase(
        name="sklearn-binary-numbers-as-words",
        build=artifact(artifacts.classifier_of_numbers),
        arguments=PAIR,
        probes=served(CANCER),
    ),
    ServerCase(
        name="sklearn-multiclass",
        build=artifact(artifacts.classifier_of_three),
        arguments=TRIPLE,
        probes=served(IRIS),
    ),
    ServerCase(
        name="sklearn-multiclass-labels-reordered",
        build=artifact(artifacts.classifier_of_three),
        arguments=("--target-type", "multiclass", "--class-labels", "2.0", "0.0", "1.0"),
        probes=served(IRIS),
    ),
    ServerCase(
        name="sklearn-multilabel",
        build=artifact(artifacts.multilabel_network),
        arguments=("--target-type", "multilabel", "--class-labels", "0", "1", "2"),
        probes=served(IRIS),
    ),
    ServerCase(
        name="sklearn-multilabel-list",
        build=artifact(artifacts.multilabel_forest),
        arguments=("--target-type", "multilabel", "--class-labels", "0", "1", "2"),
        probes=(Probe("predict", post("/predict/", IRIS), ("several-labels",)),),
    ),
    ServerCase(
        name="sklearn-anomaly",
        build=artifact(artifacts.outliers),
        arguments=("--target-type", "anomaly"),
        probes=served(DIABETES),
    ),
    ServerCase(
        name="sklearn-clusters",
        build=artifact(artifacts.clusters),
        arguments=REGRESSION,
        probes=served(DIABETES),
    ),
    ServerCase(
        name="xgboost-sklearn",
        build=artifact(artifacts.xgboost_classifier),
        arguments=PAIR,
        probes=served(CANCER),
    ),
    ServerCase(
        name="xgboost-pipeline",
        build=artifact(artifacts.xgboost_pipeline),
        arguments=PAIR,
        probes=served(CANCER),
    ),
    ServerCase(
        name="xgboost-regression",
        build=artifact(pickled_booster("reg:squarederror")),
        arguments=REGRESSION,
        probes=served(
            DIABETES,
            *knows_columns(DIABETES),
            Probe("missing value", post("/predict/", WITH_MISSING)),
        ),
    ),
    ServerCase(
        name="xgboost-binary",
        build=artifact(pickled_booster("binary:logistic")),
        arguments=PAIR,
        probes=served(CANCER, differs=("D17",)),
    ),
    ServerCase(
        name="xgboost-binary-legacy",
        build=artifact(pickled_booster("binary:logistic")),
        arguments=PAIR,
        ours_arguments=LEGACY,
        probes=served(CANCER),
    ),
    ServerCase(
        name="xgboost-multiclass",
        build=artifact(pickled_booster("multi:softprob")),
        arguments=TRIPLE,
        probes=served(IRIS),
    ),
    ServerCase(
        name="lightgbm-multiclass",
        build=artifact(artifacts.lightgbm_classifier),
        arguments=TRIPLE,
        probes=served(IRIS),
    ),
    ServerCase(
        name="lightgbm-regression",
        build=artifact(artifacts.lightgbm_regressor),
        arguments=REGRESSION,
        probes=served(DIABETES, Probe("missing value", post("/predict/", WITH_MISSING))),
    ),
    ServerCase(
        name="onnx-regression",
        build=artifact(artifacts.onnx_regressor, "m.onnx"),
        arguments=REGRESSION,
        probes=served(DIABETES, Probe("text in a number", post("/predict/", WITH_TEXT), ("D2",))),
    ),
    *(
        ServerCase(
            name=f"onnx-binary-{name}",
            arguments=PAIR,
            ours_arguments=flag,
            build=artifact(onnx_classifier(cancer, zipmap=name.startswith("zipmap")), "m.onnx"),
            probes=served(CANCER, differs=differs),
        )
        for name, flag, differs in (
            ("zipmap", (), ("D17",)),
            ("zipmap-legacy", LEGACY, ()),
            ("tensor", (), ("D17",)),
            ("tensor-legacy", LEGACY, ()),
        )
    ),
    ServerCase(
        name="onnx-binary-post-process",
        arguments=PAIR,
        build=files(
            {
                "custom.py": "def post_process(predictions, model):\n    return predictions\n",
                "m.onnx": onnx_classifier(cancer, zipmap=False),
            }
        ),
        probes=(Probe("predict", post("/predict/", CANCER)),),
    ),
    *(
        ServerCase(
            name=f"onnx-multiclass-{name}",
            arguments=TRIPLE,
            probes=rounds_one_row(served(IRIS)),
            build=artifact(onnx_classifier(iris, zipmap=name == "zipmap"), "m.onnx"),
        )
        for name in ("zipmap", "tensor")
    ),
    ServerCase(
        name="labels-from-metadata",
        build=files(
            {
                "model.pkl": artifacts.classifier_of_text,
                "model-metadata.yaml": BINARY_METADATA,
            }
        ),
        probes=served(CANCER),
    ),
    ServerCase(
        name="labels-from-metadata-multiclass",
        build=files(
            {
                "model.pkl": artifacts.classifier_of_three,
                "model-metadata.yaml": MULTICLASS_METADATA,
            }
        ),
        probes=served(IRIS),
    ),
    ServerCase(
        name="labels-from-file",
        build=files({"model.pkl": artifacts.classifier_of_three, "labels.txt": "0\r\n1\r\n2\r\n"}),
        arguments=("--target-type", "multiclass", "--class-labels-file", "{dir}/labels.txt"),
        probes=served(IRIS),
    ),
    ServerCase(
        name="labels-from-environment",
        build=artifact(artifacts.classifier_of_three),
        environment={"TARGET_TYPE": "multiclass", "CLASS_LABELS": "2 1 0"},
        probes=served(IRIS),
    ),
    ServerCase(
        name="pair-from-environment",
        build=artifact(artifacts.classifier_of_text),
        environment={
            "TARGET_TYPE": "binary",
            "POSITIVE_CLASS_LABEL": "yes",
            "NEGATIVE_CLASS_LABEL": "no",
        },
        probes=served(CANCER),
    ),
    ServerCase(
        name="custom-py-in-folder",
        arguments=PAIR,
        build=files(
            {
                "model.pkl": artifacts.classifier_of_text,
                "code/custom.py": "def transform(data, model):\n    return data * 1.5\n",
            }
        ),
        probes=served(CANCER),
    ),
    *(_misfit(name) for name in MISFITS),
    CommandCase(
        name="sklearn-without-chances",
        build=artifact(artifacts.classifier_without_chances),
        commands=(Command(name="start", arguments=(*SERVE, *ONES), differs=("no-predict-proba",)),),
    ),
    CommandCase(
        name="sklearn-text-target",
        build=artifact(artifacts.regressor),
        commands=(
            Command(
                name="start",
                arguments=(*SERVE, "--target-type", "textgeneration"),
                environment={"TARGET_NAME": "out"},
                differs=("target-of-model",),
            ),
        ),
    ),
)
