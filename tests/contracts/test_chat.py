"""Chat and the list of language models (rows X-01 to X-11)."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from tests.support.http_calls import Reply
from tests.support.models import ONE_WORKER, TEXT, served
from tests.support.more_models import CHAT, CHAT_ONLY
from tests.support.serving import Server

PATH = "/chat/completions"
LLM_ID = {"MLOPS_RUNTIME_PARAM_LLM_ID": json.dumps({"type": "string", "payload": "m"})}

chatting = served(CHAT, *ONE_WORKER)
chat_only = served(CHAT_ONLY, *ONE_WORKER)
named = served(replace(TEXT, env={**TEXT.env, **LLM_ID}), *ONE_WORKER)


def say(server: Server, text: str, path: str = PATH, **keys: str) -> Reply:
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **keys}
    return server.post(path, json.dumps(body), "application/json")


def events(reply: Reply) -> list[Any]:
    """Return the parsed data of each server-sent event; the last one is text."""
    assert reply.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert reply.text.endswith("\n\n")
    blocks = reply.text.removesuffix("\n\n").split("\n\n")
    lines = [block.split("\n") for block in blocks]
    assert all(line.startswith("data: ") for block in lines for line in block)
    texts = ["\n".join(line.removeprefix("data: ") for line in block) for block in lines]
    return [*map(json.loads, texts[:-1]), texts[-1]]


def test_chat_without_a_hook(reg: Server) -> None:
    """X-01."""
    reply = say(reg, "hello")

    expected = "ERROR: This model's chat interface was called, but chat is not supported."
    assert (reply.status, reply.json()) == (404, {"message": expected})


def test_chat_without_a_hook_on_a_text_model(text: Server) -> None:
    """X-02."""
    reply = say(text, "hello")

    expected = "ERROR: This model's chat interface was called, but chat() is not implemented."
    assert (reply.status, reply.json()) == (404, {"message": expected})


@pytest.mark.parametrize("fixture", ["chatting", "reg"])
def test_chat_in_another_media_type(request: pytest.FixtureRequest, fixture: str) -> None:
    """X-03 by the rule on media types of chat."""
    reply = request.getfixturevalue(fixture).post(PATH, "{}", "text/plain")

    assert reply.status == 415
    assert reply.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("body", ["{", "", "4711 {"])
@pytest.mark.parametrize("fixture", ["chatting", "reg"])
def test_chat_with_broken_json(request: pytest.FixtureRequest, fixture: str, body: str) -> None:
    """X-04: read before it is known whether the model chats."""
    reply = request.getfixturevalue(fixture).post(PATH, body, "application/json")

    expected = {
        "error": "The browser (or proxy) sent a request that this server could not understand."
    }
    assert (reply.status, reply.json()) == (400, expected)


@pytest.mark.parametrize("path", [PATH, "/v1/chat/completions"], ids=["X-05", "X-08"])
def test_a_completion_is_json(chatting: Server, path: str) -> None:
    reply = say(chatting, "hello", path, datarobot_association_id="id-1")

    assert reply.status == 200
    completion = reply.json()
    assert completion["choices"][0]["message"]["content"] == "hello"
    assert completion["object"] == "chat.completion"
    assert completion["datarobot_association_id"] == "id-1"


@pytest.mark.parametrize("said", ["\ud800", "a\udfff", "\U0001f600", "a\u2028b\x85c"])
def test_a_hook_gets_odd_characters_and_may_say_them(chatting: Server, said: str) -> None:
    """Half of a surrogate pair, too, as in DRUM, whose hooks get what `json.loads` reads."""
    whole = say(chatting, said)
    *chunks, last = events(say(chatting, "echo:" + said))

    assert whole.json()["choices"][0]["message"]["content"] == said
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks] == [said]
    assert last == "[DONE]"


def test_an_association_id_is_invented(chatting: Server) -> None:
    """X-05."""
    said = say(chatting, "hello").json()["datarobot_association_id"]

    assert uuid.UUID(said).version == 4


def test_chunks_are_server_sent_events(chatting: Server) -> None:
    """X-06."""
    reply = say(chatting, "chunks", datarobot_association_id="id-1")

    *chunks, last = events(reply)
    assert reply.status == 200
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks] == ["one", "two"]
    assert {chunk["datarobot_association_id"] for chunk in chunks} == {"id-1"}
    assert last == "[DONE]"


def test_a_chunk_of_several_lines(chatting: Server) -> None:
    """X-06b."""
    reply = say(chatting, "lines")

    chunk, last = events(reply)
    assert reply.text.count("data: ") > 3
    assert chunk["choices"][0]["delta"]["content"] == "one"
    assert last == "[DONE]"


def test_no_chunks_at_all(chatting: Server) -> None:
    assert events(say(chatting, "nothing")) == ["[DONE]"]


def test_a_stream_that_fails_before_its_first_chunk(chatting: Server) -> None:
    """X-06c by difference D3: JSON, with the headers of every reply."""
    reply = say(chatting, "fail")

    assert reply.status == 500
    assert list(reply.json()) == ["message"]
    assert reply.headers["X-Drum-Version"] == "1.18.1"


def test_another_result_of_the_hook(chatting: Server) -> None:
    """X-07, without the value (D41)."""
    reply = say(chatting, "str")

    expected = (
        "ERROR: Expected response to be ChatCompletion or Iterable[ChatCompletionChunk]. "
        "response type: <class 'str'>."
    )
    assert (reply.status, reply.json()) == (500, {"message": expected})


@pytest.mark.parametrize("path", ["/models", "/v1/models"], ids=["X-09", "X-08"])
def test_the_model_of_the_runtime_parameter_is_listed(named: Server, path: str) -> None:
    model = {"created": 1735689600, "id": "m", "object": "model", "owned_by": "DataRobot"}

    listed = named.get(path).json()

    assert ("models" in listed) is (path == "/v1/models")
    assert {name: listed[name] for name in ("data", "object")} == {
        "data": [model],
        "object": "list",
    }


def test_no_model_is_listed(text: Server) -> None:
    """X-10."""
    assert text.get("/models").json() == {"data": [], "object": "list"}


def test_the_hook_lists_models(chatting: Server) -> None:
    """X-09: only objects of kind `model`."""
    assert chatting.get("/models").json() == {
        "data": [{"id": "m1", "object": "model"}],
        "object": "list",
    }


def test_chat_is_served_for_every_structured_target(chat_only: Server) -> None:
    assert say(chat_only, "hello").json()["choices"][0]["message"]["content"] == "hello"


def test_a_model_that_only_chats_predicts_nothing(chat_only: Server) -> None:
    """X-11, as D25."""
    reply = chat_only.csv("a\n1\n")

    assert reply.status == 422
    assert "use the /chat/completions endpoint" in reply.message
