"""Ready sweeps: their axes read as a visitor would set them."""

import numpy as np
import pytest

from core.presets.sweeps import SWEEP_PRESETS

AXES = {
    f"{name}, {side}": axis
    for name, preset in SWEEP_PRESETS.items()
    for side, axis in (("x", preset.map.x), ("y", preset.map.y))
    if axis.numeric
}


@pytest.mark.parametrize("name", AXES)
def test_an_axis_rises_from_one_of_its_ends_to_the_other_in_as_many_values_as_it_says(name):
    axis = AXES[name]
    values = axis.values()
    if axis.count is not None:  # otherwise they are those of its field
        assert len(values) == axis.count and (values[0], values[-1]) == (axis.low, axis.high)
    assert list(values) == sorted(set(values))


@pytest.mark.parametrize("name", [name for name, axis in AXES.items() if not axis.logarithmic])
def test_whole_numbers_along_a_linear_axis_are_evenly_spaced(name):
    values = AXES[name].values()
    if all(isinstance(value, int) for value in values):
        assert len(set(np.diff(values))) == 1
