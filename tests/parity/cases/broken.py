"""Models that do not load, with and without the error server."""

from collections.abc import Mapping

from tests.parity import artifacts
from tests.parity.case import (
    SERVE,
    Case,
    Command,
    CommandCase,
    Content,
    Probe,
    ServerCase,
    files,
    get,
    post,
)
from tests.parity.hooks import COLUMN, CUSTOM_FLASK, REPORT

REGRESSION = ("--target-type", "regression")
STORM_S = 15.0

ERRORS = (
    Probe("root", get("/"), ()),
    Probe("ping", get("/ping/")),
    Probe("ping without slash", get("/ping")),
    Probe("health", get("/health/")),
    Probe("predict", post("/predict/", "a\n1\n")),
    Probe("predictions", post("/predictions/", "a\n1\n")),
    Probe("invocations", post("/invocations", "a\n1\n")),
    Probe("transform", post("/transform/", "a\n1\n")),
    Probe("unstructured", post("/predictUnstructured/", "a\n1\n")),
    Probe("unstructured alias", post("/predictionsUnstructured/", "a\n1\n")),
    Probe("info", get("/info/"), ("D3",)),
    Probe("statistics", get("/stats/"), ("D3",)),
    Probe("capabilities", get("/capabilities/"), ("D3",)),
    Probe("chat", post("/chat/completions", "{}", "application/json"), ("D3",)),
    Probe("models", get("/models"), ("D3",)),
    Probe("wrong method", get("/predict/"), ("D3",)),
    Probe("missing slash", get("/health"), ("D3",)),
)
PING_AND_PREDICT = (ERRORS[1], ERRORS[4])

Files = Mapping[str, Content]
METADATA = "name: parity\ntype: inference\ntargetType: regression\n"

# Name -> files, and the difference that the message shows (a path, or DRUM's bare `1`).
FAULTS: Mapping[str, tuple[Files, tuple[str, ...]]] = {
    "raises-at-import": ({"custom.py": "raise ValueError('at import')\n"}, ()),
    "syntax-error": ({"custom.py": "def (\n"}, ()),
    "missing-module": ({"custom.py": "import nosuchmodule\n"}, ("relative-paths",)),
    "exit-at-import": ({"custom.py": "import sys\nsys.exit(4)\n"}, ()),
    "load-model-raises": ({"custom.py": "def load_model(d):\n    raise ValueError('no')\n"}, ()),
    "load-model-none": ({"custom.py": "def load_model(d):\n    return None\n"}, ()),
    "init-raises": (
        {"custom.py": "def init(code_dir):\n    raise ValueError('no')\n" + COLUMN},
        (),
    ),
    "no-artifact": (
        {"custom.py": "def score(data, model, **kwargs):\n    return data\n"},
        ("D6",),
    ),
    "two-artifacts": ({"m1.pkl": artifacts.regressor, "m2.pkl": artifacts.regressor}, ()),
    "corrupt-artifact": ({"m.pkl": b"not a pickle"}, ("framework-text",)),
    "two-custom-py": ({"custom.py": COLUMN, "more/custom.py": COLUMN}, ("relative-paths",)),
    "no-framework": ({"custom.py": "def load_model(d):\n    return {}\n"}, ("error-hint",)),
    "empty-directory": ({}, ("D6",)),
}
# DRUM has no error server for these.
FLASK_FAULTS: Mapping[str, Files] = {
    "two-custom-flask": {
        "custom.py": COLUMN,
        "custom_flask.py": CUSTOM_FLASK,
        "more/custom_flask.py": CUSTOM_FLASK,
    },
    "custom-flask-raises": {"custom.py": COLUMN, "custom_flask.py": "raise ValueError('no')\n"},
}


def _with_error_server(name: str, contents: Files, differs: tuple[str, ...]) -> ServerCase:
    probes = tuple(
        Probe(probe.name, probe.request, probe.differs or differs, headers=probe.headers)
        for probe in (ERRORS if name == "raises-at-import" else PING_AND_PREDICT)
    )
    return ServerCase(
        name=f"error-server-{name}",
        build=files(contents),
        probes=probes,
        arguments=(*REGRESSION, "--with-error-server"),
    )


def _without_error_server(name: str, contents: Files) -> CommandCase:
    start = Command(name="start", arguments=(*SERVE, *REGRESSION), differs=("D9",), seconds=STORM_S)
    return CommandCase(name=f"broken-{name}", build=files(contents), commands=(start,))


CASES: tuple[Case, ...] = (
    *(_with_error_server(name, *fault) for name, fault in FAULTS.items()),
    ServerCase(
        name="error-server-by-environment",
        build=files({"custom.py": "raise ValueError('at import')\n"}),
        arguments=REGRESSION,
        environment={"WITH_ERROR_SERVER": "1", "URL_PREFIX": "/pre"},
        prefix="/pre",
        probes=(
            Probe("ping", get("/pre/ping/")),
            Probe("predict", post("/pre/predict/", "a\n1\n")),
            Probe("without the prefix", get("/ping/"), ("D3",)),
        ),
    ),
    ServerCase(
        name="error-server-missing-labels",
        build=files({"custom.py": COLUMN}),
        arguments=("--target-type", "binary", "--with-error-server"),
        probes=PING_AND_PREDICT,
    ),
    ServerCase(
        name="error-server-missing-target-type",
        build=files({"custom.py": COLUMN}),
        arguments=("--with-error-server",),
        probes=PING_AND_PREDICT,
    ),
    ServerCase(
        name="error-server-missing-target-name",
        build=files({"custom.py": REPORT}),
        arguments=("--target-type", "textgeneration", "--with-error-server"),
        probes=PING_AND_PREDICT,
    ),
    ServerCase(
        name="error-server-metadata",
        build=files({"custom.py": COLUMN, "model-metadata.yaml": METADATA + "unknown: 1\n"}),
        arguments=("--with-error-server",),
        probes=(Probe("ping", get("/ping/"), ("metadata-error",)),),
    ),
    ServerCase(
        name="error-server-unstructured-without-hook",
        build=files({"custom.py": "def load_model(d):\n    return 1\n"}),
        arguments=("--target-type", "unstructured", "--with-error-server"),
        probes=PING_AND_PREDICT,
    ),
    ServerCase(
        name="error-server-transform-without-hook",
        build=files({"custom.py": "def load_model(d):\n    return 1\n"}),
        arguments=("--target-type", "transform", "--with-error-server"),
        probes=PING_AND_PREDICT,
    ),
    *(
        _without_error_server(name, FAULTS[name][0])
        for name in (
            "raises-at-import",
            "missing-module",
            "no-artifact",
            "two-artifacts",
            "corrupt-artifact",
            "load-model-none",
        )
    ),
    *(_without_error_server(name, contents) for name, contents in FLASK_FAULTS.items()),
)
