"""Sweep in a real Chromium: a click on a cell opens its profile, its link opens the Lab, and links restore the page."""

import pytest

SMALL = "x_count=4&y_count=3&base=depth=3;width=4;steps=2;samples=16"
MAP, PROFILE = ".st-key-sweep-map-tanh", ".st-key-cell-profile"
DRAWN = ".js-plotly-plot .main-svg"


def words(message):
    return message.type == "error" and "Failed to load resource" not in message.text


@pytest.fixture
def sweep(tab, server, settled):
    """Opens Sweep in a fresh tab of some width and theme; it reports no error."""
    errors = []

    def visit(query=SMALL, width=1440, theme="light"):
        page = tab(width, theme)
        page.on("console", lambda message: errors.append(message.text) if words(message) else None)
        page.goto(f"{server}/sweep?{query}")
        settled(page, 120)
        page.wait_for_selector(f"{PROFILE} {DRAWN}")
        return page

    yield visit
    assert errors == []


def lab_link(page):
    return page.get_by_role("link", name="Open in the Lab").get_attribute("href")


def click_cell(page, column, row, columns=4, rows=3):
    """Clicks the middle of a cell, counted from the lower left."""
    page.locator(MAP).scroll_into_view_if_needed()
    box = page.locator(f"{MAP} .nsewdrag").first.bounding_box()
    x, y = box["x"] + box["width"] * (column + 0.5) / columns, box["y"] + box["height"] * (1 - (row + 0.5) / rows)
    page.mouse.move(x, y)
    page.wait_for_timeout(300)  # Plotly finds what is under the pointer before it takes a click
    page.mouse.click(x, y)


def test_a_click_on_a_cell_opens_its_profile_its_link_the_lab_and_a_narrow_screen_shows_all(sweep, settled):
    page = sweep()
    click_cell(page, 3, 0)
    page.wait_for_function("() => [...document.querySelectorAll('a')].some(a => a.href.includes('init_scale=3'))")
    assert "activation=tanh" in lab_link(page) and "init_scale=3" in lab_link(page)
    assert page.locator(f"{MAP} .legendtext").all_text_contents()[-1] == "chosen cell"
    click_cell(page, 0, 2)
    page.wait_for_function("() => [...document.querySelectorAll('a')].some(a => a.href.includes('init_scale=0.5'))")
    assert "bias_std=1" in lab_link(page)
    page.set_viewport_size({"width": 390, "height": 1000})
    settled(page)
    check_width(page)
    page.goto(page.url.split("/sweep")[0] + lab_link(page).removeprefix("."))
    settled(page, 120)
    page.wait_for_selector(f".st-key-gradient-profile {DRAWN}")
    assert page.get_by_role("spinbutton", name="Init scale").input_value() == "0.5"


@pytest.mark.slow
def test_a_link_restores_every_control(sweep):
    axes = "x=depth&x_from=1&x_to=3&x_count=3&y_count=2"
    page = sweep(f"activations=relu&{axes}&show=final+loss&base=width=4;steps=2;samples=16")
    page.wait_for_selector(f".st-key-sweep-map-relu {DRAWN}")
    assert page.locator(".st-key-sweep-map-relu .xtitle").text_content() == "depth"
    assert "Loss at the end" in page.locator(".st-key-sweep-map-relu .gtitle").text_content()


@pytest.mark.slow
@pytest.mark.parametrize("width, theme", [(390, "dark"), (768, "light")])
def test_narrow_screens_show_the_map_without_sideways_scrolling(sweep, width, theme):
    check_width(sweep(width=width, theme=theme))


def check_width(page):
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("e => e.scrollWidth - e.clientWidth") == 0
    assert page.locator(f"{MAP} [role=figure], {MAP}[role=figure]").first.get_attribute("aria-label")
