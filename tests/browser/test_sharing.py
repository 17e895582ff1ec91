"""The Share menu in a real Chromium: a camera reads its code, and the code opens the very scene."""

import pytest

from tests.support.codes import CODE, read_code

SCENE = "?activation=tanh&depth=4&init=glorot_normal&steps=20&schedule=cosine&warmup_steps=5&quantity=grad_norm"
PROFILE = ".st-key-gradient-profile .js-plotly-plot .main-svg"
SAME_QUERY = """(query) => {
  const sorted = (text) => [...new URLSearchParams(text)].map(String).sort().join();
  return sorted(location.search) === sorted(query);
}"""


@pytest.fixture
def menu(tab, server, settled):
    """Opens a page in a theme, and its Share menu."""

    def visit(path, theme="light"):
        page = tab(theme=theme)
        page.goto(f"{server}/{path}")
        page.wait_for_selector(".js-plotly-plot .main-svg", timeout=120_000)
        settled(page, 120)
        page.locator(".st-key-share button").first.click()
        page.locator("[data-testid=stPopoverBody] code").first.wait_for()
        return page

    return visit


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_code_on_the_screen_opens_the_scene(menu, tab, settled, theme):
    page = menu(SCENE, theme)
    links = page.locator("[data-testid=stPopoverBody] code")
    links.nth(1).wait_for()
    page.get_by_text("QR code", exact=True).click()
    page.locator(CODE).wait_for()
    settled(page)
    link = read_code(page.locator(CODE))
    assert link == links.nth(1).inner_text()
    other = tab()
    other.goto(link)
    other.wait_for_selector(PROFILE, timeout=120_000)
    other.wait_for_function(SAME_QUERY, arg=SCENE)
    settled(other, 120)
    for selector in (".st-key-verdict h2", ".st-key-page-header [data-testid=stCaptionContainer]",
                     ".st-key-quantity button[aria-checked=true]"):  # fmt: skip
        assert other.locator(selector).inner_text() == page.locator(selector).inner_text()


@pytest.mark.slow
def test_the_handout_is_one_page_that_loads_nothing_and_whose_code_is_its_link(menu, tab, settled):
    page = menu(SCENE)
    link = page.locator("[data-testid=stPopoverBody] code").nth(1).inner_text()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Handout (HTML)").click()
    paper, asked = tab(width=900), []
    paper.on("request", lambda request: asked.append(request.url))
    paper.set_content(waiting.value.path().read_text(encoding="utf-8"))
    assert read_code(paper.locator(CODE)) == link
    assert [url for url in asked if not url.startswith("data:")] == []
    text = paper.locator("body").inner_text()
    _icon, verdict = page.locator(".st-key-verdict h2").inner_text().split(maxsplit=1)
    assert link in text and verdict in text
    assert "4 × 32 tanh" in text and paper.locator("svg, img").count() >= 2


@pytest.mark.slow
@pytest.mark.parametrize("path, words", [
    ("runs?example=dead_cnn&step=120", "Dead units"),
    ("sweep?x_count=3&y_count=3&per_cell=1", "the cell at the lower left"),
])  # fmt: skip
def test_a_recording_and_a_map_have_a_handout_with_their_link(menu, tab, settled, path, words):
    page = menu(path)
    link = page.locator("[data-testid=stPopoverBody] code").first.inner_text()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Handout (HTML)").click()
    paper = tab(width=900)
    paper.set_content(waiting.value.path().read_text(encoding="utf-8"))
    assert read_code(paper.locator(CODE)) == link
    text = paper.locator("body").inner_text()
    assert link in text and words in text
    assert paper.locator(".js-plotly-plot .main-svg").count() >= 1


LATE = (
    "depth=6&width=8&samples=32&steps=60&activation=relu&init=he_normal&loss=bce&output_activation=sigmoid"
    "&optimizer=adam&learning_rate=0.3"
)  # dead ReLUs after 60 steps
WORDS = "(text) => document.querySelector('.st-key-gradient-profile .main-svg').textContent.includes(text)"


def move_slider(page, share):
    """Presses the slider of the main picture at a share of its length, and then a place outside the picture."""
    rail = page.locator(".st-key-gradient-profile .slider-rail-touch-rect").bounding_box()
    page.mouse.click(rail["x"] + 2 + share * (rail["width"] - 4), rail["y"] + rail["height"] / 2)
    page.wait_for_timeout(300)  # the frame is drawn
    page.locator(".st-key-verdict h2").click()


@pytest.mark.slow
def test_the_address_names_a_step_only_where_it_is_not_the_one_that_the_verdict_judges(tab, server, settled):
    page = tab(1440)
    page.goto(f"{server}/?{LATE}")
    settled(page, 120)
    page.wait_for_function(WORDS, arg="Step 60")
    page.locator(".st-key-verdict h2").click()
    settled(page)
    assert "step=" not in page.url
    move_slider(page, 0)
    page.wait_for_function("() => location.search.includes('&step=0')")
    settled(page)
    page.wait_for_function(WORDS, arg="Step 0")
    move_slider(page, 1)
    page.wait_for_function("() => !location.search.includes('&step=')")
    settled(page)
    page.wait_for_function(WORDS, arg="Step 60")


@pytest.mark.slow
def test_a_step_between_two_marks_of_the_slider_stays_in_the_address(tab, server, settled):
    page = tab(1440)
    page.goto(f"{server}/?depth=3&width=4&steps=300&samples=16&step=37")
    settled(page, 120)
    page.locator(".st-key-verdict h2").click()
    settled(page)
    assert "step=37" in page.url
