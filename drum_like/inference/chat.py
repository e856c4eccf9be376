"""The chat hook: OpenAI-shaped completions, whole or in chunks.

Source of rules and texts: DRUM 1.18.1, observed.
"""

import inspect
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

from drum_like.errors import TargetError
from drum_like.model.hooks import Hook, call
from drum_like.system.deadline import without_deadline

ASSOCIATION_ID = "datarobot_association_id"
Limiter = AbstractContextManager[Any]

_END = object()


class ChunkStream(Iterator[str]):
    """The chunks of a streamed completion as server-sent events, ended by a [DONE] event.

    The first chunk is asked for at once, so that a hook that fails before it said anything fails
    like any other. The limiter is held only while custom code runs: a client that does not read its
    stream does not block others.

    Args:
        response: The chunks, made by custom code as they are asked for.
        association_id: Set on every chunk.
        limiter: Entered around custom code.
    """

    def __init__(self, response: Iterable[Any], association_id: str, limiter: Limiter) -> None:
        self._events = _events(response, association_id, limiter)
        self._first: str | None = next(self._events)

    def __next__(self) -> str:
        """Return the next event."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._events)

    def close(self) -> None:
        """Stop asking the hook for chunks."""
        self._events.close()


def run(
    hook: Hook, model: Any, params: Mapping[str, Any], headers: Any, limiter: Limiter
) -> Mapping[str, Any] | ChunkStream:
    """Return a whole completion as a JSON-ready mapping, or its chunks as a stream of events.

    Args:
        hook: The chat hook, of two parameters or more; the latter get the request's headers, too.
        model: The result of load_model.
        params: The request's JSON object.
        headers: The request's headers.
        limiter: Entered around custom code.

    Raises:
        HookError: the hook raised, before the first chunk of a stream at the latest.
        TargetError: the hook returned neither a completion nor chunks.
    """
    association_id = params.get(ASSOCIATION_ID) or str(uuid4())
    extra = {"headers": headers} if len(inspect.signature(hook).parameters) > 2 else {}
    with limiter:
        response = call(hook, "", params, model, **extra)
        if getattr(response, "object", None) == "chat.completion":
            setattr(response, ASSOCIATION_ID, association_id)
            completion: Mapping[str, Any] = call(response.to_dict, "")
            return completion
    if isinstance(response, (str, bytes)) or not isinstance(response, Iterable):
        raise _unexpected(response)
    return ChunkStream(response, association_id, limiter)


def models(hook: Hook | None, model: Any, llm_id: str | None) -> list[Mapping[str, Any]]:
    """Return the list for /models: the hook's models, else the one that LLM_ID names.

    Raises:
        HookError: the hook raised.
    """
    if hook is not None:
        listed = call(list, "", call(hook, "", model))
        return [call(m.to_dict, "") for m in listed if getattr(m, "object", None) == "model"]
    if not llm_id:
        return []
    # The date is DRUM's own constant: it does not know when the model was made.
    return [{"id": llm_id, "object": "model", "created": 1735689600, "owned_by": "DataRobot"}]


def _events(
    response: Iterable[Any], association_id: str, limiter: Limiter
) -> Generator[str, None, None]:
    # The hook has done work for this request: it is answered, however long the others take.
    with without_deadline(), limiter:
        chunks = call(iter, "", response)
    while True:
        with without_deadline(), limiter:
            event = _next_event(chunks, association_id, response)
        if event is None:
            break
        yield event
    yield _event("[DONE]")


def _next_event(chunks: Iterator[Any], association_id: str, response: object) -> str | None:
    chunk = call(next, "", chunks, _END)
    if chunk is _END:
        return None
    if not _is_chunk(chunk):
        raise _unexpected(response)
    setattr(chunk, ASSOCIATION_ID, association_id)
    return _event(call(chunk.to_json, "", indent=None))


def _event(text: str) -> str:
    """Return a text of JSON as an event, which is UTF-8: half of a surrogate pair is an escape."""
    # Of bytes: of text, U+0085 and U+2028 would end a line, too, and they do not end one of events.
    lines = text.encode(errors="backslashreplace").splitlines()
    return "".join(f"data: {line.decode()}\n" for line in lines) + "\n"


def _is_chunk(chunk: Any) -> bool:
    named = type(chunk).__name__ == "ChatCompletionChunk"
    return named or getattr(chunk, "object", None) == "chat.completion.chunk"


def _unexpected(response: object) -> TargetError:
    return TargetError(
        "Expected response to be ChatCompletion or Iterable[ChatCompletionChunk]. "
        f"response type: {type(response)}."
    )
