"""Every page for those who see little of it, hear it, or have no mouse. What is not ours: docs/accessibility.md."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.checkout import HOUSE
from ui import navigation

SMALL = "depth=2&width=4&steps=20&samples=16"  # a run that takes no time
PAGES = {
    "lab": f"/?{SMALL}",
    "compare": f"/compare?{SMALL}&seeds=2",
    "sweep": "/sweep?base=depth=2;width=4;steps=0;samples=16&x_count=4&y_count=3",
    "runs": "/runs?example=dead_cnn",
    "papers": "/papers",
    "lecture": "/lecture",
    "present": f"/present?link={quote('?' + SMALL)}",
}
PAGE = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 22, 29)"}  # behind every chart, by theme

# Findings that are not in our hands: (rule, where), and who was told of it.
KNOWN = {
    ("scrollable-region-focusable", ".katex-display"): "https://github.com/KaTeX/KaTeX/pull/4182",
}
RUN_AXE = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .filter((found) => ['serious', 'critical'].includes(found.impact))
  .flatMap((found) => found.nodes.map((node) => [found.id, node.target.join(' '), node.html.slice(0, 200)]))"""
TURNED = "color => getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor === color"
OPEN_ALL = """() => { for (const box of document.querySelectorAll('details:not([open]) > summary')) box.click(); }"""
ANIMATED = """() => document.getAnimations().filter((moving) => moving.playState === 'running'
  && moving.effect.getComputedTiming().iterations === Infinity).map((moving) => moving.effect.target.outerHTML)"""
DRAWN = """() => JSON.stringify([...document.querySelectorAll('.js-plotly-plot')].map((plot) =>
  [...plot.querySelectorAll('.js-line, .point, .slider-grip-rect')].map((mark) =>
    [mark.getAttribute('d'), mark.getAttribute('transform')])))"""
# Every text of a chart with its color, and that of the box it is written on: its own, or the page's.
TEXTS = """() => [...document.querySelectorAll('.js-plotly-plot svg text')].filter((text) => text.textContent.trim()
    && text.getClientRects().length && getComputedStyle(text).opacity > 0 && text.closest('.hoverlayer') === null)
  .map((text) => {
    const style = getComputedStyle(text), box = text.parentElement.querySelector(':scope > rect');
    const own = box && getComputedStyle(box), solid = own && own.fill !== 'none' && Number(own.fillOpacity) > 0.9;
    return [text.textContent, style.fill, Number(style.fillOpacity), solid ? own.fill : null,
            Number(style.fontSize.replace('px', ''))];
  })"""


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, which runs in the page."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def visit(browser, server, settled):
    """Opens a page in a fresh tab of some width and theme."""
    contexts = []

    def opened(name, theme="light", width=1440, motion="reduce"):
        context = browser.new_context(
            viewport={"width": width, "height": 1000}, color_scheme=theme, reduced_motion=motion
        )
        context.set_default_timeout(90_000)
        contexts.append(context)
        page = context.new_page()
        page.goto(server + PAGES[name])
        settled(page, 180)
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def not_known(found):
    return [f for f in found if not any(f[0] == rule and where in f[1] for rule, where in KNOWN)]


def test_every_page_of_the_navigation_is_looked_at_here():
    source = Path(navigation.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r"pages/(\w+)\.py", source)) == set(PAGES)


