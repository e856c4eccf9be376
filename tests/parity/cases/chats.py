"""Chat completions, streamed and whole, and the list of models."""

import json
from collections.abc import Mapping

from tests.parity.case import Case, Probe, ServerCase, files, get, post
from tests.parity.chat_hooks import CHAT, CHAT_HEADERS, MODELS, SCORE_TEXT
from tests.parity.hooks import COLUMN, REPORT
from tests.parity.values import Request

CHAT_PATH = "/chat/completions"
TEXT = ("--target-type", "textgeneration")
NAMED = {"TARGET_NAME": "out"}


def ask(expression: str, path: str = CHAT_PATH, **more: object) -> Request:
    """Return a request whose chat hook returns the value of the expression."""
    body = {"model": "m", "messages": [{"role": "user", "content": expression}], **more}
    return post(path, json.dumps(body), "application/json")


RETURNS: Mapping[str, str] = {
    "completion": "completion('héllo')",
    "completion with more": "completion('x', usage={'total_tokens': 3})",
    "completion of no text": "completion(None)",
    "parameters": "completion(repr(sorted(params)))",
    "the model": "completion(model)",
    "chunks": "iter([chunk('a'), chunk('é'), chunk(None)])",
    "list of chunks": "[chunk('a'), chunk('b')]",
    "chunk of several lines": "iter([lines('a'), lines('b')])",
    "no chunks": "iter([])",
    "chunk without choices": "iter([Reply(object='chat.completion.chunk', choices=[])])",
    "fails after one chunk": "fail_after(1)",
    "fails after two chunks": "fail_after(2)",
    "ValueError": "throw(ValueError('boom'))",
    "BadRequest": "throw(BadRequest('d'))",
    "NotFound": "throw(NotFound())",
    "user's error": "throw(CustomHTTPError('bad', 418))",
}
WRONG_TYPES: Mapping[str, str] = {
    "text": "'plain'",
    "None": "None",
    "dictionary": "{'object': 'chat.completion'}",
    "list of texts": "['a']",
    "integer": "3",
}
CHATS = (
    *(Probe(name, ask(text), ("error-value",)) for name, text in WRONG_TYPES.items()),
    Probe("fails before the first chunk", ask("fail_after(0)"), ("error-named",)),
    *(Probe(name, ask(text)) for name, text in RETURNS.items()),
    Probe("sys.exit", ask("sys.exit(3)"), ("D20",)),
    Probe("v1", ask("completion('x')", "/v1/chat/completions")),
    Probe("association", ask("completion('x')", datarobot_association_id="mine")),
    Probe("association of chunks", ask("[chunk('a')]", datarobot_association_id="mine")),
    Probe("asked to stream", ask("[chunk('a')]", stream=True)),
    Probe(
        "association in the parameters",
        ask("completion(repr(sorted(params)))", datarobot_association_id="mine"),
    ),
    Probe("malformed JSON", post(CHAT_PATH, "{", "application/json")),
    Probe("empty", post(CHAT_PATH, "", "application/json")),
    Probe("not JSON", post(CHAT_PATH, "{}", "text/plain"), ("chat-media-type",)),
    Probe("no content type", post(CHAT_PATH, "{}", None), ("chat-media-type",)),
    Probe(
        "JSON with a charset",
        post(CHAT_PATH, ask("completion('x')").body, "application/json; charset=utf-8"),
    ),
    Probe("a list", post(CHAT_PATH, "[]", "application/json"), ("D2",)),
    Probe("a text", post(CHAT_PATH, '"x"', "application/json"), ("D2",)),
    Probe("GET", get(CHAT_PATH), ("D3",)),
    Probe("capabilities", get("/capabilities/"), ("D24",)),
    Probe("no models", get("/models")),
    Probe("no v1 models", get("/v1/models"), ("alive",)),
    Probe("predict", post("/predict/", "prompt\nhello\nyou\n")),
)

CASES: tuple[Case, ...] = (
    ServerCase(
        name="chat",
        build=files({"custom.py": CHAT + SCORE_TEXT}),
        arguments=TEXT,
        environment=NAMED,
        probes=CHATS,
    ),
    ServerCase(
        name="chat-headers",
        build=files({"custom.py": CHAT_HEADERS + SCORE_TEXT + MODELS}),
        arguments=TEXT,
        environment=NAMED,
        probes=(
            Probe(
                "header",
                post(
                    CHAT_PATH,
                    ask("completion(headers['X-Who'])").body,
                    "application/json",
                    ("x-who", "me"),
                ),
            ),
            Probe("models", get("/models")),
            Probe("v1 models", get("/v1/models"), ("alive",)),
        ),
    ),
    ServerCase(
        name="chat-of-regression",
        build=files({"custom.py": COLUMN + CHAT}),
        arguments=("--target-type", "regression"),
        probes=(
            Probe("chat", ask("completion('x')")),
            Probe("predict", post("/predict/", "a\n1\n")),
            Probe("models", get("/models")),
            Probe("capabilities", get("/capabilities/"), ("D24",)),
        ),
    ),
    ServerCase(
        name="chat-only",
        build=files({"custom.py": CHAT}),
        arguments=TEXT,
        environment=NAMED,
        probes=(
            Probe("chat", ask("completion('x')")),
            Probe("predict", post("/predict/", "a\n1\n"), ("D25",)),
        ),
    ),
    ServerCase(
        name="chat-of-agent",
        build=files({"custom.py": CHAT + SCORE_TEXT}),
        arguments=("--target-type", "agenticworkflow"),
        environment=NAMED,
        probes=(
            Probe("chat", ask("completion('x')")),
            Probe("stream", ask("[chunk('a')]")),
            Probe("models", get("/models")),
        ),
    ),
    ServerCase(
        name="chat-missing",
        build=files({"custom.py": REPORT}),
        arguments=TEXT,
        environment={**NAMED, "MLOPS_RUNTIME_PARAM_LLM_ID": '{"type": "string", "payload": "m"}'},
        probes=(
            Probe("chat", ask("completion('x')")),
            Probe("malformed JSON", post(CHAT_PATH, "{", "application/json")),
            Probe("models by LLM_ID", get("/models")),
            Probe("v1 models by LLM_ID", get("/v1/models"), ("alive",)),
            Probe(
                "unstructured endpoint", post("/predictUnstructured/", "x", "text/plain"), ("D21",)
            ),
            Probe("info", get("/info/"), ("D24",)),
        ),
    ),
    ServerCase(
        name="chat-missing-of-agent",
        build=files({"custom.py": REPORT}),
        arguments=("--target-type", "agenticworkflow"),
        environment=NAMED,
        probes=(Probe("chat", ask("completion('x')")),),
    ),
)
