"""A tiny language model: each next word is one that followed the last word in training."""

import json
import random
import time
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

NAME = "bigrams"
LONGEST = 40  # words
Followers = dict[str, dict[str, int]]  # word -> next word -> how often; "" stands for no word


class Reply(SimpleNamespace):
    """The answer to a chat call as the openai package returns it, without that package."""

    def to_json(self, indent: int | None = 2) -> str:
        """Return this object, and all that is in it, as JSON."""
        return json.dumps(self, default=vars, indent=indent)

    def to_dict(self) -> dict[str, Any]:
        """Return this object, and all that is in it, as dictionaries and lists."""
        content: dict[str, Any] = json.loads(self.to_json())
        return content


def reply(**content: Any) -> Reply:
    """Turn nested dictionaries into objects: `choices=[{"index": 0}]` into `.choices[0].index`."""
    made: Reply = json.loads(json.dumps(content), object_hook=lambda members: Reply(**members))
    return made


def load_model(code_dir: str) -> Followers:
    """Open the table of followers; JSON holds no code."""
    model: Followers = json.loads(Path(code_dir, "model.json").read_text("utf-8"))
    return model


def generate(model: Followers, prompt: str, seed: int = 0) -> Iterator[str]:
    """Yield " word" by " word" up to the end of a sentence; the same seed gives the same words."""
    chance = random.Random(f"{seed} {prompt}")  # noqa: S311 - a draw to repeat, not a secret
    word = (prompt.split() or [""])[-1]
    while True:
        followers = model.get(word) or model[""]
        (word,) = chance.choices(list(followers), list(followers.values()))
        yield f" {word}"
        if word.endswith("."):
            return


def score(data: pd.DataFrame, model: Followers, **kwargs: Any) -> pd.DataFrame:  # noqa: ARG001
    """Return the completion of each text in the column `prompt`."""
    texts = ["".join(islice(generate(model, prompt), LONGEST)) for prompt in data["prompt"]]
    return pd.DataFrame({"completion": texts})


def chat(completion_create_params: dict[str, Any], model: Followers) -> Reply | Iterator[Reply]:
    """Answer the last message: one object, or one for each word when `stream` is asked for."""
    params = completion_create_params
    prompt = params["messages"][-1]["content"]
    words = islice(
        generate(model, prompt, params.get("seed") or 0), params.get("max_tokens") or LONGEST
    )
    head = {"id": f"chatcmpl-{uuid.uuid4()}", "created": int(time.time()), "model": NAME}
    if params.get("stream"):
        return stream(head, words)
    return complete(head, prompt, list(words))


def complete(head: dict[str, Any], prompt: str, words: list[str]) -> Reply:
    """Return the whole answer at once."""
    asked, said = len(prompt.split()), len(words)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "".join(words)},
        "finish_reason": finish_reason(words[-1]),
    }
    return reply(
        **head,
        object="chat.completion",
        choices=[choice],
        usage={"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    )


def stream(head: dict[str, Any], words: Iterable[str]) -> Iterator[Reply]:
    """Yield the answer word by word, and last an empty chunk that says why it ended."""
    word = ""
    for word in words:
        yield chunk(head, word, None)
    yield chunk(head, "", finish_reason(word))


def chunk(head: dict[str, Any], text: str, reason: str | None) -> Reply:
    """Return one piece of a streamed answer."""
    delta = {"role": "assistant", "content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return reply(**head, object="chat.completion.chunk", choices=[choice])


def finish_reason(last_word: str) -> str:
    """Return `stop` after a full sentence, `length` when `max_tokens` cut it."""
    return "stop" if last_word.endswith(".") else "length"


def get_supported_llm_models(model: Followers) -> list[Reply]:  # noqa: ARG001
    """List what /v1/models answers."""
    return [reply(id=NAME, object="model", created=0, owned_by="drum-like")]
