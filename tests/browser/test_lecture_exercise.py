"""The exercise in a real Chromium: the keyboard is enough, cells can be emptied, screen readers find the formulas."""

import re

import pytest

NETWORK = ".st-key-exercise-network"


@pytest.fixture
def exercise(tab, server, settled):
    """Opens the Lecture in a fresh tab of some width and theme, drawn down to its end."""

    def visit(query="", width=1440, theme="light"):
        page = tab(width, theme)
        page.goto(f"{server}/lecture?{query}")
        settled(page, 120)
        page.wait_for_selector(f"{NETWORK} .js-plotly-plot .main-svg")
        page.wait_for_selector(".st-key-cure-regularization .js-plotly-plot .main-svg", state="attached")
        return page

    return visit


def focused(page):
    """The name of what the keyboard is at."""
    return page.evaluate("(e => e.getAttribute('aria-label') || e.textContent)(document.activeElement)")


def tab_to(page, name, most=12):
    """Presses Tab until something of this name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if re.search(name, focused(page) or ""):
            return
    pytest.fail(f"{name} is not within {most} presses of Tab; last {focused(page)!r}")


AT = "(e => document.getElementById(e.getAttribute('aria-activedescendant'))?.textContent)(document.activeElement)"


def choose(page, text, most=30):
    """Opens the list that has the focus, goes down it to this entry, or up, and takes it."""
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("[role=option]")
    for arrow in ["ArrowDown"] * most + ["ArrowUp"] * most:
        if page.evaluate(AT) == text:
            page.keyboard.press("Enter")
            return
        page.keyboard.press(arrow)
    pytest.fail(f"{text} is not in the list")


def test_the_keyboard_is_enough_to_fill_a_blank_find_a_factor_and_take_a_step(exercise, settled):
    page = exercise()
    page.get_by_role("button", name="Clear the answers").focus()
    tab_to(page, "^1: first input")
    choose(page, "xₙ₂")
    settled(page)
    assert page.get_by_role("alert").filter(has_text="this is unit 1").count() == 1
    choose(page, "xₙ₁")
    settled(page)
    assert page.get_by_text("1 of 23 answers right").count() == 1
    assert "Filled: 1 is x n 1" in page.locator(f"{NETWORK} [role=figure]").first.get_attribute("aria-label")
    page.locator(".st-key-question_net2 input[type=radio]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    settled(page)
    assert page.get_by_text("2 of 23 answers right").count() == 1
    page.locator(".st-key-chain_11_0 button").nth(1).focus()  # the misprint
    page.keyboard.press("Enter")
    settled(page)
    assert page.get_by_role("alert").filter(has_text="this misprint circulates").count() == 1
    page.locator(".st-key-exercise_eta input").focus()
    tab_to(page, "One step", 4)
    page.keyboard.press("Enter")
    settled(page)
    assert page.get_by_text("After 1 step E =").count() == 1
    tab_to(page, "Run to the end", 2)
    page.keyboard.press("Enter")
    settled(page)
    assert page.get_by_text(re.compile(r"After [\d,]+ steps E =")).count() == 1


@pytest.mark.slow
def test_an_emptied_cell_gives_a_sentence_and_its_number_brings_the_solution_back(exercise, settled):
    page = exercise()
    canvas = page.locator(".st-key-exercise_w12_0 canvas").first

    def first_cell():
        canvas.scroll_into_view_if_needed()
        page.wait_for_timeout(1000)  # charts further up may still be taking their room
        box = canvas.bounding_box()
        page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 52)  # under the heading

    first_cell()
    page.keyboard.press("Delete")
    settled(page)
    assert page.get_by_role("alert").filter(has_text="= 'empty' is not allowed").count() == 1
    first_cell()  # opens it, since it is chosen already
    page.wait_for_timeout(500)
    page.keyboard.type("2", delay=50)
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    settled(page)
    assert page.get_by_role("alert").filter(has_text="is not allowed").count() == 0
    assert page.get_by_text("All six gradients, three ways").count() == 1
    told = page.get_by_text("Before the first step E =").text_content()
    assert "0.25345" not in told
    for name in ("Papers", "Lecture"):  # what was written is still there after a visit to another page
        page.get_by_role("link", name=name, exact=True).click()
        settled(page, 120)
    assert page.get_by_text("Before the first step E =").text_content() == told
    page.get_by_role("button", name="Back to the first numbers").click()
    settled(page)
    assert "0.25345" in page.get_by_text("Before the first step E =").text_content()


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_runs_off_sideways_and_every_formula_has_its_mathml(exercise, width, theme):
    page = exercise("stack_layers=30&stack_activation=tanh&stack_scale=4", width, theme)
    assert page.locator("[data-testid=stMain]").evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    formulas, readable = page.locator(".katex").count(), page.locator(".katex .katex-mathml math").count()
    assert formulas == readable > 40
    charts = page.locator("[data-testid=stPlotlyChart]").all()
    assert all(chart.get_attribute("aria-label") for chart in charts)
    href = page.get_by_role("link", name="Open this network in the Lab").get_attribute("href")
    assert href.partition("?")[2] == "depth=30&activation=tanh&init_scale=4"


@pytest.mark.slow
def test_a_link_opens_the_network_that_was_shown(exercise, settled):
    page = exercise("stack_layers=3&stack_activation=relu&stack_scale=2")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open this network in the Lab").click()
    lab = opened.value
    settled(lab, 120)
    assert "3 × 32 relu · normal × 2" in lab.locator("[data-testid=stMain]").inner_text()
