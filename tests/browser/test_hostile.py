"""Hostile visitors and hostile links, in a real Chromium: nothing of it runs."""

import urllib.error
import urllib.request
from urllib.parse import quote

import pytest

SMALL = "depth=1&width=2&steps=2&samples=8"  # a run that takes no time
# Each would run, were it taken for HTML, for Markdown, for an address, or for the markup of a chart.
SCRIPTS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "<svg onload=alert(3)>",
    "</script><script>alert(4)</script>",
    "[x](javascript:alert(5))",
    "<a href='javascript:alert(6)'>x</a>",
    "\"><iframe srcdoc='<script>alert(7)</script>'>",
)
# What a text has become besides text; two scripts of our own stand beside the page.
MADE = """() => [...document.querySelectorAll('[data-testid=stMain] :is(img, iframe, script, object, embed),'
  + '[data-testid=stSidebar] :is(img, iframe, script), a[href^="javascript" i], [onerror], [onload]')]
  .filter((made) => !(made.tagName === 'SCRIPT' && made.closest('.st-key-beside-page'))).length"""


@pytest.fixture
def visit(page, server, settled):
    """Opens a page; whatever it is used for, no dialog opens, no script is refused or fails, no other host is asked."""
    dialogs, errors, outside = [], [], []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: errors.append(str(error)))
    own = (server, server.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else outside.append(request.url))

    def opened(path):
        page.goto(server + path)
        settled(page, 120)
        return page

    yield opened
    assert page.evaluate(MADE) == 0
    assert (dialogs, errors, outside) == ([], [], [])


@pytest.mark.slow
def test_a_script_in_a_header_a_cell_and_a_file_name_is_text(visit, settled):
    page = visit(f"/?dataset=custom&{SMALL}")
    upload = page.locator(".st-key-table_file input[type=file]")
    for script in SCRIPTS:
        quoted = script.replace('"', '""')
        rows = "".join(f'{n},{n % 3},"{quoted}{n % 2}"\n' for n in range(12))
        name = script.replace("/", "∕") + ".csv"  # a file's name has no slash
        upload.set_input_files({"name": name, "mimeType": "text/csv", "buffer": f'"{quoted}",b,c\n{rows}'.encode()})
        page.locator(".st-key-gradient-profile .main-svg").first.wait_for()
        settled(page)
        assert page.locator("[data-testid=stSidebar]").get_by_text(script.strip('">')[:6]).count()
        assert page.evaluate(MADE) == 0
        upload.set_input_files({"name": name, "mimeType": "text/csv", "buffer": b"one\n1\n"})
        page.locator("[data-testid=stAlert]").first.wait_for()
        settled(page)
        assert page.evaluate(MADE) == 0


@pytest.mark.slow
def test_scripts_in_an_address_are_text_on_every_page(visit):
    names = ("activation", "paper")
    everything = "&".join(f"{quote(name)}={quote(script)}" for script in SCRIPTS for name in (*names, script))
    for path in ("/", "/compare", "/sweep", "/papers", "/lecture"):
        page = visit(f"{path}?{SMALL}&{everything}")
        assert page.locator("[data-testid=stAlert]").count() > 0
        assert page.evaluate(MADE) == 0


@pytest.mark.slow
def test_scripts_in_the_names_of_arms_are_text_in_cards_charts_and_tables(visit, settled):
    arms = ",".join(
        f"{quote(script[:36], safe='')}~{name}"
        for script, name in zip(SCRIPTS, ("relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu"), strict=True)
    )
    page = visit(f"/compare?{SMALL}&seeds=1&arms={quote(arms)}")
    page.locator(".st-key-compare-profile .main-svg").first.wait_for()
    page.locator(".st-key-compare-profile .nsewdrag").first.hover()
    page.get_by_text("Edit arms").click()
    settled(page)
    assert SCRIPTS[1] in page.locator(".arm-cards").inner_text()
    assert page.locator(".st-key-compare-profile .legendtext").nth(1).text_content().startswith(SCRIPTS[1][:20])


def put(server, path, body):
    """The server's answer to a body that no page of it would send."""
    request = urllib.request.Request(f"{server}{path}", data=body, method="PUT", headers={"Content-Type": "text/csv"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except (ConnectionError, urllib.error.URLError):  # closed before the whole of it was sent
        return 413


@pytest.mark.slow
def test_an_upload_that_no_page_asked_for_is_refused(server):
    assert put(server, "/_stcore/upload_file/nobody/nothing", b"1,2\n" * 100) in (400, 403)
    assert put(server, "/_stcore/upload_file/nobody/nothing", b"1,2\n" * 25_000_000) in (400, 403, 413)
    with urllib.request.urlopen(f"{server}/_stcore/health", timeout=30) as answer:
        assert answer.status == 200


@pytest.mark.slow
def test_the_page_refuses_a_file_far_beyond_the_limit_by_its_size(visit, settled, tmp_path):
    page = visit(f"/?dataset=custom&{SMALL}")
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(130_000_000)
    page.locator(".st-key-table_file input[type=file]").set_input_files(large)
    page.get_by_text("File must be").first.wait_for()
    settled(page)
    assert page.locator("h1").inner_text() == "Choose a table"


@pytest.mark.slow
def test_a_table_that_a_toolbar_saves_holds_no_formula(visit):
    arms = quote("=cmd|' /C calc'!A0".replace("=", "%3D") + "~relu,@SUM(A1)~tanh")
    page = visit(f"/compare?{SMALL}&seeds=1&arms={arms}")
    # A plain download: the page would else open the system's own window for a file's name.
    page.evaluate("() => { window.showSaveFilePicker = undefined; }")
    frame = page.locator("[data-testid=stDataFrame]").first
    frame.scroll_into_view_if_needed()
    frame.hover()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as CSV").first.click()
    lines = waiting.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["'=cmd|' /C calc'!A0", "'@SUM(A1)"]
