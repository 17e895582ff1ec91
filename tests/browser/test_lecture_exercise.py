"""The exercise in a real Chromium: blanks answered in the drawing, cells that can be emptied, sheets of one page."""

import itertools
import re

import pytest

from core.lecture.instances import make_instance
from tests.support.sections import check_section
from ui.lecture import sheet


def test_blanks_lie_apart_at_any_width_are_answered_by_keyboard_and_mouse_and_survive_a_reload(lecture, settled):
    page = lecture("fill", "net_i=5&net_j=5&net_k=5&net_n=6&stack_layers=30", 390, "dark")
    check_section(page)
    check_places(page)
    page.set_viewport_size({"width": 1440, "height": 1000})
    settled(page)
    check_places(page)
    blank = page.locator(".st-key-blank_button_1 button")
    options = page.locator("[data-testid=stPopoverBody] button")
    blank.focus()
    page.keyboard.press("Enter")
    options.nth(1).focus()
    page.keyboard.press("Enter")
    settled(page)
    assert page.get_by_role("alert").filter(has_text="this is unit 1").count() == 1
    page.keyboard.press("Escape")
    options.first.wait_for(state="detached")
    blank.click()
    options.nth(0).click()
    settled(page)
    page.reload()
    settled(page, 120)
    assert page.get_by_text("1 of 23 answers right").count() == 1
    assert blank.locator(".katex").count() == 1


def check_places(page):
    """Places of the drawing do not overlap."""
    boxes = [page.locator(f".st-key-blank_button_{n} button").bounding_box() for n in range(1, 12)]
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            apart = (a["x"] + a["width"] <= b["x"], b["x"] + b["width"] <= a["x"],
                     a["y"] + a["height"] <= b["y"], b["y"] + b["height"] <= a["y"])  # fmt: skip
            assert any(apart)


@pytest.mark.slow
def test_an_emptied_cell_gives_a_sentence_and_its_number_brings_the_solution_back(lecture, settled):
    page = lecture("numbers", "exercise_solution=true")
    page.get_by_text("Use numbers of your own").click()
    page.wait_for_timeout(1000)
    canvas = page.locator(".st-key-exercise_w12_0 canvas").first

    def first_cell():
        canvas.scroll_into_view_if_needed()
        page.wait_for_timeout(1000)
        box = canvas.bounding_box()
        page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 52)  # under the heading

    first_cell()
    page.keyboard.press("Delete")
    settled(page)
    assert page.get_by_role("alert").filter(has_text="= “empty” is not allowed").count() == 1
    first_cell()  # opens it, since it is chosen already
    page.wait_for_timeout(500)
    page.keyboard.type("2", delay=50)
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    settled(page)
    assert page.get_by_role("alert").filter(has_text="is not allowed").count() == 0
    assert "exercise_numbers=" in page.url and page.get_by_text("All six gradients, three ways").count() == 1
    page.reload()
    settled(page, 120)
    assert page.locator(".st-key-numbered_9").inner_text().strip().startswith("2")


@pytest.mark.slow
def test_steps_go_on_after_a_reload(lecture, settled):
    page = lecture("steps", "walk=3x1")
    page.get_by_role("button", name="One step").click()
    settled(page)
    assert page.get_by_text(re.compile("After 4 steps E =")).count() == 1 and "walk=4x1" in page.url
    page.reload()
    settled(page, 120)
    assert page.get_by_text(re.compile("After 4 steps E =")).count() == 1


def test_a_sheet_and_its_solution_print_on_one_page_each(page):
    for number, make in itertools.product((0, 21, 17, 4), (sheet.exercise_sheet, sheet.solution_sheet)):
        page.set_content(make(make_instance(number)))
        assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))) == 1
        assert page.locator("math").count() > 10


@pytest.mark.slow
def test_a_link_opens_the_network_that_was_shown(lecture, settled):
    page = lecture("vanishing", "stack_layers=3&stack_activation=relu&stack_scale=2")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open this network in the Lab").click()
    lab = opened.value
    settled(lab, 120)
    assert "3 × 32 ReLU · normal, fan-in × 2" in lab.locator("[data-testid=stMain]").inner_text()
