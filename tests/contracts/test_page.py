"""The page of the model: its files, and the routes that it asks."""

import gzip
import io
import json
import math
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

from tests.support.models import ONE_WORKER, REG, served
from tests.support.more_models import UNSTRUCTURED
from tests.support.serving import Server, serve

TEMPLATES = Path(__file__).parents[2] / "model_templates"
STATIC = files("drum_like.contracts.ui").joinpath("static")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
MOST_BYTES = 300_000
CANCER = TEMPLATES / "xgboost_binary"
ROWS = (CANCER / "sample.csv").read_text()

below = served(REG, *ONE_WORKER, "--url-prefix", "/a/b")


@pytest.fixture(scope="module")
def cancer() -> Iterator[Server]:
    with serve(CANCER, *ONE_WORKER) as server:
        yield server


def own_files() -> list[str]:
    return [one.name for one in STATIC.iterdir() if one.is_file()]


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html;q=0, */*"])
def test_programs_get_what_drum_answers(reg: Server, accept: str | None) -> None:
    reply = reg.get("/") if accept is None else reg.get("/", Accept=accept)

    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(reply.body)["message"] == "OK"


def test_browsers_get_the_page(reg: Server) -> None:
    front, page = reg.get("/", Accept=BROWSER), reg.get("/ui/")

    assert front.headers["Content-Type"] == page.headers["Content-Type"]
    assert front.body == page.body.replace(b"<head>", b'<head>\n<base href="ui/">')
    assert reg.get("/ui").headers["Location"] == "ui/"


def test_the_page_stands_below_a_prefix(below: Server) -> None:
    assert f"in a browser: {below.url}/a/b/" in below.log()
    assert b"app.js" in below.get("/a/b/", Accept=BROWSER).body
    assert below.get("/a/b/ui/app.js").status == 200
    assert below.get("/a/b/ui/api/model").status == 200


def test_its_policy_lets_nothing_else_in(reg: Server) -> None:
    policy = reg.get("/ui/").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy


@pytest.mark.parametrize("name", own_files())
def test_our_files_name_no_other_host_and_make_no_html(name: str) -> None:
    text = STATIC.joinpath(name).read_text("utf-8").replace("http://www.w3.org/2000/svg", "")

    assert not re.search(r"https?://|['\"(]//", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
    assert not re.search(r"localStorage|sessionStorage|document\.cookie|indexedDB", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=\"", text)


def test_its_files_are_small() -> None:
    parts = [STATIC.joinpath(name) for name in own_files() if not name.startswith("docs.")]
    parts += [one for one in STATIC.joinpath("vendor").iterdir() if one.name.startswith("uPlot")]

    assert sum(len(gzip.compress(one.read_bytes())) for one in parts) <= MOST_BYTES


def test_it_is_told_what_the_model_is(cancer: Server) -> None:
    found = cancer.get("/ui/api/model").json()

    assert (found["name"], found["framework"]) == ("Breast cancer, XGBoost", "xgboost")
    assert found["target"]["labels"] == ["benign", "malignant"]
    assert found["sample"]["mean radius"] == 13.9
    assert [column["name"] for column in found["columns"]] == list(found["sample"])


def test_a_model_that_predicts_no_rows_has_no_sample(tmp_path: Path) -> None:
    directory = UNSTRUCTURED.write(tmp_path)
    with serve(directory, *UNSTRUCTURED.flags, *ONE_WORKER, env=UNSTRUCTURED.env) as server:
        found = server.get("/ui/api/model").json()

    assert found["sample"] is None
    assert found["can"]["unstructured"]


def parquet() -> bytes:
    body = io.BytesIO()
    pd.read_csv(io.StringIO(ROWS)).to_parquet(body)
    return body.getvalue()


def records() -> bytes:
    return pd.read_csv(io.StringIO(ROWS)).to_json(orient="records").encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(ROWS.encode(), "text/csv", id="csv"),
        pytest.param(records(), "application/json", id="json"),
        pytest.param(parquet(), "application/vnd.apache.parquet", id="parquet"),
    ],
)
def test_rows_of_each_format_are_tried(cancer: Server, body: bytes, kind: str) -> None:
    found = cancer.post("/ui/api/try", body, kind).json()
    same = cancer.post("/predict/", body, kind).json()["predictions"]

    rows = zip(*found["values"], strict=True)
    answers = [dict(zip(found["outputs"], row, strict=True)) for row in rows]
    assert answers == same
    assert found["outputs"] == ["benign", "malignant"]
    assert float(found["cells"][0][0]) == 13.9
    assert "contributions" not in found


def test_contributions_add_up_to_the_prediction(cancer: Server) -> None:
    row = json.dumps([cancer.get("/ui/api/model").json()["sample"]])
    found = cancer.post("/ui/api/try?explain=1", row, "application/json").json()

    (group,) = found["contributions"]["groups"]
    assert len(group["values"][0]) == len(found["contributions"]["features"]) + 1
    chance = found["values"][1][0]
    assert sum(group["values"][0]) == pytest.approx(math.log(chance / (1 - chance)), abs=1e-5)


def test_a_wrong_cell_is_told_with_the_rows(cancer: Server) -> None:
    header, first, *_ = ROWS.splitlines()
    cells = first.split(",")
    wrong = ",".join([*cells[:2], "abc", *cells[3:]])
    reply = cancer.post("/ui/api/try", f"{header}\n{first}\n{wrong}", "text/csv")

    found = reply.json()
    assert reply.status == 422
    assert (found["row"], found["column"]) == (1, "mean perimeter")
    assert found["cells"][2][1] == "abc"
    assert "abc" not in found["message"]


def test_a_request_is_given_for_each_contract_that_is_on() -> None:
    flags = (*ONE_WORKER, "--contracts", "ui,drum,h2o", "--url-prefix", "/p")
    with serve(CANCER, *flags) as server:
        sample = json.dumps(server.get("/p/ui/api/model").json()["sample"])
        reply = server.post("/p/ui/api/requests", sample, "application/json")
        found = reply.json()["requests"]
        statuses = [
            server.post(f"/p/{one['path']}", one["body"], one["media_type"]).status for one in found
        ]

    assert {one["contract"] for one in found} == {"drum", "h2o"}
    assert len({one["title"] for one in found}) == len(found) == 3
    assert statuses == [200, 200, 200]


def test_the_figures_are_those_of_all_workers(cancer: Server) -> None:
    before = cancer.get("/ui/api/live").json()
    cancer.csv(ROWS)
    after = cancer.get("/ui/api/live").json()

    assert after["rows"] - before["rows"] == len(ROWS.splitlines()) - 1
    assert after["workers"] == 1
    assert after["memory"] > 0
    assert {"contract": "drum", "status": "200"}.items() <= next(
        one for one in after["requests"] if one["contract"] == "drum"
    ).items()
    assert all(one["contract"] != "ui" for one in after["requests"])


def test_without_credentials_a_reader_behind_a_proxy_may_change_nothing(tmp_path: Path) -> None:
    with serve(CANCER, "--store", str(tmp_path), *ONE_WORKER) as server:
        here = server.get("/ui/api/may/predict").json()
        there = server.get("/ui/api/may/predict", X_Forwarded_For="192.0.2.1").json()
        log = server.get("/ui/api/decisions", X_Forwarded_For="192.0.2.1").status

    assert (here["scopes"], here["is_known"]) == (["admin", "observe", "predict", "probe"], True)
    assert (there["scopes"], there["is_known"]) == (["observe", "predict", "probe"], False)
    assert log == 403
