"""Models of a Triton repository: config.pbtxt, and a folder for each version.

Source: Triton's pages "Model Configuration" and "Model Repository", those of its FIL backend, and
the Text Format Language Specification of Protocol Buffers.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from drum_like.errors import LoadError
from drum_like.model.manifests import fil
from drum_like.model.manifests.files import artifact_of, inside, text_of
from drum_like.model.manifests.manifest import Manifest
from drum_like.model.signature import OPEN_INFERENCE, Told, inputs_of, output_name_of, output_of

FILE_NAME = "config.pbtxt"

MOST_TOKENS, MOST_DEPTH = 200_000, 32

Message = dict[str, list[Any]]
"""The values of each field in their order: text, numbers as text, and messages."""

# Nothing is given back of what was skipped: it could be divided in too many ways.
_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*+)*+(?:
    (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<word>-?\s*[\w.][\w.+-]*)
    |(?P<mark>[{}<>\[\]:,;])
    |(?P<end>\Z)
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_VERSION = re.compile(r"[1-9][0-9]{0,17}")


def versions_of(directory: Path) -> dict[str, Path]:
    """Return the folders of the versions that a model of a repository serves, the oldest first.

    Raises:
        LoadError: its config.pbtxt is none, or serves no version that is there.
    """
    config = parse(text_of(directory / FILE_NAME))
    folders = {path.name: path for path in directory.iterdir() if path.is_dir()}
    found = {name: path for name, path in folders.items() if _VERSION.fullmatch(name)}
    kept = _kept(config, names := sorted(found, key=int))
    if names and not kept:
        raise LoadError(f"{FILE_NAME} serves none of the versions there: {', '.join(names[:10])}")
    return {name: found[name] for name in kept}


def read_config(directory: Path, version: Path | None) -> Manifest:
    """Return the description of a model of a repository.

    Args:
        directory: With config.pbtxt.
        version: The folder of the version; None for a model file beside config.pbtxt.

    Raises:
        LoadError: config.pbtxt is none, or its backend is not served.
    """
    config = parse(text_of(directory / FILE_NAME))
    framework, usual = _backend(config)
    name = _text(config, "default_model_filename") or usual
    artifact = artifact_of(inside(version or directory, name, FILE_NAME), framework, pickled=False)
    batched = _number(config, "max_batch_size") > 0
    tensors = [_tensor(one, batched=batched) for one in _messages(config, "input")]
    outputs = [_tensor(one, batched=batched) for one in _messages(config, "output")]
    manifest = Manifest(
        FILE_NAME,
        replace(artifact, loader="load_booster"),  # FIL takes all trees, whoever saved them
        inputs_of(tensors),
        output_of(outputs),
        output_name_of(outputs),
        tensors=tuple(tensors) if framework == "onnxruntime" else (),
        name=_text(config, "name") or directory.name,
        version=None if version is None else version.name,
    )
    if framework == "onnxruntime":
        return manifest
    width = outputs[0][2][-1] if len(outputs) == 1 and outputs[0][2] else None
    return fil.with_answers(manifest, _parameters(config), width)


def _backend(config: Message) -> tuple[str, str]:
    """Return the predictor of a backend, and the usual name of its model file.

    Raises:
        LoadError: it is not served.
    """
    backend = _text(config, "backend") or _text(config, "platform")
    if backend in ("", "onnxruntime", "onnxruntime_onnx"):
        return "onnxruntime", "model.onnx"
    if backend != "fil":
        raise LoadError(
            f"{FILE_NAME} is for the backend {backend[:64]!r}; models of onnxruntime and fil are "
            "served, others need a custom.py with load_model and score"
        )
    return fil.model_of(_parameters(config), FILE_NAME)


def _parameters(config: Message) -> dict[str, str]:
    """Return the parameters of a backend by their names."""
    pairs = [
        (_text(one, "key"), _messages(one, "value")) for one in _messages(config, "parameters")
    ]
    return {key: _text(value[0], "string_value") for key, value in pairs if value}


def _kept(config: Message, names: Sequence[str]) -> Sequence[str]:
    """Return the versions that the policy of a configuration serves: usually the newest."""
    policy = next(iter(_messages(config, "version_policy")), {})
    if "all" in policy:
        return names
    if "specific" in policy:
        wanted = _messages(policy, "specific")[0].get("versions", [])
        return [name for name in names if name in wanted]
    latest = next(iter(_messages(policy, "latest")), {})
    return names[-max(1, _number(latest, "num_versions")) :]


def _tensor(message: Message, *, batched: bool) -> Told:
    dims = [_whole(size, "dims") for size in message.get("dims", [])]
    shape = (-1, *dims) if batched or not dims else tuple(dims)
    return (
        _text(message, "name"),
        OPEN_INFERENCE.get(_text(message, "data_type").removeprefix("TYPE_"), "object"),
        shape,
    )


def _messages(message: Message, field: str) -> list[Message]:
    return [one for one in message.get(field, []) if isinstance(one, dict)]


def _text(message: Message, field: str) -> str:
    values = message.get(field, [])
    return values[-1] if values and isinstance(values[-1], str) else ""


def _number(message: Message, field: str) -> int:
    text = _text(message, field)
    return _whole(text, field) if text else 0


def _whole(text: Any, field: str) -> int:
    if not isinstance(text, str) or re.fullmatch(r"-?[0-9]{1,18}", text) is None:
        raise LoadError(f"{FILE_NAME}: a whole number is needed for {field}")
    return int(text)


def parse(text: str) -> Message:
    """Return the message of a text in protobuf's text format.

    Raises:
        LoadError: it is none, or larger or deeper than any configuration; names the line.
    """
    return _Reader(text).message("", 0)


class _Reader:
    """Reads the messages of a text, one token at a time."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = next(self._tokens)

    def message(self, end: str, depth: int) -> Message:
        """Return the fields up to the mark that ends them."""
        if depth > MOST_DEPTH:
            raise self._error(f"messages lie deeper than {MOST_DEPTH} levels")
        found: Message = {}
        while self._next[1] != end or self._next[0] == "text":
            name = self._take("word")
            has_colon = self._skip(":")
            found.setdefault(name, []).extend(self._values(depth, has_colon=has_colon))
            _ = self._skip(",") or self._skip(";")
        self._take(self._next[0])
        return found

    def _values(self, depth: int, *, has_colon: bool) -> Iterator[Any]:
        if not self._skip("["):
            yield self._value(depth, has_colon=has_colon)
            return
        while not self._skip("]"):
            yield self._value(depth, has_colon=has_colon)
            self._skip(",")

    def _value(self, depth: int, *, has_colon: bool) -> Any:
        for start, end in (("{", "}"), ("<", ">")):
            if self._skip(start):
                return self.message(end, depth + 1)
        if not has_colon:
            raise self._error("a colon or a message is missing")
        if self._next[0] == "word":
            return self._take("word")
        text = self._take("text")
        while self._next[0] == "text":
            text += self._take("text")
        return text

    def _skip(self, mark: str) -> bool:
        is_there = self._next[0] == "mark" and self._next[1] == mark
        if is_there:
            self._take("mark")
        return is_there

    def _take(self, kind: str) -> str:
        found, text, _ = self._next
        if found != kind:
            raise self._error(f"a {kind} is missing")
        if kind != "end":
            self._next = next(self._tokens)
        return text

    def _error(self, problem: str) -> LoadError:
        return LoadError(f"{FILE_NAME}, line {self._next[2]}: {problem}")


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Yield kind, text and line of each token; the last one is the end."""
    place, line = 0, 1
    for _ in range(MOST_TOKENS):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise LoadError(f"{FILE_NAME}, line {line}: this is no text of a configuration")
        line += text.count("\n", place, match.end())
        place, kind = match.end(), match.lastgroup
        found = match[kind]
        yield (
            kind,
            _ESCAPE.sub(_unescaped, found[1:-1]) if kind == "text" else found.replace(" ", ""),
            line,
        )
    raise LoadError(f"{FILE_NAME} holds more than {MOST_TOKENS} words")


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "01234567":
        return chr(int(code, 8))
    return chr(int(code[1:], 16)) if code[0] in "xX" and code[1:] else _ESCAPES.get(code, code)
