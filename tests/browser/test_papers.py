"""Papers in a real Chromium: choosing a paper, running it, leaving a run, and a narrow screen."""

import pytest

from core.papers.registry import PAPERS

NUMBERS = ".their-numbers tbody tr"


@pytest.fixture
def papers(tab, server, settled):
    """Opens the page in a fresh tab of some width and theme; it asks no other host and reports no error."""
    errors, outside = [], []

    def visit(query="", width=1440, theme="light"):
        page = tab(width, theme)
        page.on("pageerror", lambda error: errors.append(str(error)))
        own = (server, server.replace("http", "ws", 1), "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(own) else outside.append(request.url))
        page.goto(f"{server}/papers?{query}")
        settled(page, 120)
        page.wait_for_selector(".js-plotly-plot .main-svg")
        return page

    yield visit
    assert errors == []
    assert outside == []


def test_a_paper_is_chosen_and_run_by_keyboard_and_to_leave_one_stops_its_run_and_frees_its_place(papers, settled):
    page = papers("paper=he_2015")
    page.get_by_role("button", name="Run it here").click()
    page.get_by_text("Running on this server").wait_for()
    pill = page.get_by_role("radio", name=PAPERS["saxe"].label).or_(
        page.get_by_role("button", name=PAPERS["saxe"].label, exact=True)
    )
    pill.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=PAPERS["saxe"].subject).wait_for()
    settled(page)
    assert page.url.endswith("/papers?paper=saxe")
    run = page.get_by_role("button", name="Run it here")
    run.focus()
    page.keyboard.press("Enter")  # finds a place, though the first run had not ended
    page.get_by_text("Fresh: run on this server").wait_for(timeout=30_000)
    settled(page)
    assert page.locator(NUMBERS).count() == 3
    page.get_by_text(PAPERS["he_2015"].label, exact=True).first.click()
    page.get_by_text("Stored result of version").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("width, theme", [(390, "dark"), (768, "light")])
def test_it_is_as_wide_as_the_screen_and_each_chart_says_what_it_shows(papers, width, theme):
    page = papers("paper=schoenholz_2017", width, theme)
    wide = page.evaluate("() => { const m = document.querySelector('[data-testid=stMain]'); "
                         "return m.scrollWidth - m.clientWidth }")  # fmt: skip
    assert wide == 0
    labels = page.locator("[data-testid=stPlotlyChart]").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert len(labels) == 2 and all(any(letter.isdigit() for letter in label) for label in labels)
    assert page.locator(NUMBERS).count() == 8
