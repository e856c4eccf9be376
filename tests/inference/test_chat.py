"""Chat hooks: whole completions, streams, and who holds the limiter."""

import json
from collections.abc import Iterator
from threading import BoundedSemaphore
from typing import Any

import pytest

from drum_like.errors import HookError, TargetError
from drum_like.inference import chat
from drum_like.inference.chat import ChunkStream


class Completion:
    """A whole completion as OpenAI's client library shapes it."""

    object = "chat.completion"

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes."""
        return dict(vars(self))


class Chunk:
    """A part of a streamed completion."""

    object = "chat.completion.chunk"

    def __init__(self, text: str) -> None:
        self.text = text

    def to_json(self, indent: int | None = 2) -> str:
        """Return all attributes as JSON."""
        return json.dumps(vars(self), indent=indent)


def test_a_whole_completion_carries_the_callers_association_id() -> None:
    reply = chat.run(
        lambda _params, _model: Completion(),
        None,
        {"datarobot_association_id": "abc"},
        {},
        BoundedSemaphore(),
    )

    assert reply == {"datarobot_association_id": "abc"}


def test_a_third_parameter_gets_the_headers() -> None:
    seen: list[Any] = []

    def hook(params: Any, model: Any, headers: Any) -> Completion:
        seen.extend((params, model, headers))
        return Completion()

    chat.run(hook, "model", {"a": 1}, {"H": "1"}, BoundedSemaphore())

    assert seen == [{"a": 1}, "model", {"H": "1"}]


def test_chunks_become_events_and_an_unread_stream_holds_no_gate() -> None:
    limiter = BoundedSemaphore()
    stream = chat.run(lambda _p, _m: iter([Chunk("a"), Chunk("b")]), None, {}, {}, limiter)
    assert isinstance(stream, ChunkStream)

    assert limiter.acquire(blocking=False)
    limiter.release()
    events = list(stream)
    stream.close()

    assert [e.startswith("data: {") for e in events] == [True, True, False]
    assert events[-1] == "data: [DONE]\n\n"
    assert limiter.acquire(blocking=False)


def test_no_chunks_are_just_the_end() -> None:
    stream = chat.run(lambda _p, _m: [], None, {}, {}, BoundedSemaphore())
    assert isinstance(stream, ChunkStream)

    assert list(stream) == ["data: [DONE]\n\n"]


def test_every_line_of_a_chunk_gets_its_prefix() -> None:
    class Lines(Chunk):
        def to_json(self, indent: int | None = 2) -> str:
            del indent
            return '{\n"a": 1}'

    stream = chat.run(lambda _p, _m: [Lines("")], None, {}, {}, BoundedSemaphore())
    assert isinstance(stream, ChunkStream)

    assert next(stream) == 'data: {\ndata: "a": 1}\n\n'


def test_a_stream_that_fails_before_its_first_chunk_fails_like_any_hook() -> None:
    limiter = BoundedSemaphore()

    def broken() -> Chunk:
        raise ValueError("boom")

    def hook(_params: Any, _model: Any) -> Iterator[Chunk]:
        return (broken() for _ in range(2))

    with pytest.raises(HookError, match="boom"):
        chat.run(hook, None, {}, {}, limiter)

    assert limiter.acquire(blocking=False)


@pytest.mark.parametrize("returned", ["text", 1, None, [1]], ids=repr)
def test_anything_else_is_refused_and_the_gate_opens(returned: object) -> None:
    limiter = BoundedSemaphore()

    with pytest.raises(TargetError, match="Expected response to be ChatCompletion or Iterable"):
        chat.run(lambda _p, _m: returned, None, {}, {}, limiter)

    assert limiter.acquire(blocking=False)


def test_models_come_from_the_hook_then_from_the_runtime_parameter() -> None:
    class Model:
        object = "model"

        def to_dict(self) -> dict[str, str]:
            return {"id": "own"}

    from_hook = chat.models(lambda _model: [Model(), "not a model"], None, "llm")
    from_parameter = chat.models(None, None, "llm")

    assert from_hook == [{"id": "own"}]
    assert [m["id"] for m in from_parameter] == ["llm"]
    assert chat.models(None, None, None) == []
