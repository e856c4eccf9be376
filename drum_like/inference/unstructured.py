"""Text or bytes in, text or bytes out: the path of unstructured models.

Source of rules and texts: DRUM 1.18.1, observed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drum_like.errors import PayloadError, TargetError
from drum_like.model.hooks import Hook, call
from drum_like.types.payload import Payload, python_codec

DEFAULT_TYPE = "text/plain"
DEFAULT_CHARSET = "utf-8"


@dataclass(frozen=True, slots=True)
class HookReply:
    """The body of an unstructured reply.

    Attributes:
        body: Text is encoded already.
        media_type: None if the hook said None itself.
        charset: None for bytes whose hook named none.
        value: The hook's result as data, for callers without HTTP.
    """

    body: bytes
    media_type: str | None
    charset: str | None
    value: str | bytes | None


def run(hook: Hook, model: Any, payload: Payload, context: Mapping[str, Any]) -> HookReply:
    """Pass a body to score_unstructured and return its answer.

    Args:
        hook: score_unstructured.
        model: The result of load_model.
        payload: Text types and application/json are decoded, the rest goes on as bytes.
        context: Further arguments of the hook: query, and headers on the server.

    Raises:
        CharsetError: the declared charset is not read.
        PayloadError: the bytes are not text of that charset.
        TargetError: the hook returned something else than text, bytes or None.
        HookError: the hook raised.
    """
    mimetype = payload.mimetype or DEFAULT_TYPE
    arguments = {**context, "mimetype": mimetype}
    data: str | bytes = payload.body
    charset = payload.charset
    if mimetype.lower().startswith("text/") or mimetype.lower() == "application/json":
        charset = charset or DEFAULT_CHARSET
        data = _text(payload.body, charset)
    if charset is not None:
        arguments["charset"] = charset
    return _answer(call(hook, "", model, data, **arguments))


def _text(body: bytes, charset: str) -> str:
    try:
        return body.decode(python_codec(charset))
    except UnicodeDecodeError as error:
        raise PayloadError(
            f"'{error.encoding}' codec can't decode byte in position {error.start} of the body; "
            "name the right charset in the Content-Type, or send the body as "
            "application/octet-stream to get it through as bytes"
        ) from error


def _answer(returned: object) -> HookReply:
    data, options = _split(returned)
    if data is None:
        return HookReply(b"", options.get("mimetype", DEFAULT_TYPE), DEFAULT_CHARSET, None)
    if isinstance(data, bytes):
        media_type = options.get("mimetype", "application/octet-stream")
        return HookReply(data, media_type, options.get("charset"), data)
    charset = options.get("charset", DEFAULT_CHARSET)
    if not isinstance(charset, str):
        kind = "None" if charset is None else type(charset).__name__
        raise TargetError(f"encode() argument 'encoding' must be str, not {kind}")
    return HookReply(_encoded(data, charset), options.get("mimetype", DEFAULT_TYPE), charset, data)


def _encoded(text: str, charset: str) -> bytes:
    try:
        return text.encode(charset)
    except LookupError as error:
        raise TargetError(f"unknown encoding: {charset}") from error
    except UnicodeEncodeError as error:
        raise TargetError(
            "score_unstructured returned text that its charset cannot hold"
        ) from error


def _split(returned: object) -> tuple[str | bytes | None, Mapping[str, Any]]:
    if isinstance(returned, tuple):
        return _split_tuple(returned)
    if returned is None or isinstance(returned, (str, bytes)):
        return returned, {}
    raise TargetError(
        "In unstructured mode single return value can be of type str/bytes, "
        f"but received {type(returned)}"
    )


def _split_tuple(returned: tuple[Any, ...]) -> tuple[str | bytes | None, Mapping[str, Any]]:
    if len(returned) != 2:
        raise TargetError(
            "In unstructured mode predictions of type tuple must have length = 2, "
            f"but received length = {len(returned)}"
        )
    data, options = returned
    if not isinstance(data, (str, bytes, type(None))) or not isinstance(
        options, (dict, type(None))
    ):
        raise TargetError(
            "In unstructured mode tuple return value must be of type (str/bytes, dict) "
            f"but received ({type(data)}, {type(options)})"
        )
    return data, options or {}
