"""Calls of hooks: their order, their arguments, and the count of rows."""

from tests.parity.artifacts import cancer, classifier_of_text, diabetes, joblib_regressor, sample
from tests.parity.case import Case, Probe, ServerCase, files, get, post, upload_rows
from tests.parity.hooks import (
    ALL_HOOKS,
    COLUMN,
    CUSTOM_FLASK,
    DESCRIBE,
    PARAMETERS,
    TRANSFORM_THEN_SCORE,
)

REGRESSION = ("--target-type", "regression")
TEXT = ("--target-type", "textgeneration")

READS_ANYTHING = (
    DESCRIBE
    + """

def read_input_data(payload):
    if payload == b"fail":
        raise ValueError("x")
    return {b"list": [1, 2], b"none": None}.get(payload, payload)


def score(data, model, **kwargs):
    return pd.DataFrame({"out": [describe(data, kwargs)]})
"""
)

NO_KEYWORDS = """
import pandas as pd


def load_model(code_dir):
    return 1


def score(data, model):
    return pd.DataFrame({"Predictions": data["a"]})
"""

ROW_COUNTS = """
import pandas as pd


def load_model(code_dir):
    return 1


def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [1.5] * int(data["a"].iloc[0])})
"""

THREE_PARAMETERS = (
    COLUMN
    + """

def transform(data, model, target):
    return data
"""
)

TRANSFORM_RETURNS_LIST = (
    COLUMN
    + """

def transform(data, model):
    return data["a"].tolist()
"""
)

JOBLIB = """
from pathlib import Path

import joblib


def load_model(code_dir):
    return joblib.load(Path(code_dir, "model.joblib"))
"""

IDENTITY_POST_PROCESS = """
def post_process(predictions, model):
    return predictions
"""

SIBLING = """
import pandas as pd
from company.names import PREFIX


def load_model(code_dir):
    import shared
    return PREFIX + shared.WORD


def score(data, model, **kwargs):
    return pd.DataFrame({"out": [model + __name__] * len(data)})
"""

METADATA = """name: parity
type: inference
targetType: textgeneration
runtimeParameterDefinitions:
  - fieldName: TEXT
    type: string
    defaultValue: from the definition
  - fieldName: OTHER_TEXT
    type: string
    defaultValue: hidden
  - fieldName: FLAG
    type: boolean
    defaultValue: false
  - fieldName: NUMBER
    type: numeric
    defaultValue: 3.5
    minValue: 0
    maxValue: 10
  - fieldName: COUNT
    type: numeric
  - fieldName: EMPTY
    type: string
  - fieldName: LOGIN
    type: credential
"""
VALUES = """OTHER_TEXT: from the file
FLAG: true
COUNT: 7
LOGIN:
  credentialType: basic
  user: me
UNDEFINED: ignored
"""
NAMES = "name\nTEXT\nOTHER_TEXT\nFLAG\nNUMBER\nCOUNT\nEMPTY\nLOGIN\nUNDEFINED\nMISSING\n"
ENVIRONMENT = {
    "TARGET_NAME": "out",
    "MLOPS_RUNTIME_PARAM_TEXT": '{"type": "string", "payload": "from the environment"}',
    "MLOPS_RUNTIME_PARAM_FLAG": '{"type": "boolean", "payload": true}',
    "MLOPS_RUNTIME_PARAM_NUMBER": '{"type": "numeric", "payload": 2.5}',
    "MLOPS_RUNTIME_PARAM_NONE_": '{"type": "string", "payload": null}',
    "MLOPS_RUNTIME_PARAM_LOGIN": '{"type": "credential", "payload": {"credentialType": "basic"}}',
    "MLOPS_RUNTIME_PARAM_BROKEN": "{",
    "MLOPS_RUNTIME_PARAM_WRONG": '{"type": "nothing", "payload": 1}',
}

