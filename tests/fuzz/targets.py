"""Decoders under attack: each takes any bytes, and may only refuse them as the caller's fault."""

import json
import tempfile
from collections.abc import Callable, Mapping
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.exceptions import HTTPException

from drum_like.api import ArtifactError, Column, Schema
from drum_like.codecs import arrow, mtx, npy, parquet
from drum_like.codecs.csv import codec as csv
from drum_like.codecs.json import forms
from drum_like.codecs.json.decode import known, untouched
from drum_like.codecs.json.document import read
from drum_like.codecs.json.text import is_deeper
from drum_like.config.server_settings import ServerSettings
from drum_like.config.settings import assemble
from drum_like.contracts.open_inference.infer_request import parse_infer_request
from drum_like.contracts.open_inference.rows import frame_of
from drum_like.contracts.wallaroo.inference import rows as wallaroo_rows
from drum_like.contracts.wallaroo.management.context import read_fields
from drum_like.contracts.wallaroo.management.users import claimed
from drum_like.errors import RequestError
from drum_like.http.app import create_app
from drum_like.http.auth import Principal
from drum_like.http.auth.credentials import Issuer
from drum_like.http.auth.tokens import Tokens
from drum_like.http.json_body import JSON_LENGTH
from drum_like.http.requests import WHOLE, CheckedRequest
from drum_like.registry.inspection import Policy, examine
from drum_like.store.archive import Bounds, unpack
from drum_like.store.entities import NewVersion
from drum_like.types.frame import Frame
from drum_like.types.payload import Limits, Payload
from drum_like.types.target import TargetType
from tests.support.artifacts import native_xgboost
from tests.support.issuers import ISSUER, key_set

Target = Callable[[bytes], object]

REFUSALS = (RequestError, HTTPException, ArtifactError)
"""Errors that are answered with a status below 500."""

LIMITS = Limits()
SCHEMA = Schema((Column("a"), Column("b", exact=True), Column("t", "category", ("x", "y"))))
NUMBERS = Schema((Column("0"), Column("1")), named=False)
_CHARSETS = (None, None, None, "utf-8", "latin1", "utf-16")
_ROUTES = (
    ("/predict/", "text/csv"),
    ("/predict/", "text/mtx"),
    ("/predict/", "application/vnd.apache.arrow.stream"),
    ("/predict/", "multipart/form-data; boundary=b"),
    ("/predict/", "application/json"),
    ("/invocations", "application/json"),
    ("/invocate", "application/json"),
    ("/response", "application/json"),
    ("/model/score", "application/json"),
    ("/model/contribution", "application/json"),
    ("/model/media-score", "multipart/form-data; boundary=b"),
    ("/v1/chat/completions", "application/json"),
    ("/predictUnstructured/", "text/plain"),
    ("/predict/", "text/csv", "gzip"),
    ("/predict/", "text/csv", "deflate"),
    ("/predict/", "text/csv", "zstd"),
    ("/predict/", ""),
    ("/predict/", "application/x-npy"),
    ("/predict/", "application/vnd.apache.parquet"),
    ("/v2/models/model/infer", "application/json"),
    ("/invocations", "text/csv; header=absent"),
    ("/invocations", "application/jsonlines"),
    ("/invocations", "application/json"),
)


class ServerFaultError(Exception):
    """An answer with a status that says the fault is ours."""


def _seen(frame: Frame, choice: int) -> object:
    """Look at the rows in one way of four: they are read when they are looked at."""
    if choice == 0:
        return frame.pandas
    if choice == 1:
        return [frame.cells(at) for at in range(min(frame.n_columns, 20))]
    if choice == 2 and frame.columns is not None:
        return SCHEMA.conform(frame)
    return frame.matrix()


def _csv(body: bytes) -> object:
    charset = _CHARSETS[len(body) % len(_CHARSETS)]
    return _seen(csv.decode(Payload(body, charset=charset, limits=LIMITS)), len(body) % 4)


def _csv_rows(body: bytes) -> object:
    """Read CSV that has no header unless it begins with a name."""
    payload = Payload(body, limits=LIMITS)
    return _seen(csv.decode_rows(payload, lambda fields: fields[0] == "a"), len(body) % 4)


def _mtx(body: bytes) -> object:
    return _seen(mtx.decode(Payload(body, "text/mtx", limits=LIMITS)), len(body) % 4)


def _npy(body: bytes) -> object:
    names = ("a", "b", "t") if len(body) % 2 else None
    return _seen(npy.decode(Payload(body, columns=names, limits=LIMITS)), len(body) % 4)


def _arrow(body: bytes) -> object:
    return _seen(arrow.decode(Payload(body, limits=LIMITS)), len(body) % 4)


def _parquet(body: bytes) -> object:
    return _seen(parquet.decode(Payload(body, limits=LIMITS)), len(body) % 4)


