"""Requests to a server or a command line, and their answers."""

import json
from dataclasses import dataclass
from email.message import Message


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, sent byte for byte as it stands here.

    Attributes:
        chunked: Send the body with Transfer-Encoding instead of Content-Length.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; status 0 stands for a connection closed without an answer.

    Attributes:
        headers: Names in lower case.
        followed: What the server answers at the Location of a 308, else None.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    followed: "Answer | None" = None

    def header(self, name: str) -> str | None:
        """Return the first header of this name, None where there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), None)

    def content_type(self) -> tuple[str, dict[str, str]]:
        """Return the media type in lower case and its parameters."""
        message = Message()
        message["Content-Type"] = self.header("content-type") or "none/none"
        parameters = message.get_params() or []
        return message.get_content_type(), {key.lower(): value for key, value in parameters[1:]}

    def json(self) -> object:
        """Return the parsed body, None where the body is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def message(self) -> str:
        """Return the text under the key `message`, empty where there is none."""
        parsed = self.json()
        text = parsed.get("message") if isinstance(parsed, dict) else None
        return text if isinstance(text, str) else ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The results of a command that has ended.

    Attributes:
        exit_code: None where the command was stopped: it served, or was at its time limit.
        serving: Whether it answered requests.
        said: Standard output, then standard error.
        files: Name relative to the output directory, and content.
    """

    exit_code: int | None
    serving: bool
    said: str
    files: tuple[tuple[str, bytes], ...]
