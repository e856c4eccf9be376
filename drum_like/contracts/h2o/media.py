"""Uploads: a form with a scoring request and the files that its cells name."""

from flask import Request
from werkzeug.datastructures import FileStorage

from drum_like.contracts.h2o.rows import Files
from drum_like.errors import MediaTypeError, PayloadError

PART = "scoreMediaRequest"
"""The part that holds the scoring request."""

FILES = "files"
"""The parts that hold files; there may be many of that name."""

MOST_PARTS = 10_000
"""Files of one request."""

_ESCAPES = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))


def read_form(request: Request) -> tuple[bytes, Files]:
    """Return the scoring request in a form, and the uploaded files by name.

    Raises:
        MediaTypeError: the body is no form.
        PayloadError: the form has no scoring request, or two files of one name.
    """
    if request.mimetype != "multipart/form-data" or "boundary" not in request.mimetype_params:
        raise MediaTypeError(
            f"media are sent as multipart/form-data: the part {PART!r} with the request as JSON, "
            f"and a part {FILES!r} for each file"
        )
    request.max_form_memory_size = request.max_content_length
    request.max_form_parts = MOST_PARTS
    if PART in request.files:
        body = request.files[PART].stream.read()
    elif PART in request.form:
        body = request.form[PART].encode()
    else:
        raise PayloadError(f"the form has no part {PART!r} with the request as JSON")
    return body, _files(request.files.getlist(FILES))


def _files(parts: list[FileStorage]) -> Files:
    files: dict[str, bytes] = {}
    for part in parts:
        name = _unescaped(part.filename or "")
        if name in files:
            raise PayloadError(f"two files are named {name[:100]!r}; give each a name of its own")
        files[name] = part.stream.read()
    return files


def _unescaped(name: str) -> str:
    """Undo the escapes that browsers and httpx write into names of a form."""
    for escape, character in _ESCAPES:
        name = name.replace(escape, character)
    return name
