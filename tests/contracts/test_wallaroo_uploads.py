"""Uploads over the Wallaroo contract: what is taken, what is refused and leaves nothing behind."""

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pytest
import xgboost

from tests.support.artifacts import content, native_lightgbm, native_xgboost, pickled_xgboost
from tests.support.http_calls import Part, Reply, call
from tests.support.models import ONE_WORKER
from tests.support.serving import serve
from tests.support.wallaroo_api import Api, schema, sums, version_id, zipped

XGBOOST = content(native_xgboost(".ubj"), "model.ubj")
METADATA = "model-metadata.yaml"
DIRECTORY: dict[str, str | bytes] = {
    METADATA: "name: zipped\ntype: inference\ntargetType: regression\n",
    "model.onnx": sums(),
}


@pytest.fixture
def api(store_api: Api) -> Api:
    return store_api.in_new_workspace()


def names(api: Api) -> list[str]:
    return [m["name"] for m in api.got("models/list", workspace_id=api.workspace)["models"]]


def test_uploads_are_answered_with_the_id_of_the_version(api: Api) -> None:  # C01, C02
    first = api.upload(api.metadata("m"), sums())
    second = api.upload(api.metadata("m"), sums(), route="upload_and_convert")

    assert first.status == 200
    assert isinstance(version_id(first), int)
    assert second.status == 202
    assert version_id(second) > version_id(first)
    assert api.checked(version_id(second))["status"] == "ready"


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        *((bad, False) for bad in ("Upper", "under_score", "dot.dot", "-lead", "trail-", "a" * 64)),
        *((bad, False) for bad in ("sp ace", "café", "nl\n", "", "../x", "n" * 10_000)),
        *((good, True) for good in ("a", "a" * 63, "a--b", "m-1", "1abc")),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_names_are_labels_of_the_dns(api: Api, name: str, accepted: bool) -> None:  # C48, C49  # noqa: FBT001 - a table
    reply = api.upload(api.metadata(name), sums())

    assert reply.status == (200 if accepted else 400)
    assert names(api) == ([name] if accepted else [])


@pytest.mark.parametrize("wrong", [None, 5, ["a"]], ids=["null", "number", "list"])
def test_a_name_is_text(api: Api, wrong: object) -> None:
    reply = api.upload({**api.metadata("m"), "name": wrong}, sums())

    assert (reply.status, reply.json()["code"]) == (400, 400)


def test_the_file_may_come_first(api: Api) -> None:  # C58
    parts = (
        Part("file", sums(), "model.onnx"),
        Part("metadata", json.dumps(api.metadata("m")), None, "application/json"),
    )

    assert api.send("upload", parts).status == 200


def test_metadata_is_read_kindly(api: Api) -> None:  # C59
    metadata = api.metadata("m", workspace_id=str(api.workspace), tags=["x"], visibility="public")
    metadata["conversion"]["tensor_fields"] = ["x"]

    reply = api.upload(metadata, sums())

    assert api.version(version_id(reply))["visibility"] == "public"


def test_an_image_is_registered_without_a_file(api: Api) -> None:  # C74
    metadata = api.metadata("image", "mlflow", image_path="registry.example.org/a:1")

    reply = api.send("upload", (Part("metadata", json.dumps(metadata), None),))

    assert reply.status == 200
    found = api.got("models/get_version_by_id", model_version_id=version_id(reply))
    version = found["model_version"]
    assert version["config"]["runtime"] == "mlflow"
    assert version["model_version"]["image_path"] == "registry.example.org/a:1"
    assert version["model_version"]["file_info"]["sha"] == hashlib.sha256(b"").hexdigest()


def test_a_stream_is_an_upload(api: Api) -> None:  # C63
    query = f"name=m&filename=model.onnx&visibility=private&workspace_id={api.workspace}"

    reply = call(
        api.server.url,
        "POST",
        f"/v1/api/models/upload_stream?{query}",
        body=[sums()[:100], sums()[100:]],
        headers={"Content-Type": "application/octet-stream"},
    )

    assert reply.status == 200
    assert api.version(version_id(reply))["status"] == "ready"


def test_a_file_that_begins_like_json_is_no_json(api: Api) -> None:
    """A typed array of UBJSON opens with a bracket that is never closed."""
    data = xgboost.DMatrix(np.arange(8.0).reshape(4, 2), [0, 1, 0, 1])
    booster = xgboost.train({"max_depth": 1}, data, num_boost_round=20)
    file = bytes(booster.save_raw("ubj"))
    query = f"name=m&filename=model.ubj&visibility=private&workspace_id={api.workspace}"
    headers = {"Content-Type": "application/octet-stream"}

    reply = call(
        api.server.url, "POST", f"/v1/api/models/upload_stream?{query}", body=file, headers=headers
    )

    assert (file[:1], file.count(b"[") > 100) == (b"{", True)
    assert reply.status == 200, reply.text


