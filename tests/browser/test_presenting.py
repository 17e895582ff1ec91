"""The presenting mode in a real Chromium: keys lead through scenes and steps, and the last row can read it."""

import pytest

PICTURE = ".st-key-present-chart .js-plotly-plot .main-svg"
# Sizes of all text that is seen, in pixels; within drawings as scaled on the screen.
SMALLEST = """() => Math.min(...[...document.querySelectorAll(".st-key-present *")]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .filter(e => e.getBoundingClientRect().width > 1 && !e.closest("style, [data-testid=stTooltipContent], kbd"))
  .filter(e => !(e.tagName === "tspan" && e.style.fontSize))  // exponents
  .filter(e => getComputedStyle(e).visibility !== "hidden" && e.closest(".hoverlayer") === null)
  .map(e => parseFloat(getComputedStyle(e).fontSize)))"""


@pytest.fixture
def present(tab, server, settled):
    def visit(query):
        page = tab(1280)
        page.set_viewport_size({"width": 1280, "height": 720})
        page.goto(f"{server}/present?{query}")
        settled(page, 120)
        return page

    return visit


def press(page, key, settled):
    page.keyboard.press(key)
    page.wait_for_timeout(300)
    settled(page, 120)


def test_a_scene_asks_first_then_shows_its_run_in_large_type_and_keys_lead_on(present, settled):
    page = present("lesson=lesson-45&scene=5")
    assert page.get_by_text("How much of it reaches layer 1").count() == 1 and page.locator(PICTURE).count() == 0
    press(page, "Space", settled)
    page.wait_for_selector(PICTURE)
    assert page.get_by_text("The gradient vanishes").count() == 1
    assert page.evaluate(SMALLEST) >= 24
    assert page.locator("[data-testid=stMain]").evaluate("e => e.scrollHeight - e.clientHeight") <= 1
    press(page, "ArrowUp", settled)
    assert "Step 25" in page.locator(f"{PICTURE} >> nth=0").text_content()
    press(page, "ArrowRight", settled)
    assert "scene=6" in page.url and page.get_by_text("Now two sigmoid layers").count() == 1
    press(page, "b", settled)
    assert page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor") == "rgb(0, 0, 0)"
    assert page.get_by_text("Now two sigmoid layers").count() == 0
    press(page, "b", settled)
    press(page, "n", settled)
    assert page.get_by_text("Often wrong").count() == 1
    press(page, "ArrowLeft", settled)
    assert "scene=5" in page.url


def test_p_presents_the_scene_of_the_page_and_esc_leads_back_to_it(tab, server, settled):
    page = tab(1280)
    page.goto(f"{server}/?depth=4&quantity=grad_norm")
    settled(page, 120)
    press(page, "p", settled)
    page.wait_for_selector(PICTURE)
    assert "/present" in page.url and "weight gradient" in page.locator(f"{PICTURE} >> nth=0").text_content()
    press(page, "Escape", settled)
    page.wait_for_selector(".st-key-gradient-profile .js-plotly-plot .main-svg")
    assert "depth=4" in page.url and "quantity=grad_norm" in page.url


def test_a_scene_that_is_shared_opens_exactly_in_a_new_tab(tab, server, settled):
    page = tab(1440)
    page.goto(f"{server}/?depth=4&activation=relu&steps=50")
    settled(page, 120)
    slider = page.locator(".st-key-gradient-profile .slider-rail-touch-rect").bounding_box()
    page.mouse.click(slider["x"] + slider["width"] - 2, slider["y"] + slider["height"] / 2)
    page.wait_for_timeout(500)
    page.get_by_text("weight gradient", exact=True).click()
    settled(page)
    page.locator(".st-key-share button").first.click()
    settled(page)
    page.locator("[data-testid=stPopoverBody] code").nth(1).wait_for()
    links = page.locator("[data-testid=stPopoverBody] code").all_text_contents()
    assert len(links) == 2 and len(links[1]) <= 200 and "step=50" in links[0]
    for link in links:
        other = tab(1440)
        other.goto(link)
        settled(other, 120)
        assert other.locator(".st-key-quantity button[aria-checked=true]").inner_text() == "weight gradient"
        assert "Step 50" in other.locator(".st-key-gradient-profile .main-svg >> nth=0").text_content()
