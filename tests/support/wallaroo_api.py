"""The Wallaroo contract as its callers use it: JSON posts, uploads, inference; and tiny models."""

import base64
import io
import json
import time
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

import onnx
import onnx.helper
import onnx.numpy_helper
import pyarrow as pa
from onnx import TensorProto

from tests.support.http_calls import Part, Reply, call, form
from tests.support.serving import Server

SDK = "WallarooSDK/2026.1.3"
ARROW = "application/vnd.apache.arrow.file"
RECORDS = "application/json; format=pandas-records"
FLAT = "dataset%5B%5D=%2A&dataset.exclude%5B%5D=metadata&dataset.separator=."
"""The parameters that the SDK sends with every inference."""

READY_TIMEOUT_S = 60.0

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Api:
    """A server's contract.

    Attributes:
        server: The server.
        workspace: Where models go.
        agent: The User-Agent of all calls.
    """

    server: Server
    workspace: int = 1
    agent: str = "curl/8"

    def post(self, path: str, content: Any = None, body: bytes | str | None = None) -> Reply:
        """POST a JSON object, or a body as it is, below /v1/api."""
        sent = json.dumps({} if content is None else content) if body is None else body
        headers = {"Content-Type": "application/json", "User-Agent": self.agent}
        return call(self.server.url, "POST", f"/v1/api/{path}", body=sent, headers=headers)

    def got(self, path: str, **content: Any) -> Any:
        """Return the JSON that a POST answers with 200."""
        reply = self.post(path, content)
        assert reply.status == 200, reply.text
        return reply.json()

    def refused(self, path: str, content: Any = None, body: bytes | str | None = None) -> int:
        """Return the status of a refusal, which has the contract's form."""
        reply = self.post(path, content, body)
        answer = reply.json()
        assert answer.keys() == {"msg", "code"}
        assert answer["code"] == reply.status
        assert isinstance(answer["msg"], str)
        return reply.status

    def in_new_workspace(self, agent: str | None = None) -> "Api":
        """Return the same server with a workspace of its own."""
        name = f"w{next(_NUMBERS)}-{time.monotonic_ns()}"
        found = self.got("workspaces/create", workspace_name=name)["workspace_id"]
        return Api(self.server, found, agent or self.agent)

    def as_sdk(self) -> "Api":
        """Return the same workspace as the SDK sees it."""
        return Api(self.server, self.workspace, SDK)

    def metadata(self, name: str, framework: str = "onnx", **more: Any) -> dict[str, Any]:
        """Return the metadata of an upload."""
        conversion = {"framework": framework, "requirements": [], "python_version": "3.8"}
        return {
            "name": name,
            "visibility": "private",
            "workspace_id": self.workspace,
            "conversion": conversion,
            **more,
        }

    def send(self, route: str, parts: Iterable[Part]) -> Reply:
        """POST a multipart form to an upload route."""
        body, kind = form(*parts)
        headers = {"Content-Type": kind, "User-Agent": self.agent}
        path = f"/v1/api/models/{route}"
        return call(self.server.url, "POST", path, body=body, headers=headers)

    def upload(
        self,
        metadata: Mapping[str, Any],
        content: bytes,
        file_name: str = "model.onnx",
        route: str = "upload",
    ) -> Reply:
        """Upload a file."""
        return self.send(route, (_described(metadata), _file(content, file_name)))

    def stored(self, name: str, content: bytes | None = None) -> int:
        """Return the id of a version that an ONNX file became."""
        reply = self.upload(self.metadata(name), sums() if content is None else content)
        assert reply.status == 200, reply.text
        return version_id(reply)

    def converted(
        self, metadata: Mapping[str, Any], content: bytes, file_name: str
    ) -> dict[str, Any]:
        """Return a version, as the API nests it, once it is checked."""
        reply = self.upload(metadata, content, file_name, "upload_and_convert")
        assert reply.status == 202, reply.text
        return self.checked(version_id(reply))

    def checked(self, version: int) -> dict[str, Any]:
        """Return a version, as the API nests it, once its check has ended."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.version(version)
            if found["status"] in ("ready", "error"):
                return found
            time.sleep(0.1)
        raise AssertionError(f"version {version} is not checked after {READY_TIMEOUT_S} s")

    def version(self, version: int) -> dict[str, Any]:
        """Return a version as the API nests it."""
        answer = self.got("models/get_version_by_id", model_version_id=version)
        found: dict[str, Any] = answer["model_version"]["model_version"]
        return found

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the versions of all models of a name."""
        found: list[dict[str, Any]] = self.got("models/list_versions", model_id=name)
        return found

    def configure(self, version: int, **fields: Any) -> dict[str, Any]:
        """Return a configuration that was set."""
        answer = self.got("models/insert_model_config", model_version_id=version, **fields)
        found: dict[str, Any] = answer["model_config"]
        return found

    def deploy(self, pipeline: str, *versions: int) -> str:
        """Return the path on which a new pipeline over versions infers."""
        steps = [{"ModelInference": {"models": [_named(self.version(one))]}} for one in versions]
        made = self.got(
            "pipelines/create",
            pipeline_id=pipeline,
            workspace_id=self.workspace,
            definition={"id": pipeline, "steps": steps},
        )
        deployed = self.got(
            "pipelines/deploy",
            deploy_id=pipeline,
            pipeline_version_pk_id=made["pipeline_variant_pk_id"],
        )
        return f"{pipeline}-{deployed['id']}/{pipeline}"

    def infer(self, where: str, rows: Any, query: str = FLAT, accept: str | None = None) -> Reply:
        """Infer rows: a list for pandas records, a table for Arrow, bytes as they are."""
        is_table = isinstance(rows, pa.Table)
        body = to_arrow(rows) if is_table else rows if isinstance(rows, bytes) else json.dumps(rows)
        headers = {"Content-Type": ARROW if is_table else RECORDS, "User-Agent": self.agent}
        if accept is not None:
            headers["Accept"] = accept
        path = f"/v1/api/pipelines/infer/{where}" + (f"?{query}" if query else "")
        return call(self.server.url, "POST", path, body=body, headers=headers)


