"""The texts of custom.py for chat models."""

# The content of the last message is an expression whose value chat returns.
CHAT = """
import json
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
from datarobot_drum import CustomHTTPError
from werkzeug.exceptions import BadRequest, NotFound


class Reply(SimpleNamespace):
    def to_dict(self):
        return json.loads(self.to_json())

    def to_json(self, indent=2):
        return json.dumps(self, default=vars, indent=indent)


def completion(text, **more):
    message = Reply(role="assistant", content=text)
    choices = [Reply(index=0, message=message, finish_reason="stop")]
    return Reply(id="c1", object="chat.completion", created=1, choices=choices, **more)


def chunk(text, **more):
    choices = [Reply(index=0, delta=Reply(content=text), finish_reason=None)]
    return Reply(id="c1", object="chat.completion.chunk", created=1, choices=choices, **more)


class ManyLines(Reply):
    def to_json(self, indent=2):
        return json.dumps(self, default=vars, indent=1)


def lines(text):
    return ManyLines(**vars(chunk(text)))


def throw(error):
    raise error


def fail_after(count):
    for number in range(count):
        yield chunk(str(number))
    raise ValueError("in the middle")


def load_model(code_dir):
    return "the model"


def chat(completion_create_params, model):
    words = completion_create_params["messages"][-1]["content"]
    params = completion_create_params
    return eval(words, {**globals(), "params": params, "model": model})
"""

SCORE_TEXT = """

def score(data, model, **kwargs):
    return pd.DataFrame({"out": ["said " + str(text) for text in data["prompt"]]})
"""

MODELS = """

def get_supported_llm_models(model):
    return [
        Reply(id="small", object="model", created=1, owned_by="us"),
        Reply(id="no model", object="other"),
    ]
"""

CHAT_HEADERS = CHAT.replace(
    "def chat(completion_create_params, model):",
    "def chat(completion_create_params, model, headers=None, **kwargs):",
).replace('"model": model}', '"model": model, "headers": headers}')