def _json_rows(body: bytes) -> object:
    if is_deeper(body, 100):
        return None
    rows = read(body)
    tree = rows.tree
    if not isinstance(tree, list) or not all(isinstance(row, dict) for row in tree) or not tree:
        return None
    if len(body) % 2:
        return _seen(untouched(rows).frame, 0)
    return known(rows, SCHEMA, also_others=len(body) % 3 == 0)


def _json_forms(body: bytes) -> object:
    return _seen(
        forms.decode(Payload(body, forms.JSON.media_types[0], limits=LIMITS)), len(body) % 4
    )


def _json_lines(body: bytes) -> object:
    kind = forms.LINES.media_types[0]
    return _seen(forms.decode_lines(Payload(body, kind, limits=LIMITS)), len(body) % 4)


def _request(body: bytes, content_type: str, path: str = "/", coding: str = "") -> dict[str, Any]:
    environ = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        WHOLE: body,
    }
    return {**environ, "HTTP_CONTENT_ENCODING": coding} if coding else environ


def _wallaroo(content_type: str, body: bytes) -> object:
    return wallaroo_rows.read(CheckedRequest(_request(body, content_type)), LIMITS)


def _tensors(body: bytes) -> object:
    """Read an inference request; two bytes before it are the length of its JSON."""
    content, length = body[2:], int.from_bytes(body[:2], "little")
    environ = _request(content, "")
    if length:
        environ[JSON_LENGTH] = str(length)
    asked = parse_infer_request(CheckedRequest(environ), LIMITS)
    known = (SCHEMA, None, NUMBERS)[len(body) % 3]
    return _seen(frame_of(asked, known), len(body) % 4)


def _fields(body: bytes) -> object:
    fields = read_fields(CheckedRequest(_request(body, "application/json")))
    return fields.optional_text("name"), fields.optional_integer("id"), fields.raw("conf")


@cache
def _tokens() -> Tokens:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-keys-"))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "keys.json").write_text(json.dumps(key_set({"first": key}, "first")))
    principal = Principal("issuer", frozenset())
    return Tokens((Issuer(principal, ISSUER, ("scorer",), str(folder / "keys.json")),))


def _token(body: bytes) -> object:
    shown = body.decode("latin-1")
    if _tokens().owner(shown) is not None:
        raise ServerFaultError("a token that nobody signed is believed")
    return claimed(shown)


def _archive(body: bytes) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "upload"
        path.write_bytes(body)
        unpack(path, Path(folder) / "unpacked", Bounds(bytes=1 << 24))


def _upload(body: bytes) -> object:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "upload"
        path.write_bytes(body)
        suffix = (".onnx", ".json", ".ubj", ".txt", ".zip", "")[len(body) % 6]
        return examine(path, NewVersion(1, "m", f"m{suffix}"), Policy(code=True))


@cache
def _application() -> Callable[[dict[str, Any], Any], Any]:
    """Return the whole application of a real model: all contracts, with their error forms."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-model-")) / "model"
    native_xgboost(".json").model.write(folder)
    given = {"code_dir": folder, "target_type": TargetType.BINARY, "decision_log": "off"}
    labels = {"positive_class_label": "yes", "negative_class_label": "no"}
    return create_app(assemble(ServerSettings, {**given, **labels})).flask.wsgi_app


def _routes(body: bytes) -> object:
    """Send a body to the route that its first byte names."""
    path, content_type, *coding = _ROUTES[body[0] % len(_ROUTES) if body else 0]
    statuses: list[str] = []
    environ = _request(body[1:], content_type, path, *coding)
    answer = b"".join(_application()(environ, lambda status, *_: statuses.append(status)))
    if statuses[0] >= "5" and not statuses[0].startswith("501"):  # a model without that feature
        raise ServerFaultError(f"{path} {content_type} {coding}: {statuses[0]} {answer[:300]!r}")
    return answer


TARGETS: Mapping[str, Target] = {
    "archive": _archive,
    "arrow": _arrow,
    "csv": _csv,
    "csv-rows": _csv_rows,
    "json-forms": _json_forms,
    "json-lines": _json_lines,
    "json-rows": _json_rows,
    "mtx": _mtx,
    "npy": _npy,
    "parquet": _parquet,
    "routes": _routes,
    "tensors": _tensors,
    "token": _token,
    "upload": _upload,
    "wallaroo-arrow": partial(_wallaroo, "application/vnd.apache.arrow.file"),
    "wallaroo-fields": _fields,
    "wallaroo-records": partial(_wallaroo, "application/json"),
}
"""By name; each has a folder of that name in `corpus`."""


def attack(name: str, body: bytes) -> bool:
    """Give bytes to a target; return whether it took them.

    Raises:
        Exception: neither taken nor refused: a finding.
    """
    try:
        TARGETS[name](body)
    except REFUSALS:
        return False
    return True