def version_id(reply: Reply) -> int:
    """Return the id deep inside the answer to an upload."""
    found: int = reply.json()["insert_models"]["returning"][0]["models"][0]["id"]
    return found


def to_arrow(table: pa.Table) -> bytes:
    """Return a table as an Arrow file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def from_arrow(reply: Reply) -> pa.Table:
    """Return the table of an answer."""
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == ARROW
    return pa.ipc.open_file(pa.py_buffer(reply.body)).read_all()


def schema(*fields: tuple[str, pa.DataType]) -> str:
    """Return a schema as the contract carries it."""
    return base64.b64encode(bytes(pa.schema(fields).serialize())).decode()


@cache
def sums(factor: float = 1.0, width: int = 3) -> bytes:
    """Return an ONNX model: the sum of some numbers, times a factor."""
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=1),
            onnx.helper.make_node("Mul", ["sum", "factor"], ["variable"]),
        ],
        "sums",
        [onnx.helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])],
        [onnx.helper.make_tensor_value_info("variable", TensorProto.FLOAT, [None, 1])],
        [
            onnx.helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
            onnx.helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor]),
        ],
    )
    opset = onnx.helper.make_opsetid("", 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    written: bytes = model.SerializeToString()
    return written


@cache
def areas() -> bytes:
    """Return an ONNX model of two inputs of a column each, one of whole numbers: their product."""
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Cast", ["n"], ["m"], to=TensorProto.FLOAT),
            onnx.helper.make_node("Mul", ["width", "m"], ["area"]),
            onnx.helper.make_node("Identity", ["n"], ["echo"]),
        ],
        "areas",
        [
            onnx.helper.make_tensor_value_info("width", TensorProto.FLOAT, [None, 1]),
            onnx.helper.make_tensor_value_info("n", TensorProto.INT64, [None, 1]),
        ],
        [
            onnx.helper.make_tensor_value_info("area", TensorProto.FLOAT, [None, 1]),
            onnx.helper.make_tensor_value_info("echo", TensorProto.INT64, [None, 1]),
        ],
    )
    opset = onnx.helper.make_opsetid("", 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    written: bytes = model.SerializeToString()
    return written


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """Return a zip of files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _described(metadata: Mapping[str, Any]) -> Part:
    return Part("metadata", json.dumps(metadata), None, "application/json")


def _file(content: bytes, file_name: str) -> Part:
    return Part("file", content, file_name, "application/octet-stream")


def _named(version: Mapping[str, Any]) -> dict[str, str]:
    info = version["file_info"]
    return {"name": version["name"], "version": info["version"], "sha": info["sha"]}
