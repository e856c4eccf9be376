"""The body of an upload: a multipart form whose file goes to the disk while it arrives."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from flask import Request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.formparser import FormDataParser

from drum_like.contracts.wallaroo.fields import check_file_name
from drum_like.errors import PayloadError
from drum_like.store.upload_file import Incoming

_MULTIPART = "multipart/form-data"
_MOST_METADATA = 8 * 1024 * 1024
_MOST_PARTS = 16
_CHUNK = 1 << 20

Receive = Callable[[], Incoming]
"""Gives a file to write an upload to."""


@dataclass(frozen=True, slots=True)
class UploadForm:
    """The parts of a multipart upload.

    Attributes:
        fields: Its parts that are no files.
        file: The part named `file`; None without it.
        file_name: As the uploader named it.
    """

    fields: MultiDict[str, str]
    file: Incoming | None
    file_name: str | None


def is_form(request: Request) -> bool:
    """Return whether a body is a multipart form."""
    return request.mimetype == _MULTIPART


def longest(max_mb: int) -> int:
    """Return the limit of a body with a file of at most `max_mb` MiB; 0 for a file of any size."""
    return max_mb * 1024 * 1024 + _MOST_METADATA if max_mb else sys.maxsize


def allow_size(request: Request, max_mb: int) -> None:
    """Let the body be as long as an upload may be; 0 for any length."""
    request.max_content_length = longest(max_mb)


@contextmanager
def received_form(request: Request, receive: Receive) -> Iterator[UploadForm]:
    """Parse the form; the uploaded file is deleted at the end of the block unless it was stored.

    Raises:
        PayloadError: the body is no such form.
        SizeError: the file is larger than allowed.
        StoreError: the disk does not take it.
        BodyError: the body does not arrive as its headers say.
    """
    boundary = request.mimetype_params.get("boundary")
    if not is_form(request) or not boundary:
        raise PayloadError("the body must be multipart/form-data with the parts metadata and file")
    with ExitStack() as stack:

        def new_file(*_args: object, **_kwargs: object) -> Incoming:
            return stack.enter_context(receive())

        parser = FormDataParser(
            stream_factory=new_file,  # type: ignore[arg-type] # a raw file is what it needs of IO
            max_form_memory_size=_MOST_METADATA,
            max_form_parts=_MOST_PARTS,
            silent=False,
        )
        options = dict(request.mimetype_params)
        try:
            _, fields, files = parser.parse(
                request.stream, _MULTIPART, request.content_length, options
            )
        except ValueError as error:
            raise PayloadError("the multipart body is broken or cut off") from error
        yield _form(fields, files)


def _form(fields: MultiDict[str, str], files: MultiDict[str, FileStorage]) -> UploadForm:
    metadata = files.get("metadata")
    if metadata is not None and "metadata" not in fields:
        content = metadata.stream.read(_MOST_METADATA)
        fields = MultiDict([*fields.items(multi=True), ("metadata", _text(content))])
    part = files.get("file")
    if part is None:
        return UploadForm(fields, None, None)
    file = part.stream
    assert isinstance(file, Incoming)  # noqa: S101 - the factory above made it
    return UploadForm(fields, file, check_file_name(part.filename or ""))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PayloadError("the part metadata must be UTF-8") from error


@contextmanager
def received_body(request: Request, receive: Receive) -> Iterator[Incoming]:
    """Receive a body that is the file itself; it is deleted after the block unless it was stored.

    Raises:
        SizeError, StoreError, BodyError: as `received_form`.
    """
    with receive() as incoming:
        while chunk := request.stream.read(_CHUNK):
            incoming.write(chunk)
        yield incoming
