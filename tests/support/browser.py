"""A real Chromium for tests: Debian's, driven by Playwright, which `make browser` installs."""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDE = {"width": 1180, "height": 800}
PHONE = {"width": 360, "height": 740}
PATIENCE_MS = 60_000

_BUILT = Path("build/pictures")

PICTURES = Path(os.environ.get("DRUM_LIKE_PICTURES", _BUILT))
"""Where the pictures of the documentation go; docs/pictures to renew them."""

_DOCUMENTED = frozenset({"try-a-row", "wrong-cell", "many-rows", "live", "promote"})
_COLOURS = 128


@contextmanager
def started() -> Iterator[Any]:
    """Give a browser without a window."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def visit(browser: Any, url: str, *, size: dict[str, int] = WIDE, **options: Any) -> Iterator[Any]:
    """Give a page of a reader who opens a URL; in the end it has asked no other host, nor failed.

    Args:
        browser: As `started` gives it.
        url: The address.
        size: Of the window.
        options: Of Playwright's contexts, such as `color_scheme`.
    """
    asked: list[str] = []
    faults: list[str] = []
    context = browser.new_context(viewport=size, **options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.extend(_faults(message)))
    page.goto(url)
    yield page
    context.close()
    hosts = {urlsplit(one).netloc for one in asked if not one.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(url).netloc}
    assert not faults


def _faults(message: Any) -> list[str]:
    """Return an error of the console; an answer with an error status is none of the page."""
    is_answer = message.text.startswith("Failed to load resource")
    return [message.text] if message.type == "error" and not is_answer else []


def serious(page: Any) -> list[str]:
    """Return the serious and the critical findings of axe in a page as it stands."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run()")
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def send_example(page: Any) -> None:
    """Send the first example of /predict/ on the API page, and wait for its answer."""
    from playwright.sync_api import expect

    page.locator("h3", has_text="drum: predictions").click()
    page.locator(".opblock-summary-control").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text("malignant")


def picture(page: Any, name: str, *, whole: bool = False) -> None:
    """Keep a picture of a page, in few colours."""
    from PIL import Image

    shot = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    folder = PICTURES if name in _DOCUMENTED else _BUILT
    folder.mkdir(parents=True, exist_ok=True)
    shot.quantize(_COLOURS).save(folder / f"{name}.png", optimize=True)
