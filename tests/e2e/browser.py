"""Debian's Chromium, headless, looking at a page as a person would."""

from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.fixtures.waiting import PATIENCE_S

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def text_of_page(url: str, *, until: str, patience_s: float = PATIENCE_S, screenshot: Path | None = None) -> str:
    """Return the visible text of a page once it contains `until`.

    Raises:
        playwright.sync_api.TimeoutError: It never did.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1500})
            page.set_default_timeout(patience_s * 1000)
            page.goto(url)
            page.get_by_text(until).first.wait_for()
            if screenshot is not None:
                page.wait_for_timeout(3000)
                page.screenshot(path=str(screenshot), full_page=True)
            return page.inner_text("body")
        finally:
            browser.close()