def test_what_is_not_in_our_hands_is_in_the_document_with_its_report():
    told = (HOUSE / "docs" / "accessibility.md").read_text(encoding="utf-8")
    assert all(rule in told and where in told and report in told for (rule, where), report in KNOWN.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_as_a_page_opens_nor_with_all_of_it_open(visit, settled, axe, name):
    page = visit(name, "dark", 390)
    page.evaluate(axe)
    views = [("dark", 390), ("dark", 1440), ("light", 1440)]
    for view in views:
        show(page, settled, *view)
        assert not_known(page.evaluate(RUN_AXE)) == [], view
    page.evaluate(OPEN_ALL)
    for view in views[::-1]:
        show(page, settled, *view)
        for button in ("Share", "Numbers"):
            box = page.get_by_role("button", name=button, exact=True)
            if box.count():
                box.first.click()
                page.mouse.move(2, 2)
                settled(page)
                assert not_known(page.evaluate(RUN_AXE)) == [], view
                page.keyboard.press("Escape")
        assert [text for text in page.evaluate(TEXTS) if contrast(text, view[0]) < needed(text)] == [], view


def show(page, settled, theme, width):
    """The page in another theme and width of its window."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_function(TURNED, arg=PAGE[theme])
    settled(page, 180)


@pytest.mark.slow
def test_axe_finds_what_is_wrong(visit, axe):
    page = visit("papers")
    page.evaluate(axe)
    page.evaluate("() => document.body.insertAdjacentHTML('beforeend', '<main><button></button></main>')")
    assert "button-name" in [rule for rule, _, _ in not_known(page.evaluate(RUN_AXE))]


def luminance(color):
    """Relative luminance of "rgb(r, g, b)". Source: WCAG 2.2."""
    channels = [float(part) / 255 for part in re.findall(r"[\d.]+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(text, theme):
    """WCAG's contrast ratio of a text of a chart; one that is not opaque counts as unreadable."""
    _, front, opacity, back, _ = text
    low, high = sorted((luminance(front), luminance(back or PAGE[theme])))
    return (high + 0.05) / (low + 0.05) if opacity > 0.9 else 1.0


def needed(text):
    """4.5, or 3 for large text, which WCAG takes to be of 24 pixels."""
    return 3 if text[4] >= 24 else 4.5


# -- by keyboard ----------------------------------------------------------------------------------------------------

# What is looked at around the focus: how it, what it stands in and what stands beside it is drawn. A step tells what
# has the focus now, and whether the look around the one before has changed with the focus that left it. A busy machine
# may draw the mark later than the next press: then the stop is looked at once more, with patience.
WATCH = """() => {
  const look = (element) => ['', '::before', '::after'].map((part) => {
    const s = getComputedStyle(element, part || null);
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderColor, s.backgroundColor, s.color,
            s.opacity, s.visibility, s.textDecorationLine, s.fill, s.stroke, s.transform, s.top].join();
  }).join();
  const around = (element) => {
    const near = new Set();
    for (let at = element, up = 0; at && at !== document.body && up < 5; at = at.parentElement, up++) {
      near.add(at);
      if (up < 3) [...at.parentElement.querySelectorAll('*')].slice(0, 25).forEach((other) => near.add(other));
    }
    return [...near];
  };
  let nodes = [], looks = [], count = 0;
  window.numberOf = new Map();
  window.step = () => {
    const changed = nodes.some((node, i) => node.isConnected && look(node) !== looks[i]);
    const focused = document.activeElement, element = focused?.closest('canvas') || focused;  // a table and its cells
    if (!element || element === document.body) { nodes = []; return {end: true, changed}; }
    if (!numberOf.has(element)) numberOf.set(element, ++count);
    nodes = around(element);
    looks = nodes.map(look);
    const box = element.getBoundingClientRect();
    const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    return {number: numberOf.get(element), html: element.outerHTML.slice(0, 160), grid: element.tagName === 'CANVAS',
            seen, changed, whole: element.tagName === 'MAIN' || element.tagName === 'SECTION'};
  };
  window.again = async (number) => {
    const element = [...numberOf].find(([, given]) => given === number)[0];
    const wait = (ms) => new Promise((then) => setTimeout(then, ms));
    document.activeElement.blur();
    await wait(500);
    const nearby = around(element), without = nearby.map(look);
    element.focus();
    for (let tries = 0; tries < 20; tries++) {
      await wait(100);
      if (nearby.some((node, i) => node.isConnected && look(node) !== without[i])) return true;
    }
    return false;
  };
}"""
# What Tab could stop at and did not.
MISSED = """() => [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [role=slider], [role=switch], [role=tab], [tabindex]')]
  .filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true})
    && e.getClientRects().length && !e.closest('[inert]') && !numberOf.has(e)
    && ![...numberOf.keys()].some((other) => e.type === 'radio' && other.name === e.name
      || e.closest('[role=toolbar], [role=radiogroup]')?.contains(other)))  // the arrow keys go on within these
  .map((e) => e.outerHTML.slice(0, 160))"""
MAX_STOPS = 600
WIDEST = 40  # cells of a row, through which Tab goes one by one


def walk(page):
    """Every stop of the Tab key, from the first to the last of the page, and whether its focus is shown."""
    page.evaluate(WATCH)
    stops = tab_through(page)
    for stop in stops:
        stop["shown"] = (
            stop["shown"] or stop["grid"] or stop["whole"] or page.evaluate("number => again(number)", stop["number"])
        )
    return stops


def tab_through(page):
    stops = []
    while len(stops) < MAX_STOPS:
        page.keyboard.press("Tab")
        page.wait_for_timeout(40)
        stop = page.evaluate("() => step()")
        if stops:
            stops[-1]["shown"] = stop["changed"]
        if stop.get("end") or (stop["number"] == 1 and len(stops) > 1):  # out of the page, or from its top again
            return stops
        stops.append(stop)
    pytest.fail(f"after {MAX_STOPS} presses the focus is still within the page: {stops[-1]['html']}")


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_tab_goes_through_the_whole_page_seen_at_every_stop_and_out_of_it(visit, settled, name):
    page = visit(name)
    for _ in range(3):  # what is drawn when it is reached is there before the keys, which press faster than a hand
        page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollBy(0, 5000)")
        settled(page, 180)
    page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    stops = walk(page)
    assert len(stops) > (7 if name == "present" else 15)  # a projector shows little to stop at
    grids = [stop["number"] for stop in stops if stop["grid"]]  # they draw their own mark, cell by cell
    assert all(grids.count(number) <= WIDEST for number in grids)
    others = [stop["number"] for stop in stops if not stop["grid"]]
    twice = [stop["html"] for stop in stops if not stop["grid"] and others.count(stop["number"]) > 1]
    assert twice == [], "no stop comes twice"
    assert [stop["html"] for stop in stops if not stop["seen"]] == []
    assert [stop["html"] for stop in stops if not stop["shown"]] == []
    assert page.evaluate(MISSED) == []


@pytest.mark.slow
def test_a_focus_that_is_not_seen_is_found(visit):
    page = visit("papers")
    page.evaluate("""() => document.body.insertAdjacentHTML('afterbegin',
      '<div><div><div><button style="outline: none !important; box-shadow: none">here</button></div></div></div>')""")
    assert [stop["html"] for stop in walk(page) if not stop["shown"] and "here" in stop["html"]]


OUTLINE = """() => {
  const {outlineStyle, outlineWidth, outlineColor} = getComputedStyle(document.activeElement);
  return [document.activeElement.textContent.trim(), outlineStyle, parseFloat(outlineWidth), outlineColor];
}"""


@pytest.mark.slow
@pytest.mark.parametrize("theme", PAGE)
def test_the_focus_is_a_line_of_a_contrast_of_three_in_the_navigation_and_on_buttons(tab, server, settled, theme):
    page = tab(1440, theme)
    page.goto(f"{server}/lecture?section=path")
    settled(page, 120)
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.matches('a, button')"):
            name, line, width, color = page.evaluate(OUTLINE)
            seen.append(name)
            low, high = sorted((luminance(color), luminance(PAGE[theme])))
            assert line == "solid" and width >= 2 and (high + 0.05) / (low + 0.05) >= 3, name
    assert {"Lab", "Compare", "Sweep", "Your run", "Papers", "Lecture"} <= set(seen)


@pytest.mark.slow
def test_the_cell_of_a_table_that_has_the_focus_is_marked(visit, server, settled):
    page = visit("lecture")
    page.goto(f"{server}/lecture?section=error")
    settled(page, 180)
    grid = page.locator("[data-testid=stDataFrame] canvas").first
    grid.scroll_into_view_if_needed()
    grid.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(500)
    before = grid.screenshot()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(500)
    assert grid.screenshot() != before


@pytest.mark.slow
def test_a_formula_wider_than_its_place_is_scrolled_by_keyboard(visit):
    page = visit("papers")
    page.evaluate("""() => {
      const wide = document.querySelector('.katex-display');
      wide.style.width = '60px';
      wide.insertAdjacentHTML('beforebegin', '<button id="before">before</button>');
      wide.id = 'wide';
      document.getElementById('before').focus();
    }""")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "wide"
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    assert page.evaluate("() => document.activeElement.scrollLeft") > 0


FOCUSED = "() => [document.activeElement.tagName, document.activeElement.ariaLabel || document.activeElement.innerText]"


@pytest.mark.slow
def test_the_lab_works_by_keyboard_alone(visit, settled):
    page = visit("lab")

    def to(name):
        for _ in range(150):
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUSED)
            if at[0] != "MAIN" and re.search(name, at[1] or ""):
                return
        pytest.fail(f"no stop of the Tab key is {name}")

    to("^Activation$")
    page.keyboard.press("ArrowDown")
    page.keyboard.type("tanh")
    page.keyboard.press("Enter")
    settled(page)
    assert "activation=tanh" in page.url
    to("Share")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Settings (JSON)").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Settings (JSON)").wait_for(state="hidden")
    to("^delta$")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUSED)[1] == "weight gradient"
    page.keyboard.press("Space")
    settled(page)
    assert page.locator(".st-key-gradient-profile .gtitle").text_content().startswith("Weight gradient")
    to("Numbers behind the charts")
    page.keyboard.press("Enter")
    page.locator(".st-key-numbers canvas").first.wait_for()


