"""Hostile names and cells, other hosts, prefixes and proxies."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

pytest.importorskip("playwright", reason="make browser installs it")

from playwright.sync_api import expect

from tests.support.browser import send_example, visit

CANCER = Path(__file__).parents[2] / "model_templates" / "xgboost_binary"
HOSTILE = "<img src=x onerror=\"document.title='hit'\">'`${1}</script>"
HOOKS = """
import pandas as pd

def load_model(code_dir):
    return "model"

def score(data, model, **kwargs):
    return pd.DataFrame({"Predictions": [1.5] * len(data)})
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Server]:
    """A model whose name, description and columns are HTML."""
    (tmp_path / "custom.py").write_text(HOOKS)
    named = json.dumps(HOSTILE)
    (tmp_path / "model-metadata.yaml").write_text(
        f"name: {named}\ndescription: {named}\ntype: inference\ntargetType: regression\n"
        f"inferenceModel:\n  targetName: {named}\n"
    )
    cell = '"' + HOSTILE.replace('"', '""') + '"'
    (tmp_path / "sample.csv").write_text(f"{cell},b\n{cell},2\n")
    with serve(tmp_path, *ONE_WORKER) as server:
        yield server


def test_names_and_cells_stay_text(browser: Any, hostile: Server) -> None:
    with visit(browser, hostile.url) as page:
        expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
        page.get_by_role("tab", name="Try it").click()
        page.get_by_role("button", name="Predict", exact=True).click()
        expect(page.get_by_text("1.5")).to_be_visible()
        page.get_by_label("Rows, as CSV or JSON").fill(json.dumps([{HOSTILE: HOSTILE}] * 3))
        page.get_by_role("button", name="Predict these rows").click()
        expect(page.get_by_role("region", name="Predictions")).to_contain_text(HOSTILE)
        page.get_by_role("tab", name="Live").click()
        expect(page.get_by_text("Models in memory")).to_be_visible()
        assert page.title() == f"{HOSTILE} - model server"
        assert page.locator("img").count() == 1
        assert page.evaluate("document.querySelectorAll('[onerror]').length") == 0


def test_the_api_page_does_not_run_what_names_say(browser: Any, hostile: Server) -> None:
    with visit(browser, f"{hostile.url}/docs/") as page:
        page.locator("h3", has_text="drum: predictions").click()
        page.locator(".opblock-summary-control").first.click()
        expect(page.locator(".opblock-body").first).to_contain_text("onerror")
        assert page.evaluate("document.querySelectorAll('[onerror]').length") == 0
        assert page.title() == "API of this server"


@contextmanager
def proxy(url: str, path: str) -> Iterator[str]:
    """Give the address of a proxy that serves a server below a path."""
    to = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            backend = HTTPConnection(to, timeout=30)
            headers = {n: v for n, v in self.headers.items() if n.lower() != "connection"}
            backend.request(self.command, self.path.removeprefix(path), body, headers)
            reply = backend.getresponse()
            content = reply.read()
            self.send_response_only(reply.status)
            for name, value in reply.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            backend.close()

        do_GET = do_POST = forward  # noqa: N815 - the names that the base class calls

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{path}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("prefix", ["", "/models/cancer"])
def test_it_works_below_a_path_of_a_proxy(browser: Any, prefix: str) -> None:
    flags = ("--url-prefix", prefix) if prefix else ()
    with (
        serve(CANCER, *flags, *ONE_WORKER) as server,
        proxy(server.url, "/behind/here") as outside,
    ):
        for path in ("/", "/ui", "/ui/"):
            with visit(browser, outside + prefix + path) as page:
                page.get_by_role("tab", name="Try it").click()
                page.get_by_role("button", name="Predict", exact=True).click()
                expect(page.get_by_role("heading", name="Why")).to_be_visible()
                expect(page.get_by_label("The request")).to_contain_text(
                    f"{outside}{prefix}/predict/"
                )
        with visit(browser, f"{outside}{prefix}/docs") as page:
            send_example(page)


def test_several_models_are_chosen_by_name(browser: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(CANCER, tmp_path / name)
    with (
        serve(None, "--models", str(tmp_path), *ONE_WORKER) as server,
        visit(browser, server.url) as page,
    ):
        page.get_by_label("Model", exact=False).first.select_option("two")
        page.get_by_role("tab", name="Try it").click()
        page.get_by_role("button", name="Predict", exact=True).click()
        expect(page.get_by_role("heading", name="Why")).to_be_visible()
        page.get_by_label("Contract").select_option("KServe V1")
        expect(page.get_by_label("The request")).to_contain_text("v1/models/two:predict")
