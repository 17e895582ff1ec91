"""Every page in Firefox: it is drawn whole, its formulas are valid, and nothing fails or scrolls sideways."""

import pytest

from tests.support.firefox import open_firefox

PAGES = ["", "compare", "sweep", "papers", "lecture", "lecture?section=network", "lecture?section=vanishing"]
STILL = """!!document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]") &&
  !!document.querySelector("[data-testid=stMain] h1") &&
  [...document.querySelectorAll("[data-testid=stPlotlyChart]")]
    .every(chart => chart.querySelector(".js-plotly-plot .main-svg"))"""
EMPTY_CHARTS = """[...document.querySelectorAll(".js-plotly-plot")].filter(plot => !plot.querySelector(
  ".trace, .hm, .heatmaplayer image, .bars, .contour, .gl-canvas, .annotation")).length"""
SIDEWAYS = """(() => { const main = document.querySelector("[data-testid=stMain]");
  return main.scrollWidth - main.clientWidth; })()"""
CONTENTS = """JSON.stringify({
  exceptions: [...document.querySelectorAll("[data-testid=stException]")].map(e => e.textContent.slice(0, 200)),
  broken: [...document.querySelectorAll(".katex-error, merror")].map(e => e.textContent.slice(0, 100))})"""


@pytest.fixture(scope="module")
def firefox(tmp_path_factory):
    try:
        with open_firefox(tmp_path_factory.mktemp("firefox")) as tab:
            yield tab
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def open_page(firefox, url, width=1440, height=900):
    firefox.resize(width, height)
    firefox.go(url)
    firefox.wait_for(STILL)


ABORTED = "status=2152398850"  # a font that was still on its way when the style sheet changed


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_drawn_whole_in_firefox(path, firefox, server):
    open_page(firefox, f"{server}/{path}")
    assert firefox.evaluate(CONTENTS) == '{"exceptions":[],"broken":[]}'
    assert firefox.evaluate(EMPTY_CHARTS) == 0
    assert firefox.evaluate(SIDEWAYS) <= 0
    wrong = [text for level, text in firefox.messages if level == "error" or "markup" in text.lower()]
    assert [text for text in wrong if ABORTED not in text] == []


@pytest.mark.slow
def test_the_profile_plays_and_pauses_in_firefox(firefox, server):
    open_page(firefox, f"{server}/?steps=40")
    firefox.wait_for("!!document.querySelector('.st-key-gradient-profile .updatemenu-button')")
    heights = """JSON.stringify([...document.querySelectorAll(".st-key-gradient-profile .xy .trace path.point")]
      .map(point => point.getAttribute("transform")))"""
    press = """document.querySelector(".st-key-gradient-profile .updatemenu-button")
      .dispatchEvent(new MouseEvent("click", {bubbles: true}))"""
    start = firefox.evaluate(heights)
    firefox.evaluate(press)
    firefox.wait_for(f"{heights} !== {start!r}")
    firefox.evaluate(press)
    pause = "new Promise(done => setTimeout(() => done(1), 500))"
    firefox.evaluate(pause)
    paused = firefox.evaluate(heights)
    firefox.evaluate(pause)
    assert firefox.evaluate(heights) == paused