# -- charts as words and numbers --------------------------------------------------------------------------------------

TABLES = dict.fromkeys(("lab", "compare", "runs"), "Numbers behind the charts")


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_no_chart_moves_by_itself_and_each_is_told_in_words_with_numbers_and_shown_as_a_table(visit, settled, name):
    page = visit(name, motion="no-preference")
    before = page.evaluate(DRAWN)
    page.wait_for_timeout(1500)
    assert page.evaluate(DRAWN) == before != "[]"
    assert page.evaluate(ANIMATED) == []
    charts = page.locator("[data-testid=stPlotlyChart]")
    told = [chart.get_attribute("aria-label") or "" for chart in charts.all()]
    assert told and len(set(told)) == len(told)
    assert [words for words in told if len(words) < 20 or not re.search(r"\d|No step|none", words)] == []
    if name == "present":  # the tables are on the page itself
        return
    if name in TABLES:
        page.get_by_text(TABLES[name]).click()
        page.locator("[data-testid=stExpanderDetails] [data-testid=stDataFrame]").first.wait_for()
        return
    buttons = page.get_by_role("button", name="Numbers", exact=True)
    assert buttons.count() == charts.count()
    for button in buttons.all():
        button.click()
        table = page.locator("[data-testid=stPopoverBody] [data-testid=stDataFrame]")
        table.wait_for()
        assert table.locator("table[aria-rowcount]").first.get_attribute("aria-rowcount") != "1", "more than a heading"
        page.keyboard.press("Escape")
        table.wait_for(state="hidden")
