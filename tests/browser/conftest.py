"""A real server and a real Chromium for the tests of this folder."""

import itertools
import shutil
from pathlib import Path

import pytest

from tests.support.visitor import served

PICTURES = ("test_pictures.py", "test_other_browsers.py", "test_presenting.py")  # nearly half of the slow tests' time
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# As root Chromium starts only without its sandbox. The others keep it from calling hosts of its own.
CHROMIUM_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    # Two workers run them all, each with one server and one browser. Of 2,000 pages one is looked at while a busy
    # machine still draws it: what fails is tried once more, in a fresh tab, and the report counts it.
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("pictures" if item.path.name in PICTURES else "browser"))
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of the dashboard, served from this checkout with its own settings for as long as the tests run."""
    log = tmp_path_factory.mktemp("server") / "log"
    with served(log, "home.py", STREAMLIT_SERVER_FILE_WATCHER_TYPE="none") as server:
        yield server.url


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


# The server's script has ended, the page shows something of it, and nothing has been drawn for half a second: a page
# that comes from the cache ends on the server before the browser has drawn any of it.
SETTLED = """(question) => {
  const still = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]";
  if (window.question !== question) {
    window.question = question;
    window.lastDrawn = performance.now();
  }
  if (!window.watched) {
    window.watched = true;
    const changes = {subtree: true, childList: true, attributes: true, characterData: true};
    new MutationObserver(() => { window.lastDrawn = performance.now(); }).observe(document, changes);
  }
  return !!document.querySelector(`${still} [data-testid=stElementContainer]`)
    && !document.querySelector("[data-testid=stSkeleton], [data-testid=stAppSkeleton]")
    && performance.now() - window.lastDrawn > 500;
}"""


@pytest.fixture(scope="session")
def settled():
    """A function that waits until a page is drawn to its end and has stayed so for half a second."""

    questions = itertools.count()

    def wait(page, timeout=60):
        page.wait_for_function(SETTLED, arg=next(questions), timeout=1000 * timeout, polling=50)

    return wait


@pytest.fixture
def lecture(tab, server, settled):
    """Opens a section of the Lecture in a fresh tab of some width and theme."""

    def visit(section, query="", width=1440, theme="light"):
        page = tab(width, theme)
        page.goto(f"{server}/lecture?section={section}&{query}")
        settled(page, 120)
        return page

    return visit