def test_an_older_form_is_a_stream_too(api: Api) -> None:
    fields = {"name": "m", "visibility": "private", "workspace_id": str(api.workspace)}
    parts = [Part(name, value, None) for name, value in fields.items()]

    reply = api.send("upload_stream", (*parts, Part("file", XGBOOST, "m.ubj")))

    assert reply.status == 200
    assert api.version(version_id(reply))["conversion"]["framework"] == "xgboost"


@pytest.mark.parametrize(
    ("framework", "file", "file_name"),
    [
        pytest.param("xgboost", lambda: XGBOOST, "model.ubj", id="xgboost"),
        pytest.param(
            "lightgbm", lambda: content(native_lightgbm(), "model.txt"), "m.txt", id="lightgbm"
        ),
        pytest.param("custom", lambda: zipped(DIRECTORY), "model.zip", id="zip"),
    ],
)
def test_converted_frameworks_become_ready(
    api: Api, framework: str, file: Callable[[], bytes], file_name: str
) -> None:  # C64
    reply = api.upload(api.metadata("m", framework), file(), file_name, "upload_and_convert")
    states = {api.version(version_id(reply))["status"]}

    version = api.checked(version_id(reply))

    kind = "native" if framework == "xgboost" else "container"
    assert states <= {f"pending_load_{kind}", f"attempting_load_{kind}", "ready"}
    assert (version["status"], version["error_summary"]) == ("ready", None)
    assert version["conversion"]["framework"] == framework


def test_what_does_not_load_ends_in_an_error(api: Api) -> None:  # C65, C19
    broken = XGBOOST[: len(XGBOOST) // 2]

    version = api.converted(api.metadata("m", "xgboost"), broken, "model.ubj")

    assert version["status"] == "error"
    assert version["error_summary"]
    assert [row["status"] for row in api.rows("m") if row["id"] == version["id"]] == ["error"]


def _changed(**fields: Any) -> Callable[[Api], Reply]:
    def send(api: Api) -> Reply:
        metadata = api.metadata("bad")
        conversion = {**metadata["conversion"], **fields.pop("conversion", {})}
        return api.upload({**metadata, "conversion": conversion, **fields}, sums())

    return send


def _sent(file: bytes, file_name: str, framework: str = "onnx") -> Callable[[Api], Reply]:
    route = "upload" if framework == "onnx" else "upload_and_convert"
    return lambda api: api.upload(api.metadata("bad", framework), file, file_name, route)


def _parts(*parts: str) -> Callable[[Api], Reply]:
    def send(api: Api) -> Reply:
        known = {
            "file": Part("file", sums(), "m.onnx"),
            "metadata": Part("metadata", json.dumps(api.metadata("bad")), None),
            "text": Part("metadata", "{", None),
        }
        return api.send("upload", [known[part] for part in parts])

    return send


def _zip_with(name: str, mode: int = 0) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, "x")
    return packed.getvalue()


BOMB = zipped({"model.onnx": b"\0" * 50_000_000})

BAD = {
    "no-file": (_parts("metadata"), 400),  # C54
    "no-metadata": (_parts("file"), 400),
    "metadata-no-json": (_parts("file", "text"), 400),
    "framework": (_changed(conversion={"framework": "nope"}), 400),  # C55
    "not-served": (_sent(b"x", "m.pt", "pytorch"), 400),
    "needs-conversion": (_changed(conversion={"framework": "xgboost"}), 400),
    "no-conversion": (
        lambda api: api.upload({**api.metadata("bad"), "conversion": None}, b""),
        400,
    ),
    "schema": (_changed(input_schema="!!"), 400),
    "visibility": (_changed(visibility="everybody"), 400),
    "workspace": (_changed(workspace_id=999_999), 404),  # C56
    "workspace-text": (_changed(workspace_id="one"), 400),
    "no-zip": (_sent(b"nothing", "m.zip", "custom"), 400),  # C73
    "cut-file": (_sent(sums()[:40], "m.onnx"), 400),
    "empty-file": (_sent(b"", "m.onnx"), 400),
    "wrong-suffix": (_sent(XGBOOST, "m.onnx"), 400),
    "other-framework": (_sent(sums(), "m.onnx", "xgboost"), 400),
    "pickle": (_sent(content(pickled_xgboost(), "model.pkl"), "m.pkl", "sklearn"), 400),
    "custom-code": (_sent(zipped({**DIRECTORY, "custom.py": "x = 1"}), "m.zip", "custom"), 400),
    "zip-slip": (_sent(_zip_with("../evil.onnx"), "m.zip", "custom"), 400),
    "zip-absolute": (_sent(_zip_with("/evil.onnx"), "m.zip", "custom"), 400),
    "zip-symlink": (_sent(_zip_with("m.onnx", stat.S_IFLNK | 0o777), "m.zip", "custom"), 400),
    "zip-long-name": (_sent(_zip_with("n" * 10_000), "m.zip", "custom"), 400),
    "zip-bomb": (_sent(BOMB, "m.zip", "custom"), 400),
    "file-name-path": (_sent(sums(), "../../etc/m.onnx"), 400),
    "file-name-absolute": (_sent(sums(), "/etc/m.onnx"), 400),
    "file-name-long": (_sent(sums(), "n" * 10_000 + ".onnx"), 400),
    "too-large": (_sent(b"\x08" * 3_000_000, "m.onnx"), 413),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Path]]:
    """A server that takes files of at most 2 MiB, and the directory of its store."""
    root = tmp_path_factory.mktemp("small-store")
    with serve(None, "--store", str(root), "--max-upload-mb", "2", *ONE_WORKER) as server:
        api = Api(server)
        api.stored("good")
        yield api, root


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
def test_an_upload_may_be_longer_than_other_bodies(tmp_path: Path, *, in_chunks: bool) -> None:
    body = b"not a model" * 200_000
    sent: Any = [body[:70_000], body[70_000:]] if in_chunks else body
    flags = ("--max-body-mb", "1", "--max-upload-mb", "4", *ONE_WORKER)
    query = "name=m&filename=m.onnx&framework=onnx&workspace_id=1"
    with serve(None, "--store", str(tmp_path), *flags) as server:
        uploaded, other = (
            call(server.url, "POST", f"/v1/api/{path}", body=sent)
            for path in (f"models/upload_stream?{query}", "models/list")
        )

    assert uploaded.status == 400
    assert "cut off" not in uploaded.text
    assert (other.status, "--max-body-mb" in other.text) == (413, True)


