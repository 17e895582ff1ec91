"""Every page in five sizes, light and dark: nothing is cut or runs over something else, and the picture comes first."""

import pytest

SIZES = [(1440, 900), (1280, 720), (1024, 768), (768, 1024), (390, 844)]
PAGES = ["", "compare", "sweep", "runs", "papers", "lecture", "lecture?section=vanishing"]
PICTURE = ".js-plotly-plot .main-svg"
MAX_SHIFT = 0.05  # of the layout after the first result, as Chromium counts it

WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => window.shifts.push(...list.getEntries().filter(entry => !entry.hadRecentInput)
  .map(entry => [entry.startTime, entry.value]))).observe({type: "layout-shift", buffered: true});
const timer = setInterval(() => {
  if (document.querySelector(".js-plotly-plot .main-svg")) {
    window.firstResult = performance.now();
    clearInterval(timer);
  }
}, 20);
"""
SHIFT = "() => window.shifts.filter(([at]) => at > window.firstResult).reduce((sum, [, value]) => sum + value, 0)"

# Text of the page that is wider than its box, except in charts, tables, chips, formulas and code.
CUT_TEXTS = """() => [...document.querySelectorAll("[data-testid=stMain] *, [data-testid=stSidebar] *")]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .filter(e => !e.closest(".js-plotly-plot, [data-testid=stDataFrame], [data-testid=stMultiSelect], .katex, code"))
  .filter(e => e.clientWidth > 0 && getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1)
  .map(e => e.textContent.trim().slice(0, 60))"""

# Pairs of texts of one chart that lie over each other; a box is a quarter taller above and below than its letters.
OVERLAPS = """() => [...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => {
  const texts = [...plot.querySelectorAll(".gtitle, .xtitle, .ytitle, .legendtext, .annotation-text, .xtick, .ytick")]
    .filter(e => e.textContent.trim() && e.getBoundingClientRect().width > 0);
  const letters = texts.map(e => {
    const box = e.getBoundingClientRect(), turned = box.height > 3 * box.width;
    const margin = turned ? 2 : box.height / 4;
    return {left: box.left + 2, right: box.right - 2, top: box.top + margin, bottom: box.bottom - margin};
  });
  return texts.flatMap((text, i) => texts.slice(0, i).filter((_, j) =>
    letters[i].left < letters[j].right && letters[j].left < letters[i].right &&
    letters[i].top < letters[j].bottom && letters[j].top < letters[i].bottom)
    .map(other => `${text.textContent.slice(0, 40)} / ${other.textContent.slice(0, 40)}`));
})"""


# Pairs of the page's own texts, in no chart, formula or fixed bar, whose letters lie over each other by 4 pixels.
TEXTS_OVER_TEXTS = """() => {
  const outside = ".js-plotly-plot, .katex, .their-numbers thead, [data-testid=stDataFrame], .st-key-phone-bar, " +
    "[class*=st-key-waiting]";
  const texts = [...document.querySelectorAll("[data-testid=stMain] :is(h1, h2, h3, p, label, td, th)")]
    .filter(e => e.textContent.trim() && !e.closest(outside) && !e.querySelector(".katex")
      && !e.closest("details:not([open]) > :not(summary)") && e.getBoundingClientRect().width > 0);
  const boxes = texts.map(e => {
    const range = document.createRange();
    range.selectNodeContents(e);
    return range.getBoundingClientRect();
  });
  return texts.flatMap((text, i) => texts.slice(0, i).filter((other, j) =>
    !text.contains(other) && !other.contains(text) &&
    Math.min(boxes[i].right, boxes[j].right) - Math.max(boxes[i].left, boxes[j].left) > 4 &&
    Math.min(boxes[i].bottom, boxes[j].bottom) - Math.max(boxes[i].top, boxes[j].top) > 4)
    .map(other => `${other.textContent.slice(0, 40)} / ${text.textContent.slice(0, 40)}`));
}"""


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_its_picture_first_and_nothing_cut_moved_or_overlapping(path, size, theme, tab, server, settled):
    width, height = size
    page = tab(width, theme)
    page.set_viewport_size({"width": width, "height": height})
    page.add_init_script(WATCH_SHIFTS)
    page.goto(f"{server}/{path}")
    page.wait_for_selector(PICTURE)
    settled(page, 120)
    top = page.locator(".js-plotly-plot").first.bounding_box()["y"]
    assert 0 < top < 0.75 * height
    assert page.evaluate(SHIFT) <= MAX_SHIFT
    assert page.locator("[data-testid=stMain]").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert page.evaluate(CUT_TEXTS) == []
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(TEXTS_OVER_TEXTS) == []


# Of each chart: its widths on the screen and on paper, the room below its drawing, and whether it may be cut in two.
ON_PAPER = """() => {
  const plots = [...document.querySelectorAll(".js-plotly-plot")];
  const before = plots.map(plot => plot.querySelector(".main-svg").getBoundingClientRect().width);
  return () => plots.map((plot, i) => {
    const drawing = plot.querySelector(".main-svg").getBoundingClientRect(), chart = plot.closest(".stPlotlyChart");
    return [before[i], drawing.width, chart.getBoundingClientRect().bottom - drawing.bottom,
            getComputedStyle(chart).breakInside];
  });
}"""
BUTTONS = (
    ":is(button, a):is(.st-key-page-header *, .st-key-section *, .st-key-section-turn *), .st-key-glossary, .modebar"
)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["", "compare", "sweep", "lecture?section=vanishing"])
def test_on_paper_charts_are_whole_no_wider_than_the_page_and_buttons_left_out(path, tab, server, settled):
    page = tab(1440, "light")
    page.goto(f"{server}/{path}")
    page.wait_for_selector(PICTURE)
    settled(page, 120)
    measure = page.evaluate_handle(ON_PAPER)
    assert page.locator(BUTTONS).locator("visible=true").count() > 0
    page.emulate_media(media="print")
    page.evaluate("""() => {
      dispatchEvent(new Event("beforeprint"));
      document.querySelector("[data-testid=stMainBlockContainer]").style.width = "700px";
    }""")
    charts = measure.evaluate("measure => measure()")
    assert charts
    for screen, paper, room, inside in charts:
        assert paper == pytest.approx(min(screen, 700), abs=2)
        assert abs(room) <= 2
        assert inside == "avoid"
    assert page.locator(BUTTONS).locator("visible=true").count() == 0
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.locator(".main-svg[viewBox]").count() == 0
