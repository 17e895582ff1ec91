"""Pages within a frame of another site, cookies blocked: no navigation, no scrolling, and the way to the full page."""

import re
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.support.visitor import served

SVG = " .js-plotly-plot .main-svg"
PICTURES = {
    "": f".st-key-gradient-profile{SVG}",
    "compare": f".st-key-compare-profile{SVG}",
    "sweep": f".st-key-sweep-map{SVG}",
    "lecture": f".st-key-lecture-contours{SVG}",
    "lecture?section=network": f".st-key-lecture-network{SVG}",
    "lecture?section=error": f".st-key-lecture-error{SVG}",
    "lecture?section=sigmoid": f".st-key-lecture-sigmoid{SVG}",
    "lecture?section=fill": ".st-key-blanks",
    "lecture?section=chain": "[role=tabpanel] .katex-display",
    "lecture?section=numbers&exercise=17": ".st-key-numbered",
    "lecture?section=steps&walk=20x1": f".st-key-exercise-errors{SVG}",
    "lecture?section=vanishing": f".st-key-stack-product{SVG}",
    "lecture?section=cures": f".st-key-cure-activation{SVG}",
    "papers": f".st-key-paper-nielsen_ch5-0{SVG}",
    "papers?paper=glorot_2010&figure=6": f".st-key-paper-glorot_2010-5{SVG}",
    "runs": f".st-key-run-profile{SVG}",
    "runs?beside=dead_cnn": f".st-key-run-profile-beside{SVG}",
}
OTHERS = {
    "lecture?section=path": "text=Present it",
    "present?lesson=lesson-20&scene=1": ".st-key-present iframe",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder and the address of another site; "localhost" and "127.0.0.1" are two sites to a browser."""
    folder = tmp_path_factory.mktemp("site")
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://localhost:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def hosted(site):
    """The public server, which allows that site to show it, and the one that allows none."""
    with served(GRADIENT_LAB_FRAME_ANCESTORS=site[1]) as server:
        yield server.url


@pytest.fixture
def framed(page, site, hosted):
    """Opens a page of the dashboard within a page of the other site, where the browser keeps no cookie of it."""
    folder, address = site

    def visit(query, width, height):
        (folder / "index.html").write_text(
            f'<!doctype html><title>course</title><iframe src="{hosted}/{query}" width="{width}" height="{height}" '
            'style="border: 0"></iframe>'
        )
        page.goto(f"{address}/index.html")
        frame = page.frame_locator("iframe")
        return frame, next(frame for frame in page.frames if frame != page.main_frame)

    return visit


@pytest.mark.slow
@pytest.mark.parametrize("path", PICTURES)
def test_a_page_in_a_frame_shows_its_picture_whole_without_scrolling(framed, settled, path):
    _, frame = framed(f"{path}{'&' if '?' in path else '?'}embed=true", 640, 400)
    frame.wait_for_selector(PICTURES[path], timeout=120_000)
    settled(frame, 90)
    check_whole(frame, 400)
    frame.page.locator("iframe").evaluate("frame => { frame.width = 800; frame.height = 600; }")
    frame.wait_for_function("() => innerHeight === 600")
    settled(frame, 90)
    check_whole(frame, 600)
    for hidden in ("[data-testid=stSidebar]", "[data-testid=stTopNavLink]", ".st-key-glossary"):
        assert not frame.locator(hidden).first.is_visible()
    link = frame.get_by_role("link", name="Open the full page")
    assert link.is_visible() and "embed" not in link.get_attribute("href")
    assert frame.page.context.cookies() == []


def check_whole(frame, height):
    main = frame.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollHeight - e.clientHeight") <= 1
    assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    room = frame.locator(".st-key-frame-picture")
    assert room.bounding_box()["height"] > 0.5 * height
    assert room.evaluate("e => e.scrollHeight - e.clientHeight") <= 1


@pytest.mark.slow
@pytest.mark.parametrize("path", OTHERS)
def test_every_other_page_is_shown_in_a_frame_without_its_navigation(framed, settled, path):
    _, frame = framed(f"{path}&embed=true", 800, 600)
    frame.wait_for_selector(OTHERS[path], timeout=120_000)
    settled(frame, 90)
    assert not frame.locator("[data-testid=stTopNavLink]").first.is_visible()
    assert frame.evaluate("(m => m.scrollWidth - m.clientWidth)(document.querySelector('[data-testid=stMain]'))") <= 0
    assert frame.locator("[data-testid=stException]").count() == 0
    assert frame.page.context.cookies() == []


def test_controls_in_a_frame_work_are_hidden_or_fixed_and_words_can_be_off(framed, settled):
    _, frame = framed("?embed=true&depth=3&hide=init_scale&lock=depth&text=off", 640, 400)
    frame.wait_for_selector(PICTURES[""], timeout=120_000)
    settled(frame, 90)
    assert frame.locator(".st-key-init_scale").count() == 0
    assert (
        frame.locator(".st-key-depth input").is_disabled() and frame.locator(".st-key-depth input").input_value() == "3"
    )
    assert frame.locator("h2").count() == 0
    frame.locator(".st-key-activation [data-testid=stSelectbox] input").click()
    frame.get_by_role("option", name="ReLU", exact=True).click()
    settled(frame, 90)
    assert "activation=relu" in frame.evaluate("location.search")
    assert "hide=init_scale" in frame.evaluate("location.search")


def test_controls_of_a_lecture_section_are_hidden_or_fixed_in_a_frame_and_answers_are_checked(framed, settled):
    _, frame = framed("lecture?section=vanishing&embed=true&hide=stack_layers&lock=stack_scale", 800, 600)
    frame.wait_for_selector(PICTURES["lecture?section=vanishing"], timeout=120_000)
    settled(frame, 90)
    assert frame.locator(".st-key-stack_layers").count() == 0
    assert frame.locator(".st-key-stack_scale [role=slider][disabled], .st-key-stack_scale input:disabled").count() == 1
    assert frame.locator("h2").inner_text() == "Why it vanishes"
    _, frame = framed("lecture?section=numbers&exercise=17&embed=true&text=off", 640, 400)
    frame.wait_for_selector(".st-key-numbered", timeout=120_000)
    assert frame.locator("h2").count() == 0
    field = frame.locator(".st-key-mine_0 input")
    field.fill("0.123")
    field.press("Enter")
    frame.get_by_role("alert").wait_for()
    assert "mine=0.123" in frame.evaluate("decodeURIComponent(location.search)")


@pytest.mark.slow
def test_a_site_that_the_operator_has_not_named_sees_nothing(page, site):
    folder, address = site
    with served() as server:
        (folder / "index.html").write_text(f'<iframe src="{server.url}/?embed=true" width="800" height="600"></iframe>')
        refused = re.compile("frame-ancestors|X-Frame-Options")
        with page.expect_console_message(lambda message: bool(refused.search(message.text))):
            page.goto(f"{address}/index.html")
