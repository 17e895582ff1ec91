"""A real server and a real Chromium for the tests of this folder."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.checkout import HOUSE

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# As root Chromium starts only without its sandbox. The others keep it from calling hosts of its own.
CHROMIUM_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
START_LIMIT = 60  # seconds; a start takes about 3 on two idle cores


def pytest_collection_modifyitems(items):
    # One worker runs them all: they share one server and one browser.
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(url):
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as response:
            return response.status == 200
    except OSError:
        return False


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of the dashboard, served from this checkout with its own settings for as long as the tests run."""
    port, log = _free_port(), tmp_path_factory.mktemp("server") / "log"
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address=127.0.0.1",
               f"--server.port={port}", "--server.headless=true", "--server.fileWatcherType=none"]  # fmt: skip
    # Settings of the developer's own shell must not reach the server under test.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("STREAMLIT_", "GRADIENT_LAB_"))}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=HOUSE, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_LIMIT
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium, driven by Playwright; the test is skipped where one of them is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if chromium is None:
        pytest.skip(f"no Chromium here: none of {', '.join(CHROMIUM_NAMES)} is on the path")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A fresh tab of its own, 1440 pixels wide; nothing is remembered from one test to the next."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def tab(browser):
    """Opens fresh tabs of some width and theme, which know nothing of each other; all are closed in the end."""
    contexts = []

    def new(width=1440, theme="light"):
        viewport = {"width": width, "height": 1000}
        context = browser.new_context(viewport=viewport, color_scheme=theme, reduced_motion="reduce")
        context.set_default_timeout(60_000)
        contexts.append(context)
        return context.new_page()

    yield new
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def settled():
    """A function that waits until the page's script has run to its end and has stayed so for half a second."""

    def wait(page, timeout=60):
        still = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"
        page.wait_for_selector(still, timeout=1000 * timeout)
        page.wait_for_timeout(500)
        page.wait_for_selector(still, timeout=1000 * timeout)

    return wait
