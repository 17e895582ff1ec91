"""The drawing of the small network: which of its lines are solid."""

from urllib.parse import unquote

import pytest

from ui.lecture.drawing import EDGES, NODES, PLACES, _lines


@pytest.mark.parametrize("marked", [(), (5,), (10,), (6, 9), range(len(PLACES)), range(len(NODES))], ids=str)
def test_a_marked_edge_is_solid_and_thick_and_every_other_one_thin_and_dashed(marked):
    lines = unquote(_lines(marked)).split("<line ")[1:]
    assert len(lines) == len(EDGES)
    for edge, (line, (start, end)) in enumerate(zip(lines, EDGES, strict=True)):
        is_marked = len(NODES) + edge in marked
        assert ("stroke-width='3'" in line) == is_marked == ("stroke-dasharray" not in line)
        places = (*NODES[start], *NODES[end])
        assert all(f"{name}='{100 * at:g}'" in line for name, at in zip(("x1", "y1", "x2", "y2"), places, strict=True))