def test_a_form_of_many_parts_is_told_so(api: Api) -> None:
    reply = api.send("upload", [Part(f"p{at}", "1", None) for at in range(17)])

    assert (reply.status, "more parts" in reply.text) == (413, True)


def _files(root: Path) -> set[str]:
    return {
        os.path.relpath(Path(folder, name), root)
        for folder, _, files in os.walk(root)
        for name in files
        if not name.startswith("store.db")
    }


@pytest.mark.parametrize("case", BAD)
def test_bad_uploads_are_refused_and_leave_nothing(
    small: tuple[Api, Path], case: str
) -> None:  # C57
    api, root = small
    send, status = BAD[case]
    before = _files(root)

    reply = send(api)

    assert (reply.status, reply.json()["code"]) == (status, status), reply.text
    assert names(api) == ["good"]
    assert _files(root) == before
    good = api.infer("good-0/good", [{"x": [1, 2, 3]}])
    assert good.json()[0]["out.variable"] == [6.0]


def test_a_bad_zip_is_refused_in_the_words_that_clients_know(api: Api) -> None:  # C73
    reply = _sent(b"nothing", "m.zip", "custom")(api)

    assert reply.json() == {"msg": "Bad request: Not a valid ZIP file.", "code": 400}


def test_a_body_that_stops_leaves_nothing(small: tuple[Api, Path]) -> None:
    api, root = small
    before = _files(root)

    reply = call(
        api.server.url,
        "POST",
        "/v1/api/models/upload",
        body=b'--x\r\nContent-Disposition: form-data; name="file"; filename="m.onnx"\r\n\r\nabc',
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )

    assert reply.status == 400
    assert _files(root) == before


def test_a_full_disk_refuses_an_upload_and_leaves_nothing(small: tuple[Api, Path]) -> None:
    api, root = small
    before = _files(root)
    workers = psutil.Process(api.server.process.pid).children(recursive=True)
    limits = {worker: worker.rlimit(psutil.RLIMIT_FSIZE) for worker in workers}
    for worker, (_, hard) in limits.items():
        worker.rlimit(psutil.RLIMIT_FSIZE, (1_000_000, hard))

    reply = api.upload(api.metadata("full"), b"\x08" * 1_900_000)

    for worker, limit in limits.items():
        worker.rlimit(psutil.RLIMIT_FSIZE, limit)
    assert (reply.status, reply.json()["code"]) == (507, 507)
    assert reply.json()["msg"].startswith("Insufficient storage")
    assert names(api) == ["good"]
    assert _files(root) == before


def test_parallel_uploads_of_a_new_name_make_one_model(api: Api) -> None:  # C60
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: api.stored("same"), range(8)))

    (model,) = api.got("models/list", workspace_id=api.workspace)["models"]
    rows = api.got("models/list_versions", models_pk_id=model["id"])
    assert len(set(ids)) == 8
    assert {row["id"] for row in rows} == set(ids)
    assert len({row["model_version"] for row in rows}) == 8


def test_schemas_of_an_upload_are_in_force(api: Api) -> None:
    inputs, outputs = schema(("inputs", pa.list_(pa.float32(), 2))), schema(("p", pa.float32()))

    version = api.converted(
        api.metadata("m", "xgboost", input_schema=inputs, output_schema=outputs),
        XGBOOST,
        "model.ubj",
    )

    found = api.got("models/get_version_by_id", model_version_id=version["id"])
    config = found["model_version"]["config"]
    assert (config["input_schema"], config["output_schema"]) == (inputs, outputs)
