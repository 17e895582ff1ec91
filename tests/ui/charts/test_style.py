"""Colors that everybody can tell apart on both pages, and numbers written for a reader."""

import itertools
import math
import tomllib

import numpy as np
import pytest

from core.families.activations import ACTIVATIONS
from tests.support.checkout import HOUSE
from ui.charts import style
from ui.charts.animation import player
from ui.charts.style import DARK, LIGHT, MARKS

THEMES = {"light": LIGHT, "dark": DARK}
SETTINGS = tomllib.loads((HOUSE / ".streamlit" / "config.toml").read_text(encoding="utf-8"))

# What is left of linear RGB without one kind of cone. Source: Machado, Oliveira and Fernandes 2009, severity 1.
SIGHT = {
    "normal": np.eye(3),
    "no red cones": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green cones": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "no blue cones": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def linear(color):
    """Linear RGB in [0, 1] of "#rrggbb"."""
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def luminance(color):
    return float(linear(color) @ [0.2126, 0.7152, 0.0722])


def contrast(front, back):
    """WCAG 2.2 contrast ratio."""
    low, high = sorted((luminance(front), luminance(back)))
    return (high + 0.05) / (low + 0.05)


def oklab(rgb):
    """Perceptual coordinates of linear RGB. Source: Ottosson 2020, "A perceptual color space"."""
    to_cones = [[0.412221, 0.536333, 0.051446], [0.211903, 0.6807, 0.107397], [0.088302, 0.281719, 0.629979]]
    to_lab = [[0.210454, 0.793618, -0.004072], [1.977998, -2.428592, 0.450594], [0.025904, 0.782772, -0.808676]]
    return np.array(to_lab) @ np.cbrt(np.array(to_cones) @ rgb)


def seen(color, sight):
    return oklab(np.clip(np.array(SIGHT[sight]) @ linear(color), 0, 1))


def test_perceptual_distance_of_black_and_white_is_1():
    assert np.linalg.norm(seen("#ffffff", "normal") - seen("#000000", "normal")) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", THEMES)
def test_marks_differ_in_color_for_every_sight(theme, sight):
    drawn = [seen(mark.color(theme == "dark"), sight) for mark in MARKS]
    # 0.02 is just noticeable side by side; thin lines far apart need several times that
    least = {"no blue cones": 0.065}.get(sight, 0.085)
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(drawn, 2)) > least


def test_marks_differ_without_any_color():
    assert len({mark.symbol for mark in MARKS}) == len(MARKS)


@pytest.mark.parametrize("theme", THEMES)
def test_marks_stand_out_from_the_page(theme):
    # 3 is WCAG's least contrast of a graphical object
    assert min(contrast(mark.color(theme == "dark"), THEMES[theme].page) for mark in MARKS) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_words_are_readable_on_page_and_panel(theme):
    look = THEMES[theme]
    # 4.5 is WCAG's least contrast of text
    pairs = itertools.product((look.text, look.muted, look.accent), (look.page, look.panel))
    assert min(contrast(front, back) for front, back in pairs) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_charts_are_drawn_for_the_pages_own_background(theme):
    page = SETTINGS["theme"][theme]
    look = THEMES[theme]
    assert (look.page, look.panel, look.text) == (
        page["backgroundColor"],
        page["secondaryBackgroundColor"],
        page["textColor"],
    )


def test_every_activation_and_eight_arms_have_marks_of_their_own():
    assert len({style.activation_mark(name) for name in ACTIVATIONS}) == len(ACTIVATIONS)
    assert len({style.arm_mark(arm) for arm in range(8)}) == 8


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_gradient_colors_are_brightest_at_level_in_both_themes(dark):
    scale = style.gradient_colors(dark)
    assert [share for share, _ in scale] == pytest.approx([i / 6 for i in range(7)])
    bright = [luminance(color) for _, color in scale]
    assert bright[0] < bright[1] < bright[2] < bright[3] > bright[4] > bright[5] > bright[6]
    assert all(contrast(color, style.theme(dark).page) > 1.1 for _, color in scale)  # every cell is seen as one
    for low, high in ((0, 6), (1, 5), (2, 4)):  # blue below, red above
        below, above = linear(scale[low][1]), linear(scale[high][1])
        assert below[2] > below[0] and above[0] > above[2]


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_vanishing_and_exploding_are_told_apart_by_every_sight(dark, sight):
    colors = [seen(color, sight) for _, color in style.gradient_colors(dark)]
    for low, high in ((0, 6), (1, 5), (2, 4)):
        assert np.linalg.norm(colors[low] - colors[high]) > 0.085  # as for marks


