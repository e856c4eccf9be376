"""The words in which a case is written."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.parity.values import Request

Content = str | bytes | Callable[[], bytes]
Build = Callable[[Path], object]

SERVE = ("server", "--code-dir", "{dir}", "--address", "{address}")
MULTIPART_BOUNDARY = "5f1a0c7e9d3b4286"


@dataclass(frozen=True, slots=True)
class Probe:
    """One request whose two answers are compared.

    Attributes:
        differs: Ids of the table of differences, one of which must hold; none: must be equal.
        drum_request: What DRUM gets instead, where the same thing is said in another form.
        headers: Headers compared besides those that always are.
        shape: Compare the keys and types of the JSON only.
        before: What is done to the model directory while the servers run.
        answer: JSON that drum-like must answer in any case.
    """

    name: str
    request: Request
    differs: tuple[str, ...] = ()
    drum_request: Request | None = None
    headers: tuple[str, ...] = ()
    shape: bool = False
    before: Build | None = None
    answer: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCase:
    """Two servers of one model directory, and the requests both get.

    In `command`, `arguments` and `environment`, `{dir}` stands for the model directory and
    `{address}` for the host and port.

    Attributes:
        ours_arguments: Flags that only drum-like has.
        drum_build: Writes DRUM's directory, where the same model needs another form.
        prefix: Path before `/ping/`.
    """

    name: str
    build: Build
    probes: tuple[Probe, ...]
    command: tuple[str, ...] = SERVE
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    ours_arguments: tuple[str, ...] = ()
    drum_build: Build | None = None
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command line, run by both programs.

    Besides `{dir}` and `{address}`, `{out}` stands for an empty directory whose files are
    compared afterwards: names always, cells of `.csv` files and bytes of `.txt` files.

    Attributes:
        says: Texts that both programs must print.
        seconds: Time limit; a command that still runs then is stopped and has no exit code.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCase:
    """Command lines over one model directory."""

    name: str
    build: Build
    commands: tuple[Command, ...]
    drum_build: Build | None = None


Case = ServerCase | CommandCase


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body; without a file name it is a plain form field."""

    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None

    def encode(self) -> bytes:
        """Return the part with its headers, without boundaries."""
        disposition = f'Content-Disposition: form-data; name="{self.name}"'
        if self.filename is not None:
            disposition += f'; filename="{self.filename}"'
        lines = [disposition]
        if self.content_type is not None:
            lines.append(f"Content-Type: {self.content_type}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.content


def files(contents: Mapping[str, Content]) -> Build:
    """Return a builder that writes these files; a callable makes its bytes when needed."""

    def build(directory: Path) -> None:
        for name, content in contents.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_as_bytes(content))

    return build


def _as_bytes(content: Content) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else content()


def get(path: str, *headers: tuple[str, str]) -> Request:
    """Return a GET request."""
    return Request("GET", path, headers)


def post(
    path: str, body: bytes | str, content_type: str | None = "text/csv", *headers: tuple[str, str]
) -> Request:
    """Return a POST request; without a content type the header is not sent."""
    typed = () if content_type is None else (("Content-Type", content_type),)
    return Request("POST", path, typed + headers, body.encode() if isinstance(body, str) else body)


def upload(path: str, *parts: Part) -> Request:
    """Return a POST request with a multipart/form-data body."""
    mark = MULTIPART_BOUNDARY.encode()
    body = b"".join(b"--" + mark + b"\r\n" + part.encode() + b"\r\n" for part in parts)
    content_type = f"multipart/form-data; boundary={MULTIPART_BOUNDARY}"
    return post(path, body + b"--" + mark + b"--\r\n", content_type)


def upload_rows(path: str, content: bytes | str, filename: str = "x.csv") -> Request:
    """Return a multipart request whose file part X holds the rows."""
    payload = content.encode() if isinstance(content, str) else content
    return upload(path, Part("X", payload, filename))


def rounds_one_row(probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """Return probes of a model whose framework gives a row alone other bits than among others."""
    return tuple(
        replace(probe, differs=("equal-bits",)) if probe.name == "one row" else probe
        for probe in probes
    )
