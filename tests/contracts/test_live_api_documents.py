"""/openapi.json with the columns of the model, whose examples work, and the API page at /docs."""

import json
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support.models import ONE_WORKER, REG
from tests.support.serving import Server, serve

TEMPLATES = Path(__file__).parents[2] / "model_templates"
VENDOR = files("drum_like.contracts.ui").joinpath("static", "vendor")


def examples(document: dict[str, Any]) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield contract, path, media type and body of each example of the model's rows."""
    for path, item in document["paths"].items():
        post = item.get("post", {})
        named = {p["name"]: p.get("example", "") for p in post.get("parameters", ())}
        for name, value in named.items():
            path = path.replace(f"{{{name}}}", quote(str(value)))  # noqa: PLW2901 - filled in
        for kind, media in post.get("requestBody", {}).get("content", {}).items():
            for name, example in media.get("examples", {}).items():
                body = example["value"]
                text = body if isinstance(body, str) else json.dumps(body)
                if name.startswith("model."):
                    yield name.removeprefix("model."), path, kind, text.encode()


@pytest.mark.parametrize(
    ("template", "least"),
    [
        pytest.param("xgboost_binary", 12, id="columns-of-the-artifact"),
        pytest.param("lightgbm_multiclass", 12, id="multiclass"),
        pytest.param("custom_hooks", 10, id="columns-of-its-sample"),
    ],
)
def test_every_example_works_when_it_is_sent(template: str, least: int) -> None:
    with serve(TEMPLATES / template, *ONE_WORKER) as server:
        document = server.get("/openapi.json").json()
        found = list(examples(document))
        replies = [server.post(path, body, kind) for _, path, kind, body in found]

    assert not list(OpenAPIV31SpecValidator(document).iter_errors())
    assert len({contract for contract, *_ in found}) >= 8
    assert len(found) >= least
    wrong = [
        (one[:3], reply.status, reply.headers.get("X-Scoring-Contract"))
        for one, reply in zip(found, replies, strict=True)
        if reply.status != 200 or reply.headers.get("X-Scoring-Contract") != one[0]
    ]
    assert not wrong


def test_models_of_a_catalog_are_named_in_the_examples(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(TEMPLATES / "xgboost_binary")
    flags = ("--models", str(tmp_path), "--default-model", "one")
    with serve(None, *flags, *ONE_WORKER) as server:
        found = list(examples(server.get("/openapi.json").json()))
        named = [one for one in found if one[1] == "/models/one/predict/"]
        replies = [server.post(path, body, kind).status for _, path, kind, body in named]

    assert replies == [200]


def test_the_columns_of_the_model_have_their_types() -> None:
    with serve(TEMPLATES / "xgboost_binary", *ONE_WORKER) as server:
        document = server.get("/openapi.json").json()

    row = document["components"]["schemas"]["model.Row"]["properties"]
    body = document["paths"]["/predict/"]["post"]["requestBody"]["content"]["application/json"]
    assert row["mean radius"] == {"type": ["number", "null"]}
    assert {"type": "array", "items": {"$ref": "#/components/schemas/model.Row"}} in (
        body["schema"]["anyOf"]
    )
    assert body["examples"]["model.drum"]["value"][0]["mean radius"] == 13.9


def test_a_model_that_tells_no_columns_is_described_without(reg: Server) -> None:
    document = reg.get("/openapi.json").json()

    assert "model.Row" not in document["components"]["schemas"]
    assert "/predict/" in document["paths"]


def test_the_api_page_loads_from_this_server_alone(reg: Server) -> None:
    bare, page = reg.get("/docs"), reg.get("/docs/")

    assert (bare.status, bare.headers["Location"]) == (308, "docs/")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "//" not in page.body.decode().replace("<!doctype", "")


def test_a_file_is_not_sent_twice(reg: Server) -> None:
    first = reg.get("/ui/docs.js")
    again = reg.get("/ui/docs.js", If_None_Match=first.headers["ETag"])

    assert first.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        "../page.py",
        "..%2fpage.py",
        "vendor",
        "vendor/",
        "vendor/../docs.js",
        "none.js",
        "%00",
        "page.py",
    ],
)
def test_there_are_no_other_files(reg: Server, name: str) -> None:
    assert reg.get(f"/ui/{name}").status == 404


def test_without_pages_there_are_none(tmp_path: Path) -> None:
    with serve(REG.write(tmp_path), *REG.flags, *ONE_WORKER, "--no-ui") as server:
        statuses = [server.get(path).status for path in ("/docs", "/docs/", "/ui/docs.js")]
        log = server.log()

    assert statuses == [404, 404, 404]
    assert "in a browser" not in log


def test_what_others_made_is_as_it_was_published() -> None:
    listed = json.loads(VENDOR.joinpath("vendored.json").read_text("utf-8"))

    there = {one.name for one in VENDOR.iterdir()} - {"vendored.json"}
    assert there == {one["file"] for one in listed} | {
        name for one in listed for name in one["licence_files"]
    }
    for one in listed:
        assert one["version"]
        assert one["licence"]
        assert sha256(VENDOR.joinpath(one["file"]).read_bytes()).hexdigest() == one["sha256"]
