"""The public server in Chromium: its policy breaks nothing, no request leaves it, little moves while a page loads."""

from urllib.parse import urlsplit

import pytest

from tests.support.visitor import served
from ui.navigation import pages

PAGES = {"": ".st-key-gradient-profile .js-plotly-plot", "compare": ".st-key-compare-profile .js-plotly-plot",
         "sweep": ".js-plotly-plot", "runs": ".js-plotly-plot", "papers": "h1",
         "lecture": ".js-plotly-plot", "present": "h1"}  # fmt: skip


MOST = 0.15  # of all layout shifts together; without room for it the sidebar alone makes 0.24
SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifts += entry.value; })
  .observe({ type: 'layout-shift', buffered: true });
"""


@pytest.fixture(scope="module")
def hosted():
    """The address of the dashboard as `make serve` starts it."""
    with served() as server:
        yield server.url


def test_every_page_is_visited_here(monkeypatch):
    monkeypatch.setattr("streamlit.Page", lambda path, **_: path.removeprefix("pages/").removesuffix(".py"))
    assert {"" if name == "lab" else name for name in pages()} == set(PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_a_page_keeps_to_the_policy_and_to_this_server_and_little_moves_while_it_loads(page, hosted, settled, path):
    said, asked, failed = [], [], []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("response", lambda response: response.ok or failed.append(urlsplit(response.url).path))
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.add_init_script(SHIFTS)
    answer = page.goto(f"{hosted}/{path}")
    page.wait_for_selector(PAGES[path], timeout=120_000)
    settled(page, timeout=120)
    assert "content-security-policy" in answer.headers
    # Away from the root, Streamlit looks for its server below the page's own address first.
    assert set(failed) <= {f"/{path}/_stcore/health", f"/{path}/_stcore/host-config"}
    assert all("404" in line for line in said if line.startswith("error"))
    assert sum(line.startswith("error") for line in said) == len(failed)
    assert not [line for line in said if "Content Security Policy" in line]
    here = urlsplit(hosted).netloc
    assert {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))} == {here}
    assert any(url.startswith("ws://") for url in asked)
    assert page.locator("#first-style").count() == 0  # it looks into the whole page at each of its changes
    if path in ("", "compare", "sweep", "runs", "papers"):
        page.wait_for_selector("[data-testid=stMain] .main-svg")
        room = page.locator("[data-testid=stSidebar]").bounding_box()["width"] if path != "papers" else 0
        assert page.locator("[data-testid=stMain]").bounding_box()["x"] == pytest.approx(room, abs=1)
        assert page.evaluate("() => window.shifts") <= MOST


@pytest.mark.slow
def test_a_page_without_a_sidebar_has_the_whole_width_after_one_with_a_sidebar(hosted, page, settled):
    page.goto(f"{hosted}/?depth=1&width=2&steps=1&samples=8")
    settled(page, 120)
    page.get_by_role("link", name="Papers").first.click()
    page.wait_for_url("**/papers*")
    settled(page, 120)
    assert page.locator("[data-testid=stMain]").bounding_box()["x"] == pytest.approx(0, abs=1)


@pytest.mark.slow
def test_there_are_three_cookies_and_a_file_needs_its_token(page, hosted, settled, tmp_path):
    page.goto(f"{hosted}/?dataset=custom")
    settled(page)
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert set(cookies) <= {"_streamlit_xsrf", "_streamlit_session", "lab_browser"}
    assert cookies["_streamlit_xsrf"]["sameSite"] == "Lax"
    asked = []
    page.on("request", lambda request: asked.append(request))
    table = tmp_path / "table.csv"
    table.write_text("a,b,class\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(40)))
    page.locator(".st-key-table_file input[type=file]").set_input_files(table)
    page.wait_for_selector(".st-key-gradient-profile .js-plotly-plot", timeout=60_000)
    (upload,) = [request for request in asked if "/_stcore/upload_file/" in request.url and request.method == "PUT"]
    assert upload.response().ok
    token = upload.headers["x-xsrftoken"]
    assert token
    file = {"name": "x.csv", "mimeType": "text/csv", "buffer": b"1"}
    without = page.request.put(upload.url, multipart={"file": file})
    assert without.status == 403


@pytest.mark.slow
def test_pictures_and_files_can_be_taken_away_under_the_policy(page, hosted, settled):
    said = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.goto(hosted)
    page.wait_for_selector(PAGES[""], timeout=120_000)
    settled(page)
    chart = page.locator(".st-key-gradient-profile")
    chart.hover()
    with page.expect_download() as picture:
        chart.locator("[data-title^='Download plot']").first.click()
    assert picture.value.path().stat().st_size > 5_000
    page.get_by_role("button", name="Share").click()
    with page.expect_download() as settings:
        page.get_by_role("button", name="Settings (JSON)").click()
    assert settings.value.path().stat().st_size > 100
    assert not [line for line in said if line.startswith("error")]
