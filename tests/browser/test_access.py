"""The page for everybody: axe, keyboards, phones, dark rooms."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import Server

pytest.importorskip("playwright", reason="make browser installs it")

from playwright.sync_api import expect

from tests.support.browser import PHONE, WIDE, picture, serious, visit

CANCER = Path(__file__).parents[2] / "model_templates" / "xgboost_binary"
ROWS = (CANCER / "sample.csv").read_text()
PARTS = ("Model", "Try it", "Live", "Models", "Decisions")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [pytest.param(WIDE, id="wide"), pytest.param(PHONE, id="phone")])
def test_axe_finds_nothing_serious(
    browser: Any, guarded: Server, scheme: str, size: dict[str, int]
) -> None:
    with visit(browser, guarded.url, size=size, color_scheme=scheme) as page:
        expect(page.get_by_label("Passphrase, API key or token")).to_be_visible()
        found = {"Log in": serious(page)}
        page.get_by_label("Passphrase, API key or token").fill("key-boss")
        page.get_by_role("button", name="Log in").click()
        for part in PARTS:
            page.get_by_role("tab", name=part, exact=True).click()
            expect(page.get_by_role("heading", level=2).first).to_be_visible()
            if part == "Try it":
                page.get_by_role("button", name="Predict", exact=True).click()
                expect(page.get_by_role("heading", name="Why")).to_be_visible()
            found[part] = serious(page)
            assert is_as_wide_as_the_window(page), part
        page.get_by_role("tab", name="Try it", exact=True).click()
        page.get_by_label("Rows, as CSV or JSON").fill(ROWS)
        page.get_by_role("button", name="Predict these rows").click()
        expect(page.get_by_role("region", name="Predictions")).to_be_visible()
        found["many rows"] = serious(page)
        assert is_as_wide_as_the_window(page)
        picture(page, f"{scheme}-{size['width']}")

    assert {part: faults for part, faults in found.items() if faults} == {}


def is_as_wide_as_the_window(page: Any) -> bool:
    """Return whether nothing but tables and code scrolls sideways."""
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    return bool(page.evaluate(wide))


def test_the_keyboard_alone_does_it(browser: Any, cancer: Server) -> None:
    with visit(browser, cancer.url) as page:
        first = page.get_by_role("tab", name="Model", exact=True)
        expect(first).to_be_visible()
        while page.evaluate("document.activeElement.getAttribute('role')") != "tab":
            page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Try it")).to_be_focused()
        while page.evaluate("document.activeElement.tagName") != "INPUT":
            page.keyboard.press("Tab")
        page.keyboard.type("1")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Why")).to_be_visible()
