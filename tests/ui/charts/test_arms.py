"""One arm in a chart: room for every name of the legend, the outline of a band, and the styles of activations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.families.activations import ACTIVATIONS
from ui.charts import arms, style
from ui.charts.arms import NAME_LENGTH, NARROWEST, StyledArm, arm_marks, legend_room, polygon


@given(st.lists(st.text("abc", min_size=1, max_size=40), min_size=1, max_size=8))
def test_a_legend_has_room_for_every_name_on_the_narrowest_screen_and_no_row_more(names):
    room, entry = legend_room([StyledArm(name, None, style.arm_mark(0)) for name in names])
    in_a_row = max(1, NARROWEST // (entry["entrywidth"] + 44))  # with its line and the space behind it
    rows = (room - 56 - style.rows_height(0)) / (style.rows_height(1) - style.rows_height(0))
    assert rows * in_a_row >= len(names) > (rows - 1) * in_a_row
    longest = max(min(len(name), NAME_LENGTH) for name in names)
    assert entry["entrywidth"] >= 7 * longest and entry["entrywidthmode"] == "pixels"


@given(st.integers(0, 10**6))
def test_a_band_is_outlined_along_its_lower_edge_and_back_along_its_upper_one(seed):
    rng = np.random.default_rng(seed)
    x = np.arange(1, 7)
    low = 10 ** rng.uniform(-3, 0, 6)
    high = low * 10 ** rng.uniform(0, 2, 6)
    foot = 10**-1.5
    low[rng.integers(6)] = np.nan
    drawn = polygon(x, low, high, foot)
    there = np.flatnonzero(np.isfinite(low) & (high >= foot))
    assert drawn["x"].tolist() == [*x[there], *x[there][::-1]]
    assert drawn["y"].tolist() == [*np.maximum(low[there], foot), *high[there][::-1]]


@pytest.mark.parametrize(
    "names, own", [(("tanh", "relu"), True), (("tanh", "tanh"), False), (("tanh", ("relu", "tanh")), False),
                   (("tanh", "other"), False), (tuple(ACTIVATIONS), True)],
)  # fmt: skip
def test_arms_have_the_styles_of_their_activations_where_these_all_differ(names, own):
    by_place = [style.arm_mark(place) for place in range(len(names))]
    assert arm_marks(names) == ([style.activation_mark(name) for name in names] if own else by_place)


def test_words_of_a_visitor_are_no_markup_and_no_template():
    assert arms.safe("<b>50 %{y} & more") == "&lt;b&gt;50 &#37;{y} &amp; more"
