"""The Lecture in a real Chromium: a click on a picture moves its point, and the keyboard is enough."""

import re

import pytest

from tests.support.sections import check_section
from ui.lecture import outline

CONTOURS, SIGMOID = ".st-key-lecture-contours", ".st-key-lecture-sigmoid"


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


WITHOUT_WEBGL = """
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.includes("webgl") ? null : getContext.call(this, kind, ...rest);
};
"""


def test_a_click_on_the_level_lines_or_the_keyboard_is_enough_for_the_descent_without_webgl_too(tab, server, settled):
    page = tab()
    page.add_init_script(WITHOUT_WEBGL)
    page.goto(f"{server}/lecture?section=descent")
    page.get_by_text("cannot draw the function as a surface").wait_for()
    settled(page, 120)
    assert page.locator(".st-key-lecture-surface").count() == 0
    assert page.get_by_text("get.webgl.org").count() == 0  # no gray box sends anyone elsewhere
    block = page.locator("[data-testid=stMainBlockContainer]").bounding_box()
    assert page.locator(CONTOURS).bounding_box()["width"] > 0.8 * block["width"]
    page.set_viewport_size({"width": 390, "height": 1000})
    settled(page)
    click(page, CONTOURS, 0.75, 0.25)
    settled(page)
    # the box is from -3 to 3; the points that can be clicked are 0.2 apart
    assert number(page, "bowl_x") == pytest.approx(1.5, abs=0.11)
    assert number(page, "bowl_y") == pytest.approx(1.5, abs=0.11)
    assert "bowl_x=1." in page.url
    click(page, CONTOURS, 0.25, 0.75)
    settled(page)
    assert number(page, "bowl_x") == pytest.approx(-1.5, abs=0.11)
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


def test_a_click_on_the_sigmoid_moves_its_point(lecture, settled):
    page = lecture("sigmoid")
    click(page, SIGMOID, 0.25, 0.5)
    settled(page)
    assert float(re.search(r"sigmoid_z=([-\d.]+)", page.url)[1]) == pytest.approx(-5, abs=0.13)
    assert "z = −5" in page.locator(f"{SIGMOID} .gtitle-subtitle").text_content()


@pytest.mark.slow
def test_a_link_opens_the_section_as_it_says(lecture):
    page = lecture("descent", "descent=rosenbrock&rosenbrock_eta=0.0005")
    assert number(page, "rosenbrock_eta") == 0.0005
    page = lecture("sigmoid", "sigmoid_z=-3&sigmoid_beside=relu&sigmoid_beside=gelu")
    assert "z = −3" in page.locator(f"{SIGMOID} .gtitle-subtitle").text_content()
    assert page.locator(".st-key-lecture-slopes .legendtext").all_text_contents() == ["ReLU", "GELU"]


OTHERS = [pytest.param(name, marks=pytest.mark.slow) for name in outline.NAMES if name != "network"]


@pytest.mark.parametrize("section", ["network", *OTHERS])
def test_a_section_has_short_lines_and_nothing_runs_off_sideways_at_any_width(lecture, settled, section):
    page = lecture(section, "net_i=5&net_j=5&net_k=5&net_n=6&stack_layers=30", 390)
    check_section(page)
    page.emulate_media(color_scheme="dark")
    for width in (768, 1440):
        page.set_viewport_size({"width": width, "height": 1000})
        settled(page)
        check_section(page)
