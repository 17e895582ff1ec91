"""Names stand at their lines, within the data, clear of each other and of other lines on a phone and a wide screen."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.charts.line_labels import LETTER_HEIGHT, LETTER_WIDTH, MIN_SEEN, OFFSET, WIDTHS, Box, Frame, Label, place_labels

LAYERS = 11
FRAME = Frame(0.5, LAYERS + 0.5, -8.0, 2.0, 220.0)
NAMES = ("typical network (theory)", "95 % of networks", "hard limit")
LINES = st.lists(st.floats(-7.0, 1.0), min_size=LAYERS, max_size=LAYERS).map(lambda powers: 10.0 ** np.array(powers))


def label(name, values, above=True):
    return Label(name=name, values=values, color="#111111", at=0.5, above=above)


def boxes(note):
    """The rectangles that a name covers, one for each of WIDTHS, computed from its annotation alone."""
    for width in WIDTHS:
        size = LETTER_WIDTH * len(note["text"])
        at = width * (note["x"] - FRAME.first) / (FRAME.last - FRAME.first)
        left = at - {"left": 0, "center": size / 2, "right": size}[note["xanchor"]]
        line = FRAME.height * (note["y"] - FRAME.low) / (FRAME.high - FRAME.low)
        bottom = line + note["yshift"] - LETTER_HEIGHT * (note["yanchor"] == "top")
        yield Box(left, left + size, bottom, bottom + LETTER_HEIGHT)


@given(st.tuples(LINES, LINES, LINES))
def test_names_stand_at_their_lines_within_the_data_and_clear_of_each_other(lines):
    notes = place_labels([label(name, line) for name, line in zip(NAMES, lines, strict=True)], FRAME, lines)
    assert [note["text"] for note in notes] == list(NAMES)
    for note, line in zip(notes, lines, strict=True):
        assert note["y"] == pytest.approx(np.log10(line[note["x"] - 1]))
        assert abs(note["yshift"]) == OFFSET
        for box, width in zip(boxes(note), WIDTHS, strict=True):
            assert 0 <= box.left < box.right <= width and 0 <= box.bottom < box.top <= FRAME.height
    for one, other in combinations(notes, 2):
        assert not any(a.overlaps(b) for a, b in zip(boxes(one), boxes(other), strict=True))


@pytest.mark.parametrize("decades", [(-7, 0), (0, -7), (-3, -3)])
@pytest.mark.parametrize("above", [True, False])
def test_a_straight_line_is_not_under_its_own_name_nor_under_that_of_a_line_beside_it(decades, above):
    line = np.logspace(*decades, LAYERS)
    lines = [line, line * 30]
    for note in place_labels([label("limit", lines[1], above), label("theory", lines[0], above)], FRAME, lines):
        for box, width in zip(boxes(note), WIDTHS, strict=True):
            across = np.linspace(box.left, box.right, 50)
            for other in lines:
                up = np.interp(across, FRAME.across(np.arange(1, LAYERS + 1), width), FRAME.up(other))
                assert not ((up > box.bottom) & (up < box.top)).any()


@given(LINES, st.integers(0, LAYERS - 1))
def test_a_name_keeps_off_a_rectangle_that_is_taken(line, layer):
    [free] = place_labels([label("theory", line)], FRAME, [line])
    taken = tuple(boxes(free))
    [note] = place_labels([label("theory", line)], FRAME, [line], [taken])
    assert not any(a.overlaps(b) for a, b in zip(boxes(note), taken, strict=True))


@given(st.lists(st.floats(-40, 40), min_size=1, max_size=LAYERS))
def test_a_line_off_the_axis_is_named_at_the_top_where_it_lies_above_and_nowhere_where_it_lies_below(powers):
    with np.errstate(over="ignore"):
        notes = place_labels([label("limit", 10.0 ** np.array(powers))], FRAME, [])
    inside = [layer for layer, power in enumerate(powers, 1) if FRAME.low <= power <= FRAME.high]
    above = sum(power > FRAME.high for power in powers)
    if above and len(inside) <= MIN_SEEN * (len(inside) + above):
        assert (notes[0]["text"], notes[0]["y"]) == ("limit ↑", FRAME.high)
    elif inside:
        assert notes[0]["text"] == "limit" and notes[0]["x"] in inside
    else:
        assert notes == []


def test_a_name_keeps_off_one_at_the_top_of_the_axis():
    line = np.full(LAYERS, 10.0**1.9)
    top, beside = place_labels([label("theory", line), label("limit", line * 1e9)], FRAME, [line])
    assert (top["text"], beside["text"]) == ("limit ↑", "theory")
    for box, width in zip(boxes(beside), WIDTHS, strict=True):
        corner = Box(width - LETTER_WIDTH * len(top["text"]), width, FRAME.height - LETTER_HEIGHT, FRAME.height)
        assert not box.overlaps(corner)
