"""The network above a profile: a block at the place of each layer, and a pulse that changes by each layer's factor."""

import numpy as np
import pytest

from core.layer_norms import LAYER_NORMS
from tests.support.charted import RUNS, run
from ui.charts.profile import gradient_profile, profile_data
from ui.charts.strip import MAX_BLOCK, MAX_PULSE, MIN_BLOCK, block_heights, pulse_layers, pulse_sizes, pulse_styles

RUNS_WITH_GRADIENT = [kind for kind in RUNS if kind != "diverged at step 0"]


def drawing(figure, name):
    (found,) = [drawn for drawn in figure.data if drawn.name == name]
    return found


@pytest.mark.parametrize("kind", RUNS_WITH_GRADIENT)
def test_every_layer_has_a_block_above_its_point_in_its_color(kind):
    trace = run(kind)
    figure = gradient_profile(trace).figure
    blocks, line = drawing(figure, "blocks"), drawing(figure, "this network")
    np.testing.assert_array_equal(blocks.x, line.x)
    np.testing.assert_array_equal(blocks.marker.line.color, line.marker.color)
    scale = ("colorscale", "cmin", "cmax")
    assert [blocks.marker.line[part] for part in scale] == [line.marker[part] for part in scale]
    assert list(drawing(figure, "input").x) == [0]
    assert blocks.xaxis == line.xaxis  # the same axis, so that both stay above each other


def test_the_pointer_finds_one_number_of_units_at_every_block_the_input_too():
    trace = run("default")
    figure = gradient_profile(trace).figure
    (hovered,) = [drawn for drawn in figure.data if drawn.yaxis == "y3" and drawn.hoverinfo != "skip"]
    assert hovered.name == "units" and list(hovered.x) == list(range(trace.layers + 1))
    np.testing.assert_array_equal(hovered.customdata, [2, *(W.shape[1] for W, _ in trace.weights)])


def test_blocks_take_the_color_of_the_frame_and_the_pulse_stays():
    figure = gradient_profile(run("default")).figure
    places = {drawn.name: place for place, drawn in enumerate(figure.data)}
    for frame in figure.frames[:: len(figure.frames) // 3]:
        changes = dict(zip(frame.traces, frame.data, strict=True))
        point, block = (changes[places[name]].marker for name in ("this network", "blocks"))
        np.testing.assert_array_equal(block.line.color, point.color)
        assert not {places["pulse"], places["units"], places["input"]} & set(changes)


def test_a_block_is_as_high_as_its_layer_is_wide_but_can_be_seen():
    heights = block_heights(np.array([2, 64, 32, 1]))
    np.testing.assert_array_equal(heights, [MIN_BLOCK, MAX_BLOCK, MAX_BLOCK / 2, MIN_BLOCK])


@pytest.mark.parametrize("factor", [0.25, 1.0, 3.0])
def test_the_pulse_changes_by_the_factor_of_each_layer(factor):
    norms = factor ** np.arange(9.0)[::-1]
    sizes = pulse_sizes(norms)
    np.testing.assert_allclose(sizes[:-1] / sizes[1:], factor)
    assert sizes.max() == pytest.approx(MAX_PULSE)


def test_the_pulse_of_a_profile_is_that_of_step_0():
    trace = run("default")
    pulse = drawing(gradient_profile(trace).figure, "pulse")
    first = trace.delta_norm[0]
    np.testing.assert_allclose(pulse.marker.size, MAX_PULSE * first / first.max())
    assert pulse.marker.opacity == 0


@pytest.mark.parametrize("norms", [[0.0, 0.0], [np.nan, 0.0], [np.nan, 2.0], [1e-320, 0.0]])
def test_a_layer_without_a_gradient_gets_no_pulse(norms):
    sizes = pulse_sizes(np.array(norms))
    assert np.isfinite(sizes).all()
    np.testing.assert_array_equal(sizes > 0, np.nan_to_num(norms) > 0)


@pytest.mark.parametrize("layers", [1, 11, 60, 501])
def test_the_pulse_reaches_the_output_first_and_layer_1_last(layers):
    shown = pulse_layers(layers)
    assert shown[0] == 1 and shown[-1] == layers and len(shown) <= 60
    styles = pulse_styles(layers, "chart")
    delays = [float(part.split("s}")[0]) for part in styles.split("animation-delay: ")[1:]]
    assert len(delays) == len(shown)
    assert delays == sorted(delays, reverse=True) and delays[-1] == 0
    assert styles.index("prefers-reduced-motion: no-preference") < styles.index("animation: pulse")


def test_the_axis_begins_before_the_block_of_the_input():
    for kind in ("one row", "500 layers"):
        figure = gradient_profile(run(kind)).figure
        assert figure.layout.xaxis.range[0] < 0
        assert ("input" in (figure.layout.xaxis.ticktext or ())) == (run(kind).layers <= 12)


def test_units_are_read_from_the_weights():
    trace = run("uneven rows")
    units = profile_data(trace, LAYER_NORMS["delta_norm"]).units
    assert list(units) == [trace.weights[0][0].shape[0], *(W.shape[1] for W, _ in trace.weights)]