CASES: tuple[Case, ...] = (
    ServerCase(
        name="hooks-all",
        build=files({"custom.py": ALL_HOOKS}),
        arguments=TEXT,
        environment={"TARGET_NAME": "out"},
        probes=(
            Probe("text/csv", post("/predict/", "a;b\n1;2\n3;4\n")),
            Probe("any media type", post("/predict/", "a;b\n1;2\n", "application/x-own")),
            Probe("upload", upload_rows("/predict/", "a;b\n1;2\n")),
            Probe("info", get("/info/"), ("D24",)),
        ),
    ),
    ServerCase(
        name="hooks-transform-score",
        build=files({"custom.py": TRANSFORM_THEN_SCORE}),
        arguments=REGRESSION,
        probes=(
            Probe("in order", post("/predict/", "a,b\n1,2\n3,4\n")),
            Probe("transform raises", post("/predict/", "a,b\n-1,2\n")),
            Probe("score raises", post("/predict/", "a,c\n1,2\n")),
        ),
    ),
    ServerCase(
        name="hooks-read-input-data",
        build=files({"custom.py": READS_ANYTHING}),
        arguments=TEXT,
        environment={"TARGET_NAME": "out"},
        probes=(
            Probe("JSON", post("/predict/", '{"a": 1}', "application/json")),
            Probe("list", post("/predict/", "list")),
            Probe("None", post("/predict/", "none")),
            Probe("raises", post("/predict/", "fail")),
            Probe("upload", upload_rows("/predict/", "abc", "x.bin")),
            Probe("upload called mtx", upload_rows("/predict/", "abc", "x.mtx")),
            Probe("bytes of no charset", post("/predict/", b"\xff\x00", "image/png")),
            Probe(
                "form-urlencoded",
                post("/predict/", "a=1", "application/x-www-form-urlencoded"),
                ("D12",),
            ),
            Probe("empty", post("/predict/", "", "application/json")),
        ),
    ),
    ServerCase(
        name="hooks-without-keywords",
        build=files({"custom.py": NO_KEYWORDS}),
        arguments=REGRESSION,
        probes=(Probe("score", post("/predict/", "a\n1\n")),),
    ),
    ServerCase(
        name="hooks-row-counts",
        build=files({"custom.py": ROW_COUNTS}),
        arguments=REGRESSION,
        probes=(
            Probe("fewer", post("/predict/", "a\n1\n1\n1\n"), ("D8",)),
            Probe("more", post("/predict/", "a\n5\n1\n"), ("D8",)),
            Probe("none", post("/predict/", "a\n0\n1\n"), ("D8",)),
            Probe("as many", post("/predict/", "a\n2\n1\n")),
        ),
    ),
    ServerCase(
        name="hooks-transform-three-parameters",
        build=files({"custom.py": THREE_PARAMETERS}),
        arguments=REGRESSION,
        probes=(Probe("predict", post("/predict/", "a\n1\n")),),
    ),
    ServerCase(
        name="hooks-transform-returns-list",
        build=files({"custom.py": TRANSFORM_RETURNS_LIST}),
        arguments=REGRESSION,
        probes=(Probe("predict", post("/predict/", "a\n1\n")),),
    ),
    ServerCase(
        name="hooks-load-model-only",
        build=files({"custom.py": JOBLIB, "model.joblib": joblib_regressor}),
        arguments=REGRESSION,
        probes=(
            Probe("predict", post("/predict/", sample(diabetes()[0]))),
            Probe("info", get("/info/"), ("D24",)),
        ),
    ),
    ServerCase(
        name="hooks-post-process-of-artifact",
        build=files({"custom.py": IDENTITY_POST_PROCESS, "m.pkl": classifier_of_text}),
        arguments=(
            "--target-type",
            "binary",
            "--positive-class-label",
            "yes",
            "--negative-class-label",
            "no",
        ),
        probes=(
            Probe("predict", post("/predict/", sample(cancer()[0]))),
            Probe("info", get("/info/"), ("D24",)),
        ),
    ),
    ServerCase(
        name="hooks-siblings",
        build=files(
            {
                "custom.py": SIBLING,
                "shared.py": "WORD = 'shared '\n",
                "company/__init__.py": "",
                "company/names.py": "PREFIX = 'company '\n",
            }
        ),
        arguments=TEXT,
        environment={"TARGET_NAME": "out"},
        probes=(Probe("imports", post("/predict/", "a\n1\n")),),
    ),
    ServerCase(
        name="custom-flask",
        build=files({"custom.py": COLUMN, "custom_flask.py": CUSTOM_FLASK}),
        arguments=REGRESSION,
        probes=(
            Probe("predict", post("/predict/", "a\n1\n"), headers=("x-marked",)),
            Probe("ping endpoint", get("/ping/"), headers=("x-marked",)),
            Probe("info endpoint", get("/info/"), ("D24",), headers=("x-marked",)),
            Probe("refused", get("/ping/", ("Authorization", "Bearer wrong"))),
            Probe("own route", get("/extra/thing"), headers=("x-marked",)),
            Probe("own route, POST", post("/extra/thing", "x")),
            Probe("own error handler", get("/nope")),
        ),
    ),
    ServerCase(
        name="runtime-parameters-file",
        build=files(
            {"custom.py": PARAMETERS, "model-metadata.yaml": METADATA, "values.yaml": VALUES}
        ),
        arguments=("--runtime-params-file", "{dir}/values.yaml"),
        environment={"TARGET_NAME": "out"},
        probes=(Probe("values", post("/predict/", NAMES)), Probe("info", get("/info/"), ("D24",))),
    ),
    ServerCase(
        name="runtime-parameters-environment",
        build=files({"custom.py": PARAMETERS}),
        arguments=TEXT,
        environment=ENVIRONMENT,
        probes=(
            Probe("values", post("/predict/", NAMES)),
            Probe("null and broken", post("/predict/", "name\nNONE_\nBROKEN\nWRONG\n")),
        ),
    ),
    ServerCase(
        name="runtime-parameters-file-by-environment",
        build=files(
            {"custom.py": PARAMETERS, "model-metadata.yaml": METADATA, "values.yaml": VALUES}
        ),
        environment={**ENVIRONMENT, "RUNTIME_PARAMS_FILE": "{dir}/values.yaml"},
        probes=(Probe("values", post("/predict/", NAMES)),),
    ),
)
