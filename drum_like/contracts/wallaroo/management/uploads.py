"""Uploads: checked at once, or stored at once and checked in the background."""

from dataclasses import dataclass
from typing import Any

from flask import Response, request
from werkzeug.datastructures import MultiDict

from drum_like.contracts.wallaroo.fields import JsonObject, check_file_name
from drum_like.contracts.wallaroo.management import frameworks, serializers, upload_form
from drum_like.contracts.wallaroo.management.context import WorkspaceLookup, caller
from drum_like.contracts.wallaroo.management.metadata import Metadata
from drum_like.contracts.wallaroo.management.upload_form import UploadForm
from drum_like.errors import PayloadError, UploadError
from drum_like.http.wire import json_response
from drum_like.store.entities import Version
from drum_like.store.upload_file import Incoming


@dataclass(frozen=True, slots=True)
class UploadViews:
    """The views that take files.

    Attributes:
        lookup: Where they go.
        max_mb: Largest file in MiB, 0 for no limit.
    """

    lookup: WorkspaceLookup
    max_mb: int

    def upload(self) -> Response:
        """Store a version that is ready when the answer comes, or register an image."""
        upload_form.allow_size(request, self.max_mb)
        with upload_form.received_form(request, self.lookup.registry.uploads.receive) as form:
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
        upload_form.allow_size(request, self.max_mb)
        with upload_form.received_form(request, self.lookup.registry.uploads.receive) as form:
            metadata = _metadata(form)
            file, name = _file(form)
            frameworks.check_runs(metadata.framework)
            version = self.lookup.registry.uploads.accept(metadata.version(name, caller()), file)
            return json_response(serializers.uploaded(version), 202)

    def upload_stream(self) -> Response:
        """Store a version whose file is the whole body, or a part of an older kind of form."""
        upload_form.allow_size(request, self.max_mb)
        receive = self.lookup.registry.uploads.receive
        if upload_form.is_form(request):
            with upload_form.received_form(request, receive) as form:
                file, name = _file(form)
                metadata = Metadata.of_query(_parameters(request.args, form.fields), name)
                return json_response(serializers.uploaded(self._checked(metadata, file, name)))
        query = _parameters(request.args)
        name = check_file_name(query.text("filename"))
        metadata = Metadata.of_query(query, name)
        with upload_form.received_body(request, receive) as file:
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
