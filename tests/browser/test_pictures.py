"""Every page in five sizes, light and dark: nothing is cut or runs over something else, and the picture comes first."""

import pytest

from core.papers.registry import PAPERS
from tests.support.layout import PICTURE, WATCH_SHIFTS, find_faults

# A page is opened in the first of each row, and seen in the others when its window is made so large.
SIZES = [[(1440, 900), (1280, 720)], [(768, 1024), (1024, 768)], [(390, 844)]]
PAGES = ["", "compare", "sweep", "runs", "papers", "lecture", "lecture?section=vanishing"]

BLOBS = "dataset=blobs&activation=relu&output_activation=softmax&loss=cross_entropy&learning_rate=0.05&batch_size=64"
PANELS = "live=true&more=true&inside=true&why=true&numbers=true&how-we-know=true"
MAP = "y=learning_rate&base=depth=2;width=8;steps=20;samples=32&x_count=5&y_count=4"
# What people come to from there, by what it is. A word after the address is the button that is pressed first.
STATES = {
    "a run that diverged": (f"?{BLOBS}&depth=20&init_scale=1.8", None),
    "fifty residual layers": (f"?{BLOBS}&depth=50&init_scale=0.14&residual=true", None),
    "sixty layers": ("?depth=60", None),
    "one layer": ("?depth=0", None),
    "all parts of the Lab unfolded": (f"?{PANELS}&open_layer=3", None),
    "the Lab's menu to share": ("?steps=20", "Share"),
    "two arms": ("compare?arms=sigmoid,ReLU~relu;init=he_normal&seeds=2&width=16&steps=60&compare_more=true", None),
    "eight arms": (
        "compare?vary=init_scale&arms=0.5,0.7,1,1.2,1.4142,1.6,1.8,2&seeds=2&activation=relu&steps=60",
        None,
    ),
    "a map of losses": (f"sweep?show=final loss&{MAP}", None),
    "numbers of a paper": ("papers?paper=schoenholz_2017", "Numbers"),
    "two recorded runs": ("runs?example=transformer_post_ln&beside=dead_cnn", None),
}
ON_THE_WALL = {"a presented scene": ("present?link=?depth=20", None)}
STATE_VIEWS = [(state, *view) for state in STATES for view in (((1440, 900), "light"), ((390, 844), "dark"))]
STATE_VIEWS += [(state, (1280, 720), theme) for state in ON_THE_WALL for theme in ("light", "dark")]
TURNED = """color => getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor === color"""
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(16, 22, 29)"}


@pytest.fixture
def visit(tab, server, settled):
    """Opens a page in a fresh tab of some size and theme, which counts how far its layout shifts."""

    def opened(path, size, theme):
        page = tab(size[0], theme)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.add_init_script(WATCH_SHIFTS)
        page.goto(f"{server}/{path}")
        page.wait_for_selector(PICTURE)
        settled(page, 120)
        return page

    return opened


@pytest.mark.slow
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_its_picture_first_and_nothing_cut_pale_moved_or_overlapping(path, sizes, visit, settled, tmp_path):
    page = visit(path, sizes[0], "light")
    for size in sizes:
        if size != sizes[0]:
            page.set_viewport_size({"width": size[0], "height": size[1]})
            settled(page, 120)
            page.evaluate("() => { window.shifts = []; }")  # what moves with the window does not move late
        for theme, color in BACKGROUNDS.items():
            page.emulate_media(color_scheme=theme)
            page.wait_for_function(TURNED, arg=color)
            settled(page, 120)
            assert find_faults(page, tmp_path) == {}, (size, theme)


