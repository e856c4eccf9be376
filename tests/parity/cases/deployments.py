"""The output of `--deployment-config`."""

import json

from tests.parity.case import Build, Case, Probe, ServerCase, files, post
from tests.parity.cases.outputs import probes
from tests.parity.hooks import EXPRESSION, TRANSFORM_IDENTITY

FLAG = ("--deployment-config", "{dir}/deployment.json")
PAIR = ("--target-type", "binary", "--positive-class-label", "yes", "--negative-class-label", "no")
TRIPLE = ("--class-labels", "A", "B", "C")
IN_ORDER = [["A", 0], ["B", 1], ["C", 2]]


def model(code: str = EXPRESSION, **target: object) -> Build:
    """Return a model directory with a deployment configuration."""
    content = {
        "target": {
            "name": "t",
            "class_mapping": None,
            "prediction_threshold": 0.5,
            "missing_maps_to": None,
            "type": "Regression",
            **target,
        }
    }
    return files({"custom.py": code, "deployment.json": json.dumps(content)})


CASES: tuple[Case, ...] = (
    ServerCase(
        name="deployment-regression",
        build=model(),
        arguments=("--target-type", "regression", *FLAG),
        probes=(
            *probes(
                {
                    "numbers": "F({'Predictions': [1.5, 2, 1/3, 1e-20]})",
                    "no rows": "F({'Predictions': []})",
                    "extra columns": "F({'Predictions': [1.5, 2], 'e': ['x', 'é/'], 'n': [1, 2]})",
                    "booleans": "F({'Predictions': [True]})",
                    "raises": "throw(ValueError('boom'))",
                },
                {"not finite": ("F({'Predictions': [float('nan'), float('inf'), 1]})", "D4")},
            ),
        ),
    ),
    ServerCase(
        name="deployment-anomaly",
        build=model(type="Anomaly"),
        arguments=("--target-type", "anomaly", *FLAG),
        probes=probes({"numbers": "F({'Predictions': [1.5, -1]})"}),
    ),
    ServerCase(
        name="deployment-binary",
        build=model(type="Binary", class_mapping=[["yes", 1], ["no", 0]]),
        arguments=(*PAIR, *FLAG),
        probes=probes(
            {
                "above, below and at the threshold": "F({'yes': [.7, .3, .5], 'no': [.3, .7, .5]})",
                "other order": "F({'no': [.3], 'yes': [.7]})",
                "extra column": "F({'yes': [.7], 'no': [.3], 'e': [None]})",
            },
            {"sum": ("F({'yes': [.7], 'no': [.7]})", "rows-named")},
        ),
    ),
    ServerCase(
        name="deployment-binary-threshold",
        build=model(type="Binary", class_mapping=[["no", 0], ["yes", 1]], prediction_threshold=0.8),
        arguments=(*PAIR, *FLAG),
        probes=probes({"around": "F({'yes': [.79, .8, .81], 'no': [.21, .2, .19]})"}),
    ),
    ServerCase(
        name="deployment-multiclass",
        build=model(type="Multiclass", class_mapping=IN_ORDER),
        arguments=("--target-type", "multiclass", *TRIPLE, *FLAG),
        probes=probes(
            {
                "best": "F({'A': [.2, .1], 'B': [.5, .1], 'C': [.3, .8]})",
                "tie": "F({'A': [.2], 'B': [.4], 'C': [.4]})",
                "other order": "F({'C': [.4], 'B': [.4], 'A': [.2]})",
            }
        ),
    ),
    ServerCase(
        name="deployment-multilabel",
        build=model(type="Multilabel", class_mapping=[["C", 0], ["A", 1], ["B", 2]]),
        arguments=("--target-type", "multilabel", *TRIPLE, *FLAG),
        probes=probes({"some": "F({'A': [.9, .1], 'B': [.5, .1], 'C': [.8, .1]})"}),
    ),
    ServerCase(
        name="deployment-text",
        build=model(type="TextGeneration"),
        arguments=("--target-type", "textgeneration", *FLAG),
        environment={"TARGET_NAME": "out"},
        probes=probes(
            {
                "text": "F({'out': ['é/\"', 'x']})",
                "extra columns": "F({'out': ['x'], 'e': [[1, 2]]})",
            }
        ),
    ),
    ServerCase(
        name="deployment-transform",
        build=model(TRANSFORM_IDENTITY),
        arguments=("--target-type", "transform"),
        environment={"DEPLOYMENT_CONFIG": "{dir}/deployment.json"},
        probes=(Probe("no effect", post("/transform/", "a,b\n1,x\n")),),
    ),
    ServerCase(
        name="deployment-by-environment",
        build=model(),
        arguments=("--target-type", "regression"),
        environment={"DEPLOYMENT_CONFIG": "{dir}/deployment.json"},
        probes=probes({"numbers": "F({'Predictions': [1.5]})"}),
    ),
)
