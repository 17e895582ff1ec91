"""The margins that a page has before its script draws are those that it has afterwards."""

import re
from pathlib import Path

import pytest

from ui.margins import LAYOUT, PICTURE_FIRST, SIDEBAR_PIXELS, first_style, page_style
from ui.navigation import SIDEBAR_PAGES

ROOM = f"margin-left: {SIDEBAR_PIXELS}px"


@pytest.mark.parametrize("path", SIDEBAR_PAGES)
def test_a_page_with_a_sidebar_keeps_its_room_from_the_first_paint_on(path):
    assert ROOM in first_style(path, "") and ROOM in first_style(path, "depth=3&embed=false")
    assert ROOM in page_style(path)


@pytest.mark.parametrize(
    ("path", "query"), [("lecture", ""), ("present", ""), ("", "embed=true"), ("sweep", "a=1&embed=true")]
)
def test_a_page_without_a_sidebar_keeps_none(path, query):
    assert ROOM not in first_style(path, query)


@pytest.mark.parametrize("style", [page_style(""), first_style("", "")])
def test_the_room_is_gone_once_the_sidebar_is_there(style):
    [rule] = [line for line in style.splitlines() if ROOM in line]
    assert rule.split(" {")[1].endswith(":not([data-testid=stSidebar] ~ *)")


@pytest.mark.parametrize("style", [LAYOUT, *map(page_style, SIDEBAR_PAGES)])
def test_no_style_of_a_drawn_page_asks_what_the_whole_page_contains(style):
    # A browser asks again whenever anything comes or goes below: milliseconds for each letter that Plotly measures.
    # Where the question names each level, it asks only when something comes or goes on these.
    asked = re.findall(r"([^\s,>+~{}]*):has\((?!> )", style)
    assert all(re.match(r"\.(?!stApp|stMain)|\[", element) for element in asked), asked


def test_on_a_phone_compare_is_in_its_order_from_the_first_paint_on_and_by_names_that_it_draws():
    assert PICTURE_FIRST in page_style("compare") and PICTURE_FIRST in first_style("compare", "")
    assert PICTURE_FIRST not in page_style("") + first_style("", "") + first_style("compare", "embed=true")
    drawn = (Path(__file__).parents[2] / "pages" / "compare.py").read_text(encoding="utf-8")
    names = set(re.findall(r"st-key-([\w-]+)", PICTURE_FIRST))
    assert len(names) == 5 and all(re.search(f'key=f?"{name}["-]', drawn) for name in names)
