"""A file as the request of an unstructured model, and its answer as the bytes of a file."""

from urllib.parse import parse_qsl

from drum_like.cli.input_file import input_path
from drum_like.config.settings import Settings
from drum_like.inference.service import Service
from drum_like.types.payload import Payload

CONTENT_TYPE = "text/plain; charset=utf8"
"""The content type that DRUM gives to a file; the charset's spelling is DRUM's."""

NOTHING = "Return value from prediction is: None (NULL in R)"
"""The output for a hook that returned None."""


def unstructured_answer(settings: Settings, service: Service) -> bytes:
    """Return the model's answer to the input file.

    The hook gets the query as a plain dict: the last value of a name wins, blank ones are dropped.

    Raises:
        DrumLikeError: scoring failed.
    """
    payload = request(input_path(settings).read_bytes(), settings.content_type or CONTENT_TYPE)
    context = {"query": dict(parse_qsl(settings.query or ""))}
    found = service.predict_unstructured(payload, context)
    return NOTHING.encode() if found.value is None else found.body


def request(body: bytes, content_type: str) -> Payload:
    """Return a body with the media type and the charset of a content type."""
    media_type, _, parameters = content_type.partition(";")
    charset = None
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"') or None
    mimetype = media_type.strip()
    return Payload(body, mimetype.lower(), charset, None, mimetype)
