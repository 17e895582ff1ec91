"""While a page of the public server loads, little on it moves aside for what comes later."""

import pytest

from tests.support.visitor import served

MOST = 0.15  # of all layout shifts together; without room for it the sidebar alone makes 0.24
SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.shifts += entry.value; })
  .observe({ type: 'layout-shift', buffered: true });
"""


@pytest.fixture(scope="module")
def public():
    """The address of the dashboard as a public server has it."""
    with served() as server:
        yield server.url


@pytest.mark.slow
@pytest.mark.parametrize("path", ["", "compare", "sweep", "runs", "papers"])
def test_little_moves_while_a_page_loads(public, page, settled, path):
    page.add_init_script(SHIFTS)
    page.goto(f"{public}/{path}")
    settled(page, 120)
    page.wait_for_selector("[data-testid=stMain] .main-svg")
    sidebar = page.locator("[data-testid=stSidebar]")
    room = sidebar.bounding_box()["width"] if path != "papers" else 0
    assert page.locator("[data-testid=stMain]").bounding_box()["x"] == pytest.approx(room, abs=1)
    assert page.evaluate("() => window.shifts") <= MOST


@pytest.mark.slow
def test_a_page_without_a_sidebar_has_the_whole_width_after_one_with_a_sidebar(public, page, settled):
    page.goto(f"{public}/?depth=1&width=2&steps=1&samples=8")
    settled(page, 120)
    page.get_by_role("link", name="Papers").first.click()
    page.wait_for_url("**/papers*")
    settled(page, 120)
    assert page.locator("[data-testid=stMain]").bounding_box()["x"] == pytest.approx(0, abs=1)