@pytest.mark.slow
@pytest.mark.parametrize("state, size, theme", STATE_VIEWS)
def test_so_is_each_state_that_people_come_to(state, size, theme, visit, settled, tmp_path):
    path, button = (STATES | ON_THE_WALL)[state]
    page = visit(path, size, theme)
    if button:
        page.get_by_role("button", name=button, exact=True).first.click()
        page.mouse.move(2, 2)
        settled(page, 120)
    assert find_faults(page, tmp_path) == {}


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_so_is_every_paper(size, visit, settled, tmp_path):
    page = visit("papers", size, "light")
    for paper in PAPERS.values():
        page.get_by_text(paper.label, exact=True).first.click()
        page.get_by_role("heading", name=paper.subject).wait_for()
        settled(page)
        assert find_faults(page, tmp_path).keys() <= {"late shift"}, paper.label


# Faults by the name under which they must be found.
PLANTED = {
    "late shift": """() => {
      const push = document.createElement('div');
      push.style.height = '200px';
      document.querySelector('[data-testid=stMainBlockContainer]').prepend(push);
    }""",
    "cut texts": """() => {
      document.querySelector('h1').style.cssText = 'width: 60px; overflow: hidden; white-space: nowrap';
    }""",
    "cut labels of charts": "() => { const e = document.querySelector('.ytick text'); e.setAttribute('dx', -90) }",
    "labels over labels": """() => {
      const [one, other] = document.querySelectorAll('.xtick text');
      other.setAttribute('x', one.getAttribute('x'));
      other.setAttribute('transform', one.getAttribute('transform'));
    }""",
    "texts over texts": "() => { document.querySelector('h2').style.cssText = 'position: relative; top: -40px' }",
    "pale texts": "() => { document.querySelector('h2').style.color = '#c4c4c4' }",
    "top of the picture": """() => {
      const box = document.querySelector('[data-testid=stMainBlockContainer]');
      box.style.paddingTop = '600px';
    }""",
    "invalid formulas": "() => document.querySelector('.katex-mathml :is(msub, msup)').lastElementChild.remove()",
    "sideways pixels": "() => { document.querySelector('h2').style.width = '3000px' }",
}


@pytest.mark.slow
def test_each_kind_of_fault_is_found(visit, tmp_path):
    page = visit("papers", (1440, 900), "light")
    for kind, plant in PLANTED.items():
        page.evaluate(plant)
        page.wait_for_timeout(200)
        assert kind in find_faults(page, tmp_path), kind


# Of each chart: its widths on the screen and on paper, the room below its drawing, and whether it may be cut in two.
ON_PAPER = """() => {
  const plots = [...document.querySelectorAll(".js-plotly-plot")];
  const before = plots.map(plot => plot.querySelector(".main-svg").getBoundingClientRect().width);
  return () => plots.map((plot, i) => {
    const drawing = plot.querySelector(".main-svg").getBoundingClientRect(), chart = plot.closest(".stPlotlyChart");
    return [before[i], drawing.width, chart.getBoundingClientRect().bottom - drawing.bottom,
            getComputedStyle(chart).breakInside];
  });
}"""
BUTTONS = (
    ":is(button, a):is(.st-key-page-header *, .st-key-section *, .st-key-section-turn *), .st-key-glossary, .modebar"
)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["", "compare", "sweep", "lecture?section=vanishing"])
def test_on_paper_charts_are_whole_no_wider_than_the_page_and_buttons_left_out(path, tab, server, settled):
    page = tab(1440, "light")
    page.goto(f"{server}/{path}")
    page.wait_for_selector(PICTURE)
    settled(page, 120)
    measure = page.evaluate_handle(ON_PAPER)
    assert page.locator(BUTTONS).locator("visible=true").count() > 0
    page.emulate_media(media="print")
    page.evaluate("""() => {
      dispatchEvent(new Event("beforeprint"));
      document.querySelector("[data-testid=stMainBlockContainer]").style.width = "700px";
    }""")
    charts = measure.evaluate("measure => measure()")
    assert charts
    for screen, paper, room, inside in charts:
        assert paper == pytest.approx(min(screen, 700), abs=2)
        assert abs(room) <= 2
        assert inside == "avoid"
    assert page.locator(BUTTONS).locator("visible=true").count() == 0
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert page.locator(".main-svg[viewBox]").count() == 0
