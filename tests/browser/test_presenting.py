"""The presenting mode in a real Chromium: keys lead through scenes and steps, and the last row can read it."""

import json
import sys
from urllib.parse import urlencode

import pytest

from tests.support.visitor import running
from ui.scenes import shipped

PICTURE = ".st-key-present-chart .js-plotly-plot .main-svg"
# Sizes of all text that is seen, in pixels; within drawings as scaled on the screen.
SMALLEST = """() => Math.min(...[...document.querySelectorAll(".st-key-present *")]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .filter(e => e.getBoundingClientRect().width > 1 && !e.closest("style, [data-testid=stTooltipContent], kbd"))
  .filter(e => !(e.tagName === "tspan" && e.style.fontSize))  // exponents
  .filter(e => getComputedStyle(e).visibility !== "hidden" && e.closest(".hoverlayer") === null)
  .map(e => parseFloat(getComputedStyle(e).fontSize)))"""
OVERFLOW = "e => [e.scrollHeight - e.clientHeight, e.scrollWidth - e.clientWidth]"
BAR = ".st-key-present-bar"


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


def fits_its_frame(page, settled):
    [frame] = page.frames[1:]
    frame.wait_for_selector(".st-key-frame-picture")
    settled(frame, 120)
    low, wide = frame.locator("[data-testid=stMain]").evaluate(OVERFLOW)
    assert low <= 1 and wide <= 0
    assert frame.locator(".st-key-frame-picture").evaluate("e => e.scrollHeight - e.clientHeight") <= 1


@pytest.mark.parametrize("link", [
    "lecture?section=numbers&exercise=17",
    *(pytest.param(link, marks=pytest.mark.slow)
      for link in ("lecture?section=vanishing", "papers?paper=he_2015&figure=2", "runs?beside=dead_cnn")),
])  # fmt: skip
def test_a_page_that_is_presented_in_a_frame_fits_it(present, settled, link):
    page = present(urlencode({"link": link}))
    page.locator(".st-key-present iframe").wait_for()
    fits_its_frame(page, settled)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, len(shipped()["lesson-45"].scenes) + 1))
def test_every_scene_fits_the_wall_in_large_type_above_the_keys(present, settled, number):
    scene = shipped()["lesson-45"].scenes[number - 1]
    page = present(f"lesson=lesson-45&scene={number}")
    page.get_by_role("heading", name=scene.title).wait_for()

    def check(picture=None):
        for width, height in ((1280, 720), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            settled(page, 120)
            low, wide = page.locator("[data-testid=stMain]").evaluate(OVERFLOW)
            assert low <= 1 and wide <= 0
            assert page.evaluate(SMALLEST) >= 24
            if picture is not None:
                if scene.page == "lecture":
                    fits_its_frame(page, settled)
                box, bar = picture.bounding_box(), page.locator(BAR).bounding_box()
                assert box["y"] + box["height"] <= bar["y"] + 1
                assert box["height"] > 0.4 * height

    check()
    if scene.ask:
        page.get_by_text(scene.ask).wait_for()
        page.get_by_role("button", name="Show the run").click()
    picture = page.locator(PICTURE if scene.page != "lecture" else ".st-key-present iframe").first
    picture.wait_for(timeout=120_000)
    check(picture)
    page.keyboard.press("n")
    page.get_by_text("Often wrong").wait_for()
    settled(page, 120)
    check()


@pytest.mark.slow
def test_the_command_serves_a_lecturers_own_scenes_before_those_that_ship(tab, settled, tmp_path):
    own = {"title": "My talk", "scenes": [
        {"link": "?depth=3&activation=tanh&steps=20", "title": "Three layers of tanh", "ask": "Does it learn?"},
        {"link": "?depth=2&steps=20", "title": "Two layers"},
    ]}  # fmt: skip
    (tmp_path / "talk.json").write_text(json.dumps(own))
    command = [sys.executable, "-m", "gradient_flow_lab", "--scenes", str(tmp_path / "talk.json"), "--headless"]
    with running(lambda port: [*command, "--address", "127.0.0.1", "--port", str(port)]) as server:
        page = tab(1280)
        page.goto(f"{server.url}/present")
        first = page.locator(".st-key-present button").first
        first.filter(has_text="My talk · 2 scenes").click()
        page.get_by_text("Does it learn?").wait_for()
        settled(page)
        page.keyboard.press("Space")
        page.locator(PICTURE).first.wait_for(timeout=120_000)
        page.keyboard.press("ArrowRight")
        page.get_by_role("heading", name="Two layers").wait_for()


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


@pytest.mark.slow
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
