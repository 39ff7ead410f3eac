"""`python -m dashboards` as a process, and the Loop page as a person sees it."""

import contextlib
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, sync_playwright

from schemas.settings import Settings, port_variable
from tests.dashboards.builders import V2
from tests.dashboards.story import LENGTH, tell
from tests.e2e.browser import CHROMIUM, QUIET
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, until


def run(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dashboards"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_a_busy_port_costs_one_line_and_exit_code_2() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run({port_variable("dashboard"): str(port)})
    assert result.returncode == 2
    assert result.stderr == f"dashboard: port {port} is taken; set DRIFTLOOP_DASHBOARD_PORT to a free one\n"


def test_a_bad_port_costs_one_line_and_exit_code_2() -> None:
    result = run({port_variable("dashboard"): "door"})
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)


@pytest.fixture(scope="module")
def address(warehouse: Settings, warehouse_environment: dict[str, str]) -> Iterator[str]:
    """The dashboard over the story."""
    tell(warehouse, datetime.now(UTC) - LENGTH)
    port = free_port()
    variables = {**os.environ, **warehouse_environment, port_variable("dashboard"): str(port)}
    process = subprocess.Popen([sys.executable, "-m", "dashboards"], env=variables, stdout=subprocess.DEVNULL)
    try:
        _wait_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    until(lambda: _answers(url) or process.poll() is not None)
    if process.poll() is not None:
        raise RuntimeError("the dashboard did not start")


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=PATIENCE_S):
        return True
    return False


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    """The Loop page, drawn."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1500})
            page.set_default_timeout(PATIENCE_S * 1000)
            page.goto(address)
            page.get_by_text(f"Promoted: {V2}").first.wait_for()
            page.locator(".stVegaLiteChart svg").first.wait_for()
            yield page
        finally:
            browser.close()


def _after_a_refresh(page: Page) -> None:
    shown = page.locator(".dl-live").inner_text()
    page.wait_for_function("old => document.querySelector('.dl-live').innerText !== old", arg=shown)


@pytest.mark.browser
@pytest.mark.warehouse
def test_the_loop_page_shows_the_promotion_and_the_roll_back(page: Page) -> None:
    text = page.inner_text("body")
    assert f"Promoted: {V2}" in text
    assert f"{V2} served 154 s after the breach" in text
    assert "Rolled back: prompt-guard-v3" in text


@pytest.mark.browser
@pytest.mark.warehouse
def test_what_a_person_opened_stays_open_over_a_refresh(page: Page) -> None:
    page.locator(".dl-step summary", has_text=f"Promoted: {V2}").click()
    page.locator(".stExpander > details > summary").first.click()
    page.evaluate("document.querySelector('.stVegaLiteChart svg').setAttribute('data-seen', '')")
    _after_a_refresh(page)
    _after_a_refresh(page)
    assert page.locator(".dl-step[open]").count() == 1
    assert "SELECT * FROM rollouts FINAL" in page.locator(".dl-step[open]").inner_text()
    assert page.locator(".stExpander > details").first.get_attribute("open") is None
    assert page.locator(".stVegaLiteChart svg[data-seen]").count() == 1, "the chart was drawn anew"
