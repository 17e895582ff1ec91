"""Compare in a real Chromium: what one sees at three widths, in light and dark, and what a link restores."""

import pytest

from tests.support.codes import CODE, read_code

CHARTS = "[data-testid=stPlotlyChart]"
EIGHT = "init_scale", ",".join(f"{k / 4:g}" for k in range(1, 9))
SMALL = "width=4&steps=3&samples=16&seeds=2"


def refused(answer):
    return answer.status >= 400 and "/_stcore/" not in answer.url


def words(message):
    return message.type == "error" and "Failed to load resource" not in message.text


@pytest.fixture
def compare(tab, server, settled):
    """Opens Compare in a fresh tab of some width and theme; it asks no other host and reports no error."""
    errors, outside = [], []

    def visit(query="", width=1440, theme="light"):
        page = tab(width, theme)
        # a deep link makes Streamlit look for its own base path: those answers are told apart by their address
        page.on("response", lambda answer: errors.append(answer.url) if refused(answer) else None)
        page.on("console", lambda message: errors.append(message.text) if words(message) else None)
        own = (server, server.replace("http", "ws", 1), "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(own) else outside.append(request.url))
        page.goto(f"{server}/compare?{query}")
        settled(page, 120)
        page.wait_for_selector(".st-key-compare-profile .js-plotly-plot .main-svg")
        return page

    yield visit
    assert errors == []
    assert outside == []


def names(page):
    """The arms in the legend of the shared profile, as drawn."""
    return page.locator(".st-key-compare-profile .legendtext").all_text_contents()


def overlaps(page):
    """Pairs of legend entries of the shared profile whose texts lie over each other."""
    boxes = [box.bounding_box() for box in page.locator(".st-key-compare-profile .legendtext").all()]
    return [
        (i, j)
        for i, a in enumerate(boxes)
        for j, b in enumerate(boxes[:i])
        if a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"]
        and a["y"] + 2 < b["y"] + b["height"] and b["y"] + 2 < a["y"] + a["height"]
    ]  # fmt: skip


WIDE = [pytest.param(768, "light", marks=pytest.mark.slow), pytest.param(1440, "dark", marks=pytest.mark.slow)]


@pytest.mark.parametrize("width, theme", [(390, "dark"), *WIDE])
def test_eight_arms_have_legible_legends_and_nothing_runs_off_sideways(compare, width, theme):
    page = compare(f"depth=3&{SMALL}&vary={EIGHT[0]}&arms={EIGHT[1]}", width, theme)
    assert len(names(page)) == 8 and overlaps(page) == []
    chart = page.locator(".st-key-compare-profile .main-svg").first.bounding_box()
    for entry in page.locator(".st-key-compare-profile .legendtext").all():
        box = entry.bounding_box()
        assert chart["x"] <= box["x"] and box["x"] + box["width"] <= chart["x"] + chart["width"]
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert all(chart.get_attribute("aria-label") for chart in page.locator(CHARTS).all())


@pytest.mark.slow
def test_a_link_restores_the_whole_comparison(compare):
    query = f"depth=2&{SMALL}&vary=activation&arms=tanh,mine~relu;init=he_normal"
    page = compare(query)
    seen = names(page)
    assert "mine" in seen and "tanh" in seen
    address = page.url
    again = compare(address.partition("?")[2])
    assert names(again) == seen
    assert again.get_by_label("Depth", exact=True).input_value() == "2"


@pytest.mark.slow
def test_bad_parameters_are_named_one_by_one_and_the_others_survive(compare):
    page = compare(f"depth=3&{SMALL.replace('seeds=2', 'seeds=99')}&vary=init_scale&arms=0.5,2&foo=1")
    words = page.locator("[data-testid=stAlert]").all_inner_texts()
    assert any("seeds = “99” is not allowed" in text for text in words)
    assert any("foo is not a setting" in text for text in words)
    assert page.get_by_label("Depth", exact=True).input_value() == "3"


def test_a_comparison_is_taken_away_as_a_code_of_its_whole_link_as_svg_and_as_a_summary_that_opens_offline(
    compare, settled, browser, tmp_path
):
    page = compare(f"depth=2&{SMALL}&vary=activation&arms=tanh,relu")
    page.get_by_test_id("stPopoverButton").filter(has_text="Share").click()
    page.get_by_text("QR code", exact=True).click()
    page.locator(CODE).wait_for()
    settled(page)
    assert read_code(page.locator(CODE)) == page.locator("[data-testid=stPopoverBody] code").first.inner_text()
    page.get_by_role("radio", name="SVG").or_(page.get_by_role("button", name="SVG", exact=True)).first.click()
    page.keyboard.press("Escape")
    camera = page.locator(".st-key-compare-profile .modebar-btn[data-title='Download plot']")  # "as a PNG" before
    camera.wait_for(state="attached")
    page.locator(".st-key-compare-profile .js-plotly-plot").hover()
    with page.expect_download() as download:
        camera.click()
    assert download.value.suggested_filename.endswith(".svg")
    with page.expect_download() as download:
        page.get_by_role("button", name="Summary to print (HTML)").click()
    kept = tmp_path / "summary.html"
    download.value.save_as(kept)
    context = browser.new_context(offline=True)
    offline, asked = context.new_page(), []
    own = ("file:", "data:", "blob:")
    offline.on("request", lambda request: None if request.url.startswith(own) else asked.append(request.url))
    offline.goto(kept.as_uri())
    offline.wait_for_selector(".js-plotly-plot .main-svg")
    assert offline.locator(".js-plotly-plot").count() >= 8 and offline.locator("table").count() == 2
    assert asked == []
    context.close()
