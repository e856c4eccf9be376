"""Uploads: a form whose file goes to the disk while it arrives, or a body that is the file.

They are checked at once, or stored at once and checked in the background.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Request, Response, request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.formparser import FormDataParser

from drum_like.contracts.wallaroo.fields import JsonObject, check_file_name
from drum_like.contracts.wallaroo.management import frameworks, serializers
from drum_like.contracts.wallaroo.management.context import WorkspaceLookup, caller
from drum_like.contracts.wallaroo.management.metadata import Metadata
from drum_like.errors import PayloadError, UploadError
from drum_like.http.requests import FileLimit, limited_form
from drum_like.http.wire import json_response
from drum_like.registry.uploads import Uploads
from drum_like.store.entities import Version
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


def longest(uploads: Uploads) -> int:
    """Return the limit of a body with a file."""
    most = uploads.max_mb * 1024 * 1024 + _MOST_METADATA if uploads.max_mb else sys.maxsize
    return most if uploads.folder is None else FileLimit(most, uploads.folder)


@contextmanager
def received_form(request: Request, receive: Receive) -> Iterator[UploadForm]:
    """Parse the form; the uploaded file is deleted at the end of the block unless it was stored.

    Raises:
        PayloadError: the body is no such form.
        SizeError: the file is larger than allowed.
        StoreError: the disk does not take it.
        BodyError: the body does not arrive as its headers say.
        LongFormError: it has too many parts, or a field that is too long.
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
            with limited_form():
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


@dataclass(frozen=True, slots=True)
class UploadViews:
    """The views that take files.

    Attributes:
        lookup: Where they go.
    """

    lookup: WorkspaceLookup

    def upload(self) -> Response:
        """Store a version that is ready when the answer comes, or register an image."""
        with received_form(request, self.lookup.registry.uploads.receive) as form:
            metadata = _metadata(form)
            if form.file is None and metadata.image_path is not None:
                return json_response(serializers.uploaded(self._image(metadata)))
            file, name = _file(form)
            if not metadata.framework.is_sync:
                raise UploadError(
                    f"the framework {metadata.framework.name!r} needs a conversion; send it to "
                    "models/upload_and_convert"
                )
            return json_response(serializers.uploaded(self._checked(metadata, file, name)))

    def upload_and_convert(self) -> Response:
        """Store a version that becomes ready later, or does not; its status tells."""
        with received_form(request, self.lookup.registry.uploads.receive) as form:
            metadata = _metadata(form)
            file, name = _file(form)
            frameworks.check_runs(metadata.framework)
            version = self.lookup.registry.uploads.accept(metadata.version(name, caller()), file)
            return json_response(serializers.uploaded(version), 202)

    def upload_stream(self) -> Response:
        """Store a version whose file is the whole body, or a part of an older kind of form."""
        receive = self.lookup.registry.uploads.receive
        if is_form(request):
            with received_form(request, receive) as form:
                file, name = _file(form)
                metadata = Metadata.of_query(_parameters(request.args, form.fields), name)
                return json_response(serializers.uploaded(self._checked(metadata, file, name)))
        query = _parameters(request.args)
        name = check_file_name(query.text("filename"))
        metadata = Metadata.of_query(query, name)
        with received_body(request, receive) as file:
            return json_response(serializers.uploaded(self._checked(metadata, file, name)))

    def _checked(self, metadata: Metadata, file: Incoming, name: str) -> Version:
        frameworks.check_runs(metadata.framework)
        return self.lookup.registry.uploads.accept_checked(metadata.version(name, caller()), file)

    def _image(self, metadata: Metadata) -> Version:
        path = metadata.image_path or ""
        if not path or not path.isprintable() or len(path) > 1024:
            raise PayloadError("field `image_path` must name a container image")
        return self.lookup.registry.uploads.register_image(metadata.version(None, caller()), path)


def _parameters(*sources: MultiDict[str, str]) -> JsonObject:
    """Return parameters as one object; `label` may be given again and again."""
    content: dict[str, Any] = {}
    for source in sources:
        content |= source.to_dict()
    labels = [label for source in sources for label in source.getlist("label")]
    return JsonObject(content | {"labels": labels})


def _metadata(form: UploadForm) -> Metadata:
    text = form.fields.get("metadata")
    if text is None:
        raise PayloadError("missing part `metadata`")
    return Metadata.parse(text)


def _file(form: UploadForm) -> tuple[Incoming, str]:
    if form.file is None or form.file_name is None:
        raise PayloadError("missing part `file`, with a file name")
    return form.file, form.file_name
