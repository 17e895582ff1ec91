"""Every page in Firefox and WebKit: it is drawn whole, formulas are valid, and nothing fails or scrolls sideways."""

import json

import pytest

from tests.support.firefox import open_firefox
from tests.support.webkit import has_webkit, open_webkit

PAGES = ["", "compare", "sweep", "runs", "papers", "lecture", "lecture?section=network", "lecture?section=vanishing"]
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

# The page itself presses and looks: a picture that plays does not wait for another process.
PLAY_AND_PAUSE = """(async () => {
  const button = () => document.querySelector(".st-key-gradient-profile .updatemenu-button");
  const press = () => button().dispatchEvent(new MouseEvent("click", {bubbles: true}));
  const label = () => button().textContent;
  const heights = () => [...document.querySelectorAll(".st-key-gradient-profile .xy .trace path.point")]
    .map(point => point.getAttribute("transform")).join();
  const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));
  const start = heights();
  press();
  for (let waits = 0; waits < 1000 && (heights() === start || label() !== "Pause"); waits++) await sleep(10);
  const started = label();
  press();
  let seen = "", still = 0; // a frame that was on its way may be drawn late, and only the end of all stops a lost pause
  for (let waits = 0; waits < 600 && still < 10; waits++) {
    await sleep(100);
    still = heights() === seen ? still + 1 : 0;
    seen = heights();
  }
  const slider = document.querySelector(".st-key-gradient-profile .js-plotly-plot")._fullLayout.sliders[0];
  return JSON.stringify([started, label(), still, slider.active < slider.steps.length - 1]);
})()"""


BROWSERS = {"firefox": open_firefox} | ({"webkit": open_webkit} if has_webkit() else {})


@pytest.fixture(scope="module", params=BROWSERS.values(), ids=BROWSERS)
def other(request, tmp_path_factory):
    """A tab of Firefox, without which the test is skipped, and of WebKit where its driver is installed."""
    try:
        with request.param(tmp_path_factory.mktemp("browser")) as tab:
            yield tab
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def open_page(other, url, width=1440, height=900):
    other.resize(width, height)
    other.go(url)
    other.wait_for(STILL)


ABORTED = "status=2152398850"  # a font that was still on its way when the style sheet changed


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_drawn_whole_in_other_browsers(path, other, server):
    open_page(other, f"{server}/{path}")
    assert other.evaluate(CONTENTS) == '{"exceptions":[],"broken":[]}'
    other.wait_for(f"{EMPTY_CHARTS} === 0", 60)  # a chart has its frame before its marks
    assert other.evaluate(SIDEWAYS) <= 0
    wrong = [text for level, text in other.messages if level == "error" or "markup" in text.lower()]
    assert [text for text in wrong if ABORTED not in text] == []


@pytest.mark.slow
def test_the_profile_plays_and_pauses_in_other_browsers(other, server):
    open_page(other, f"{server}/?steps=40")
    other.wait_for("!!document.querySelector('.st-key-gradient-profile .updatemenu-button')")
    started, paused, still, before_the_end = json.loads(other.evaluate(PLAY_AND_PAUSE))
    assert (started, paused) == ("Pause", "Play")
    assert still == 10
    assert before_the_end


@pytest.mark.slow
def test_a_table_in_a_popover_shows_its_names_and_its_numbers_in_other_browsers(other, server):
    open_page(other, f"{server}/papers")
    other.evaluate("""[...document.querySelectorAll("[data-testid=stPopover] button")]
      .find(button => button.textContent.includes("Numbers")).click()""")
    # The second canvas is the row of names; a number stands at the right end of the second column.
    other.wait_for("document.querySelectorAll('[data-testid=stPopoverBody] canvas').length > 1")
    inked = """(() => { const row = document.querySelectorAll('[data-testid=stPopoverBody] canvas')[1];
      const {data} = row.getContext('2d').getImageData(0, 0, row.width, row.height);
      return data.filter((value, i) => i % 4 === 0 && value < 140 && data[i + 3] > 100).length > 100 })()"""
    other.wait_for(inked, 30)
    assert other.evaluate("document.querySelector('[data-testid=stPopoverBody]').getBoundingClientRect().width") > 500