@pytest.mark.parametrize(
    "value, expected",
    [
        (0.0, "0"),
        (0.25, "0.25"),
        (2.875, "2.9"),
        (173.56, "174"),
        (12_345.6, "12,346"),
        (6.87e-8, "6.9×10⁻⁸"),
        (1.5e-52, "1.5×10⁻⁵²"),
        (3e200, "3.0×10²⁰⁰"),
        (-12.4, "−12"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "not a number"),
    ],
)
def test_numbers_are_written_for_a_reader(value, expected):
    assert style.number(value) == expected


def test_wrapping_keeps_every_word_within_the_width():
    text = "Steps 0 to 300: layer 1 from 6.7×10⁻⁸ to 5.3×10⁻⁸, the output from 2.9 to 4.5×10⁻⁷."
    lines = style.wrapped(text, 30)
    assert " ".join(lines) == text
    assert max(map(len, lines)) <= 30


@pytest.mark.parametrize(
    "values", [[1e-8, 3.0], [1.0, 1.0], [5e-324, 1.7e308], [0.0, np.nan, np.inf, 2.0], [0.0], [np.nan], []]
)
def test_a_logarithmic_axis_holds_every_value_and_is_never_too_short(values):
    low, high = style.log_range(np.array(values))
    assert high - low >= 2 and math.isfinite(10.0**high)
    good = [value for value in values if 0 < value < math.inf]
    assert all(low < math.log10(value) <= high + 0.3 for value in good)  # 10 ** 308 ends the axis; float64 goes 0.25 on


@pytest.mark.parametrize("layers", [1, 2, 11, 12, 13, 21, 51, 500, 501])
def test_layers_are_labeled_from_the_input_without_crowding(layers):
    ticks = style.layers_axis(layers, dark=False)["tickvals"]
    assert ticks[0] == 1 and ticks[-1] <= layers
    assert len(ticks) <= 14 and all(tick == int(tick) for tick in ticks)


@pytest.mark.parametrize("decades", [(-9, 1), (-1, 1), (-200, 3)])
def test_a_logarithmic_axis_labels_whole_decades_and_few(decades):
    drawn = style.axis("norm", False, decades=decades)
    assert drawn["dtick"] == int(drawn["dtick"]) >= 1
    assert (decades[1] - decades[0]) / drawn["dtick"] <= 10


@pytest.mark.parametrize("theme", THEMES)
def test_play_and_slider_are_readable_in_both_themes(theme):
    controls = player(["0", "1"], 500, {"t": 70, "b": 170}, dark=theme == "dark")
    for control in (*controls["sliders"], *controls["updatemenus"]):
        assert contrast(control["font"]["color"], THEMES[theme].page) >= 4.5
        assert contrast(control["font"]["color"], control["bgcolor"]) >= 4.5
        assert contrast(control["bordercolor"], THEMES[theme].page) >= 3
    assert contrast(controls["sliders"][0]["activebgcolor"], controls["sliders"][0]["bgcolor"]) >= 3


@pytest.mark.parametrize("value", [0.012345678912, 12345.678912, 1.2345678912, 1.2345678912e-7])
def test_a_number_has_the_digits_asked_for(value):
    text = style.number(value, 10).replace("×10⁻⁷", "e-7").replace(",", "")
    assert float(text) == pytest.approx(value, rel=1e-9)


def test_a_share_is_not_broken_before_its_sign():
    assert style.wrapped("Gradients explode in 51 % of the cells", 24) == ["Gradients explode in", "51 % of the cells"]


@pytest.mark.parametrize("dark", [False, True])
def test_an_empty_chart_has_its_titles_and_its_sentence_and_no_numbers_on_its_axes(dark):
    chart = style.empty("Title", "Nothing here.", x="layer", y="norm", dark=dark)
    layout = chart.spec["layout"]
    assert chart.spec["data"] == [] and chart.alt == "Title: Nothing here." and chart.table.empty
    assert layout["title"]["text"] == "Title" and [note["text"] for note in layout["annotations"]] == ["Nothing here."]
    for name, title in (("xaxis", "layer"), ("yaxis", "norm")):
        axis = layout[name]
        assert axis["title"]["text"] == title and not axis["showticklabels"] and not axis["showgrid"]


@pytest.mark.parametrize("theme", THEMES)
def test_the_colors_along_the_network_are_seen_on_their_page(theme):
    colors = [color for _, color in style.depth_colors(theme == "dark")]
    assert min(contrast(color, THEMES[theme].page) for color in colors) >= 3
