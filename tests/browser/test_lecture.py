"""The Lecture in a real Chromium: a click on a picture moves its point, and the keyboard is enough."""

import re

import pytest

CONTOURS, SIGMOID = ".st-key-lecture-contours", ".st-key-lecture-sigmoid"


@pytest.fixture
def lecture(tab, server, settled):
    """Opens the Lecture in a fresh tab of some width and theme."""

    def visit(query="", width=1440, theme="light"):
        page = tab(width, theme)
        page.goto(f"{server}/lecture?{query}")
        settled(page, 120)
        page.wait_for_selector(f"{SIGMOID} .js-plotly-plot .main-svg")
        return page

    return visit


def click(page, chart, right, down):
    """Clicks inside the axes of a chart, at shares of their width and height."""
    axes = page.locator(f"{chart} .nsewdrag").first
    axes.scroll_into_view_if_needed()
    box = axes.bounding_box()
    page.mouse.move(box["x"] + right * box["width"], box["y"] + down * box["height"])
    page.wait_for_timeout(300)  # Plotly looks for the nearest point only now and then
    page.mouse.click(box["x"] + right * box["width"], box["y"] + down * box["height"])


def number(page, key):
    return float(page.locator(f".st-key-{key} input").input_value())


def test_a_click_on_the_level_lines_starts_there(lecture, settled):
    page = lecture(width=390)
    click(page, CONTOURS, 0.75, 0.25)
    settled(page)
    # the box is from -3 to 3; the points that can be clicked are 0.2 apart
    assert number(page, "bowl_x") == pytest.approx(1.5, abs=0.11)
    assert number(page, "bowl_y") == pytest.approx(1.5, abs=0.11)
    assert "bowl_x=1." in page.url
    click(page, CONTOURS, 0.25, 0.75)
    settled(page)
    assert number(page, "bowl_x") == pytest.approx(-1.5, abs=0.11)


def test_a_click_on_the_sigmoid_moves_its_point(lecture, settled):
    page = lecture()
    click(page, SIGMOID, 0.25, 0.5)
    settled(page)
    assert float(re.search(r"sigmoid_z=([-\d.]+)", page.url)[1]) == pytest.approx(-5, abs=0.13)
    assert "z = −5" in page.locator(f"{SIGMOID} .gtitle-subtitle").text_content()


def test_the_keyboard_is_enough_for_the_descent(lecture, settled):
    page = lecture()
    page.locator(".st-key-bowl_step input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    settled(page)
    assert page.get_by_text("At step 1").count() == 1
    page.locator(".st-key-bowl_eta input").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    settled(page)
    assert number(page, "bowl_eta") == pytest.approx(0.11)
    page.get_by_role("button", name="Just above the limit").focus()
    page.keyboard.press("Enter")
    settled(page)
    assert page.get_by_text("It diverges").count() == 1 and number(page, "bowl_eta") == pytest.approx(0.21)


def test_a_link_opens_the_page_as_it_says(lecture):
    descent = "descent=rosenbrock&rosenbrock_eta=0.0005"
    page = lecture(f"{descent}&net_i=5&sigmoid_z=-3&sigmoid_beside=relu&sigmoid_beside=gelu")
    assert number(page, "rosenbrock_eta") == 0.0005 and number(page, "net_i") == 5
    assert "z = −3" in page.locator(f"{SIGMOID} .gtitle-subtitle").text_content()
    assert page.locator(".st-key-lecture-slopes .legendtext").all_text_contents() == ["ReLU", "GELU"]


SLOW = [pytest.param(*view, marks=pytest.mark.slow) for view in ((390, "dark"), (768, "light"), (1440, "dark"))]


@pytest.mark.parametrize("width, theme", [(390, "light"), *SLOW])
def test_nothing_runs_off_sideways_and_every_chart_has_its_words(lecture, width, theme):
    page = lecture("net_i=5&net_j=5&net_k=5&net_n=6&descent=rosenbrock", width, theme)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    charts = page.locator("[data-testid=stPlotlyChart]").all()
    assert len(charts) >= 8 and all(chart.get_attribute("aria-label") for chart in charts)
