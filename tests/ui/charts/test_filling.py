"""Charts in a frame and on a wall: no height or title of their own, text large enough, and any step to open at."""

import pytest

from core import RunConfig, train
from core.lecture.descent import bowl, descend
from core.lecture.small_network import draw
from ui.charts.animation import open_at
from ui.charts.descent import contours
from ui.charts.filling import ROOM_ABOVE, fill
from ui.charts.network import network
from ui.charts.profile import gradient_profile

CONFIG = RunConfig(hidden=(8,) * 5, steps=40, samples=16)


@pytest.fixture(scope="module")
def profile():
    return gradient_profile(train([CONFIG])[0])


def sizes(part):
    """The sizes of all fonts in a figure."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in ("font", "tickfont", "textfont", "title") and isinstance(value, dict) and "size" in value:
                yield value["size"]
            yield from sizes(value)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from sizes(value)


def test_a_chart_that_fills_has_no_height_and_no_title_and_is_still_a_figure(profile):
    chart = fill(profile)
    assert chart.figure.layout.height is None and chart.figure.layout.title.text is None
    assert chart.alt == profile.alt and len(chart.figure.frames) == len(profile.figure.frames)
    assert all("<br>" not in text for frame in chart.spec["frames"] for drawing in frame["data"]
               for text in drawing.get("text", ()) if "Step" in text)  # fmt: skip


def test_text_is_large_enough_for_the_last_row(profile):
    assert min(sizes(fill(profile, 26).figure.to_plotly_json())) >= 24
    assert min(sizes(profile.figure.to_plotly_json())) < 24


def test_the_chart_itself_stays_as_it_was(profile):
    before = profile.figure.to_json()
    fill(profile, 26)
    open_at(profile, 40, (-3, 1))
    assert profile.figure.to_json() == before


@pytest.mark.parametrize("step", [0, 1, 17, 40, 10**6])
def test_a_chart_opens_at_the_last_frame_up_to_a_step(profile, step):
    chart = open_at(profile, step)
    frame = [frame for frame in profile.spec["frames"] if int(frame["name"]) <= step][-1]
    for index, change in zip(frame["traces"], frame["data"], strict=True):
        if "y" in change:
            assert str(list(chart.spec["data"][index]["y"])) == str(list(change["y"]))  # NaN equals itself as text
    slider = chart.figure.layout.sliders[0]
    assert int(slider.steps[slider.active].args[0][0]) <= step


def test_an_axis_of_an_address_is_the_axis_of_the_picture(profile):
    assert tuple(open_at(profile, 0, (-9.0, 2.0)).figure.layout.yaxis.range) == (-9.0, 2.0)


def test_a_chart_as_high_as_wide_has_its_legend_beside_it_and_a_drawing_no_room_for_axes():
    surface = bowl()
    path = descend(surface, surface.start, 0.05, 0.0, 5)
    legend = fill(contours(surface, path, 0)).spec["layout"]["legend"]
    assert legend["orientation"] == "v" and legend["x"] > 1
    margin = fill(network(draw(3, 3, 2, 4, 0), 0)).spec["layout"]["margin"]
    assert margin["b"] == margin["l"] == ROOM_ABOVE


@pytest.mark.parametrize("text_size", [13, 26])
def test_words_strip_and_data_share_the_height_without_a_gap(profile, text_size):
    layout = fill(profile, text_size).spec["layout"]
    domains = [layout[name]["domain"] for name in ("yaxis", "yaxis3", "yaxis2")]
    ends = [end for domain in domains for end in domain]
    assert ends[0] == 0 and ends[-1] == 1 and ends == sorted(ends)
    assert ends[1:-1:2] == pytest.approx(ends[2:-1:2]) and ends[1] > 0.5
