"""The chat hook: OpenAI-shaped completions, whole or in chunks.

Source of rules and texts: DRUM 1.18.1, observed.
"""

import inspect
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from uuid import uuid4

from drum_like.errors import TargetError
from drum_like.model.hooks import Hook, call

ASSOCIATION_ID = "datarobot_association_id"
Gate = AbstractContextManager[Any]

_END = object()


class ChunkStream(Iterator[str]):
    """The chunks of a streamed completion as server-sent events, ended by a [DONE] event.

    The first chunk is asked for at once, so that a hook that fails before it said anything fails
    like any other.

    Args:
        response: The chunks, made by custom code as they are asked for.
        association_id: Set on every chunk.
        held: The gate around custom code; opened by `close`.
    """

    def __init__(self, response: Iterable[Any], association_id: str, held: ExitStack) -> None:
        self._held = held
        self._events = _events(response, association_id)
        try:
            self._first: str | None = next(self._events)
        except BaseException:
            held.close()
            raise

    def __next__(self) -> str:
        """Return the next event."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return next(self._events)

    def close(self) -> None:
        """Stop asking the hook for chunks and let the next request in."""
        self._events.close()
        self._held.close()


def run(
    hook: Hook, model: Any, params: Mapping[str, Any], headers: Any, gate: Gate
) -> Mapping[str, Any] | ChunkStream:
    """Return a whole completion as a JSON-ready mapping, or its chunks as a stream of events.

    Args:
        hook: The chat hook, of two parameters or more; the latter get the request's headers, too.
        model: What load_model returned.
        params: The request's JSON object.
        headers: The request's headers.
        gate: Entered around custom code; a stream holds it until it is closed.

    Raises:
        HookError: the hook raised, before the first chunk of a stream at the latest.
        TargetError: the hook returned neither a completion nor chunks.
    """
    association_id = params.get(ASSOCIATION_ID) or str(uuid4())
    extra = {"headers": headers} if len(inspect.signature(hook).parameters) > 2 else {}
    with ExitStack() as held:
        held.enter_context(gate)
        response = call(hook, "", params, model, **extra)
        if getattr(response, "object", None) == "chat.completion":
            setattr(response, ASSOCIATION_ID, association_id)
            completion: Mapping[str, Any] = call(response.to_dict, "")
            return completion
        if isinstance(response, (str, bytes)) or not isinstance(response, Iterable):
            raise _unexpected(response)
        return ChunkStream(response, association_id, held.pop_all())


def models(hook: Hook | None, model: Any, llm_id: str | None) -> list[Mapping[str, Any]]:
    """Return what /models lists: the hook's models, else the one that LLM_ID names.

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


def _events(response: Iterable[Any], association_id: str) -> Generator[str, None, None]:
    chunks = call(iter, "", response)
    while (chunk := call(next, "", chunks, _END)) is not _END:
        if not _is_chunk(chunk):
            raise _unexpected(response)
        setattr(chunk, ASSOCIATION_ID, association_id)
        yield _event(call(chunk.to_json, "", indent=None))
    yield _event("[DONE]")


def _event(text: str) -> str:
    return "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"


def _is_chunk(chunk: Any) -> bool:
    named = type(chunk).__name__ == "ChatCompletionChunk"
    return named or getattr(chunk, "object", None) == "chat.completion.chunk"


def _unexpected(response: object) -> TargetError:
    return TargetError(
        "Expected response to be ChatCompletion or Iterable[ChatCompletionChunk]. "
        f"response type: {type(response)}."
    )
