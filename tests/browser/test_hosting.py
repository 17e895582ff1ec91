"""The public server in Chromium: its policy breaks nothing, no request leaves it, cookies are Streamlit's own."""

from urllib.parse import urlsplit

import pytest

from tests.support.visitor import served
from ui.navigation import pages

PAGES = {"": ".st-key-gradient-profile .js-plotly-plot", "compare": ".st-key-compare-profile .js-plotly-plot",
         "sweep": ".js-plotly-plot", "runs": ".js-plotly-plot", "papers": "h1",
         "lecture": ".js-plotly-plot", "present": "h1"}  # fmt: skip


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
def test_a_page_keeps_to_the_policy_and_to_this_server(page, hosted, settled, path):
    said, asked, failed = [], [], []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("response", lambda response: response.ok or failed.append(urlsplit(response.url).path))
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))
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
