"""The cells of a map: the mean over seeds of a share, the median of everything else, also where runs have no value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import RunConfig
from core.sweeps.maps import QUANTITIES, Axis, SweepMap, compute_cells
from core.sweeps.table import SweepTable

SHARES = {"final accuracy", "diverged", "dead units"}
MAP = SweepMap(
    base=RunConfig(samples=8, hidden=(4,), steps=0),
    activations=("tanh", "relu"),
    x=Axis("init_scale", 0.5, 2, 3),
    y=Axis("bias_std", 0, 1, 2),
    seeds=4,
)
GRID = MAP.grid
NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan))


def test_shares_are_the_quantities_that_are_means_of_yes_and_no():
    assert {name for name, quantity in QUANTITIES.items() if quantity.kind == "share"} == SHARES


@pytest.mark.parametrize("quantity", QUANTITIES)
@settings(max_examples=25)
@given(values=st.lists(NUMBERS, min_size=GRID.networks, max_size=GRID.networks))
def test_a_cell_is_the_mean_of_a_share_and_the_median_of_anything_else(quantity, values):
    table = SweepTable(GRID)
    table.column(QUANTITIES[quantity].field)[:] = values
    cells = compute_cells(table, quantity)
    assert cells.shape == (2, 2, 3)
    for a, y, x in np.ndindex(cells.shape):
        start = ((a * 2 + y) * 3 + x) * 4
        present = sorted(value for value in values[start : start + 4] if value == value)
        if not present:
            assert np.isnan(cells[a, y, x])
        elif quantity in SHARES:
            # the sum of four numbers of 1e6, rounded
            assert cells[a, y, x] == pytest.approx(sum(present) / len(present), rel=1e-12, abs=1e-9)
        else:
            n = len(present)
            assert cells[a, y, x] == (present[(n - 1) // 2] + present[n // 2]) / 2


@pytest.mark.parametrize("activation", MAP.activations)
@pytest.mark.parametrize("y", MAP.y.values())
@pytest.mark.parametrize("x", MAP.x.values())
def test_a_cell_stands_where_its_network_does(activation, y, x):
    table = SweepTable(GRID)
    wanted = MAP.config(activation, x, y)
    assert (wanted.activation, wanted.bias_std, wanted.init_scale) == (activation, y, x)
    for index in range(GRID.networks):
        table.column("layer_factor")[index] = GRID.config(index).replace(seed=0) == wanted
    cells = compute_cells(table, "gradient factor")
    position = MAP.activations.index(activation), MAP.y.values().index(y), MAP.x.values().index(x)
    assert cells[position] == 1 and cells.sum() == 1
