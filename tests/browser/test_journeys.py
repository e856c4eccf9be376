"""Journeys of readers through the page, by what they see: labels, buttons, texts."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tests.support.models import ONE_WORKER
from tests.support.serving import Server, serve

pytest.importorskip("playwright", reason="make browser installs it")

from playwright.sync_api import expect

from tests.support.browser import picture, send_example, visit

TEMPLATES = Path(__file__).parents[2] / "model_templates"
CANCER = TEMPLATES / "xgboost_binary"
HEADER, *ROWS = (CANCER / "sample.csv").read_text().splitlines()
SAMPLE_ANSWER = re.compile(r"0\.996|0\.0037")
"""The chance of either label for the first row of the sample."""

LANGUAGES = ("curl", "Python", "JavaScript")


def tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_first_look(browser: Any, cancer: Server) -> None:
    with visit(browser, cancer.url) as page:
        expect(page.get_by_role("heading", name="Breast cancer, XGBoost")).to_be_visible()
        expect(page.get_by_text("diagnosis (binary)")).to_be_visible()
        expect(page.get_by_role("heading", name="Columns (30)")).to_be_visible()
        picture(page, "first-look")
    with visit(browser, f"{cancer.url}/ui/#Live") as page:
        expect(page.get_by_role("tab", name="Live")).to_have_attribute("aria-selected", "true")


def test_a_row_is_tried_and_explained(browser: Any, cancer: Server) -> None:
    with visit(browser, cancer.url) as page:
        tab(page, "Try it")
        press(page, "Predict")
        expect(page.get_by_text("benign")).to_be_visible()
        expect(page.get_by_role("heading", name="Why")).to_be_visible()
        before = page.get_by_role("img").get_attribute("aria-label")
        page.get_by_role("textbox", name="worst concave points").fill("0.25")
        press(page, "Predict")
        expect(page.get_by_role("img")).not_to_have_attribute("aria-label", before)
        expect(page.get_by_text("worst concave points = 0.25")).to_be_visible()
        picture(page, "try-a-row", whole=True)
        press(page, "Fill with the sample")
        expect(page.get_by_role("textbox", name="worst concave points")).not_to_have_value("0.25")


def test_a_wrong_cell_is_marked(browser: Any, cancer: Server) -> None:
    wrong = ROWS[1].split(",")
    wrong[3] = "many"
    with visit(browser, cancer.url) as page:
        tab(page, "Try it")
        page.get_by_label("Rows, as CSV or JSON").fill(
            "\n".join([HEADER, *[ROWS[0]] * 400, ",".join(wrong), ROWS[0]])
        )
        press(page, "Predict these rows")
        cell = page.get_by_title("This cell is wrong.")
        expect(cell).to_be_in_viewport()
        expect(cell).to_have_text("many")
        expect(page.get_by_text("'mean area' holds text in row 401")).to_be_visible()
        page.get_by_role("heading", name="Answer").scroll_into_view_if_needed()
        picture(page, "wrong-cell")


def test_a_file_of_ten_thousand_rows(browser: Any, cancer: Server, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([HEADER, *(ROWS[at % len(ROWS)] for at in range(10_000))]))
    with visit(browser, cancer.url) as page:
        tab(page, "Try it")
        page.get_by_label("or a file of CSV, JSON, Parquet or Arrow").set_input_files(path)
        expect(page.get_by_text("10000 rows.")).to_be_visible()
        table = page.get_by_role("region", name="Predictions")
        table.evaluate("element => { element.scrollTop = element.scrollHeight; }")
        page.get_by_role("button", name="Show row 10000", exact=True).click()
        expect(page.get_by_role("heading", name="Row 10000")).to_be_visible()
        expect(page.get_by_role("heading", name="Why")).to_be_visible()
        table.scroll_into_view_if_needed()
        picture(page, "many-rows")


def test_intervals_are_bars(browser: Any, tmp_path: Path) -> None:
    hooks = (
        "import pandas as pd\n"
        "def load_model(code_dir):\n    return 'model'\n"
        "def score(data, model, **kwargs):\n"
        "    return pd.DataFrame({'Predictions': data['a'] * 2.0})\n"
        "def prediction_intervals(data, model):\n"
        "    return pd.DataFrame({'lower': data['a'] * 2.0 - 1, 'upper': data['a'] * 2.0 + 3})\n"
    )
    (tmp_path / "custom.py").write_text(hooks)
    (tmp_path / "sample.csv").write_text("a\n21\n")
    with (
        serve(tmp_path, "--target-type", "regression", *ONE_WORKER) as server,
        visit(browser, server.url) as page,
    ):
        tab(page, "Try it")
        press(page, "Predict")
        expect(page.get_by_text("Between 41 to 45; the prediction is 42.")).to_be_visible()


@contextmanager
def load(server: Server) -> Iterator[None]:
    """Send rows, good and bad ones, as long as the block lasts."""
    is_over = Event()

    def ask() -> None:
        while not is_over.wait(0.02):
            server.csv(f"{HEADER}\n{ROWS[0]}\n")
            server.csv("x\n1\n")

    thread = Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_live_plots_under_load(browser: Any, cancer: Server) -> None:
    with load(cancer), visit(browser, cancer.url) as page:
        tab(page, "Live")
        expect(page.get_by_text("drum 200")).to_be_visible()
        expect(page.get_by_text("drum 422")).to_be_visible()
        rate = page.locator("div", has_text="Requests a second").locator("b").first
        for _ in range(4):
            page.wait_for_event("response", lambda reply: reply.url.endswith("/live"))
        expect(rate).not_to_have_text("0")
        assert page.locator("canvas").count() == 4
        picture(page, "live")


def upload(page: Any, name: str, path: Path) -> None:
    page.get_by_label("Model file, or a zip of a model directory").set_input_files(path)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Target").select_option("binary")
    page.get_by_label("Labels").fill("benign, malignant")
    press(page, "Upload")


def test_a_newcomer_uploads_tries_and_promotes_a_model(browser: Any, store: Server) -> None:
    with visit(browser, store.url) as page:
        expect(page.get_by_text("There is no model yet.")).to_be_visible()
        upload(page, "cancer", CANCER / "model.ubj")
        expect(page.get_by_text("cancer, version 1, is ready")).to_be_visible()
        upload(page, "cancer", CANCER / "model.ubj")
        expect(page.get_by_text("cancer, version 2, is ready")).to_be_visible()
        press(page, "Compare on the sample")
        expect(page.get_by_role("columnheader", name="Difference")).to_be_visible()
        press(page, "Promote version 2")
        expect(page.get_by_text("cancer serves version 2.")).to_be_visible()
        picture(page, "promote")
        press(page, "Roll back to version 1")
        expect(page.get_by_text("cancer is rolled back to version 1.")).to_be_visible()
        tab(page, "Try it")
        press(page, "Predict")
        expect(page.get_by_text("malignant", exact=True)).to_be_visible()


def test_a_file_that_is_no_model_is_told_so(browser: Any, store: Server, tmp_path: Path) -> None:
    path = tmp_path / "model.ubj"
    path.write_bytes(b"no model")
    with visit(browser, store.url) as page:
        upload(page, "broken", path)
        expect(page.get_by_text("Not stored:")).to_be_visible()


def test_a_reader_logs_in_and_sees_what_its_scopes_allow(browser: Any, guarded: Server) -> None:
    with visit(browser, guarded.url) as page:
        field = page.get_by_label("Passphrase, API key or token")
        field.fill("wrong")
        press(page, "Log in")
        expect(page.get_by_text("This credential is not known here.")).to_be_visible()
        shown = {
            "watcher": ["Model", "Live", "Models", "Decisions"],
            "asker": ["Try it"],
            "boss": ["Model", "Try it", "Live", "Models", "Decisions"],
        }
        for who, parts in shown.items():
            field.fill(f"key-{who}")
            press(page, "Log in")
            expect(page.get_by_text(who, exact=True)).to_be_visible()
            expect(page.get_by_role("tab")).to_have_text(parts)
            if who == "watcher":
                tab(page, "Models")
                expect(
                    page.get_by_role("heading", name="Breast cancer, XGBoost").last
                ).to_be_visible()
                expect(page.get_by_role("button", name="Upload")).to_have_count(0)
            press(page, "Forget my credential")
        expect(field).to_be_visible()


def test_a_stranger_behind_a_proxy_may_only_look(browser: Any, store: Server) -> None:
    headers = {"X-Forwarded-For": "192.0.2.1"}
    with visit(browser, store.url, extra_http_headers=headers) as page:
        expect(page.get_by_role("tab")).to_have_text(["Live", "Models"])
        expect(page.get_by_text("There is no model yet.")).to_be_visible()
        expect(page.get_by_role("button", name="Upload")).to_have_count(0)


def test_a_file_is_a_cell(browser: Any, tmp_path: Path) -> None:
    _, _, second, *_ = (TEMPLATES / "media" / "sample.csv").read_text().splitlines()
    path = tmp_path / "cell"
    path.write_bytes(base64.b64decode(second))
    with (
        serve(TEMPLATES / "media", *ONE_WORKER) as server,
        visit(browser, server.url) as page,
    ):
        chances = server.csv(f"image\n{second}\n").json()["predictions"][0]
        tab(page, "Try it")
        page.get_by_role("button", name="image").set_input_files(path)
        with page.expect_response(lambda reply: "/try" in reply.url) as reply:
            press(page, "Predict")
        found = reply.value.json()

    values = [value for (value,) in found["values"]]
    assert dict(zip(found["outputs"], values, strict=True)) == chances


def test_a_credential_is_kept_nowhere(browser: Any, guarded: Server) -> None:
    with visit(browser, guarded.url) as page:
        page.get_by_label("Passphrase, API key or token").fill("key-boss")
        press(page, "Log in")
        expect(page.get_by_role("tab", name="Model", exact=True)).to_be_visible()
        kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
        assert "key-boss" not in kept + page.content() + str(page.context.storage_state())
        page.reload()
        expect(page.get_by_label("Passphrase, API key or token")).to_be_visible()


def test_chat(browser: Any) -> None:
    with (
        serve(
            TEMPLATES / "text_generation", *ONE_WORKER, env={"TARGET_NAME": "completion"}
        ) as server,
        visit(browser, server.url) as page,
    ):
        tab(page, "Try it")
        page.get_by_label("Your message").fill("The model")
        press(page, "Send")
        talk = page.get_by_role("log")
        expect(talk.get_by_text("The model", exact=True)).to_be_visible()
        expect(talk.locator("p").last).not_to_have_text("…")
        picture(page, "chat")


@pytest.mark.parametrize("language", LANGUAGES)
def test_copied_requests_work(browser: Any, cancer: Server, language: str) -> None:
    with visit(browser, cancer.url) as page:
        tab(page, "Try it")
        page.get_by_label("Language").select_option(language)
        contracts = page.get_by_label("Contract").locator("option").all_inner_texts()
        codes = []
        for name in contracts:
            page.get_by_label("Contract").select_option(name)
            codes.append(page.get_by_label("The request").inner_text())
        answers = dict(zip(contracts, run(page, language, codes), strict=True))

    assert len(contracts) >= 10
    wrong = [(name, text) for name, text in answers.items() if not SAMPLE_ANSWER.search(text)]
    assert wrong == []


def test_copied_requests_ask_for_the_credential(browser: Any, guarded: Server) -> None:
    with visit(browser, guarded.url) as page:
        page.get_by_label("Passphrase, API key or token").fill("key-boss")
        press(page, "Log in")
        tab(page, "Try it")
        expect(page.get_by_label("Contract")).to_have_value("DRUM, CSV")
        answers = []
        for language in LANGUAGES:
            page.get_by_label("Language").select_option(language)
            code = page.get_by_label("The request").inner_text()
            assert "key-boss" not in code
            code = code.replace("your credential", "key-boss")
            answers += run(page, language, [code])

    assert all(SAMPLE_ANSWER.search(text) for text in answers)
    assert len(answers) == len(LANGUAGES)


def run(page: Any, language: str, codes: list[str]) -> list[str]:
    """Return the output of each of some copied requests."""
    if language == "JavaScript":
        show = "console.log(await reply.json());"
        bodies = [code.replace(show, "return reply.text();") for code in codes]
        return [str(page.evaluate(f"(async () => {{ {body} }})()")) for body in bodies]
    mark, program = ("echo @@", "bash") if language == "curl" else ("print('@@')", sys.executable)
    command = [program, "-c", f"\n{mark}\n".join(codes)]
    env = {**os.environ, "TOKEN": "key-boss"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
    return done.stdout.split("@@")


def test_the_api_page_sends_an_example(browser: Any, cancer: Server) -> None:
    with visit(browser, f"{cancer.url}/docs") as page:
        send_example(page)
        picture(page, "docs")
