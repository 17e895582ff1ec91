"""Chunks: each is as full as its bounds allow, and the expected seconds count what a network costs."""

import numpy as np
import pytest

from core import RunConfig
from core.config import cost
from core.sweeps import chunks
from core.sweeps.chunks import ThroughputEstimate, expected_seconds, iter_chunks
from core.sweeps.grid import Grid, config_for

BASE = RunConfig(samples=8, hidden=(4, 5, 3), steps=7)
AXES = {"depth": [1, 2, 9], "init_scale": [0.5, 1.0, 1.5, 2.0, 2.5], "steps": [0, 20]}
PRICES = {
    "NETWORK_SECONDS": 1,
    "LAYER_SECONDS": 4,
    "PARAMETER_SECONDS": 4 * 5 + 5 * 3,
    "MULTIPLY_ADD_SECONDS": cost(BASE).multiply_adds,
    "LAYER_STEP_SECONDS": 4 * 8,
}


@pytest.mark.parametrize("price", PRICES)
def test_each_price_counts_its_own_part_of_a_network(monkeypatch, price):
    for name in PRICES:
        monkeypatch.setattr(chunks, name, float(name == price))
    assert expected_seconds(BASE) == PRICES[price]


@pytest.mark.parametrize("seed", range(6))
def test_a_chunk_ends_where_one_more_network_would_break_a_bound(monkeypatch, seed):
    rng = np.random.default_rng(seed)
    grid = Grid(BASE, AXES, 3)
    by_index = [config_for(BASE, grid.names, grid.values(i)) for i in range(grid.networks)]
    seconds, sizes = (np.array([part(c) for c in by_index]) for part in (expected_seconds, lambda c: cost(c).bytes))
    throughput = ThroughputEstimate()
    throughput.factor = rng.uniform(0.5, 2)
    bound = [seconds.mean() * throughput.factor * 1e9, sizes.mean() * 1e9, 10**9]
    bound[seed % 3] = [seconds.mean() * throughput.factor * 4.5, sizes.mean() * 4.5, 4][seed % 3]
    for name, value in zip(("CHUNK_SECONDS", "MAX_CHUNK_BYTES", "MAX_CHUNK_NETWORKS"), bound, strict=True):
        monkeypatch.setattr(chunks, name, value)

    def is_within(indices):
        used = seconds[indices].sum() * throughput.factor, sizes[indices].sum(), len(indices)
        return all(a <= b for a, b in zip(used, bound, strict=True))

    found = list(iter_chunks(grid, throughput))
    assert len(found) > 2
    for chunk, following in zip(found, [*found[1:], None], strict=True):
        assert chunk.expected == pytest.approx(seconds[list(chunk.indices)].sum(), rel=1e-12)
        assert is_within(list(chunk.indices)) or len(chunk.indices) == 1
        assert following is None or not is_within([*chunk.indices, following.indices[0]])


@pytest.mark.parametrize("measured", [1e-9, 0.05, 0.7, 1.0, 3.0, 1e9])
def test_the_estimate_tends_to_the_measured_ratio_within_bounds(measured):
    throughput = ThroughputEstimate()
    throughput.update(2 * measured, 2.0)
    assert throughput.factor == pytest.approx(1 + (min(max(measured, 0.01), 100) - 1) / 5)
    for _ in range(200):
        throughput.update(3 * measured, 3.0)
    assert throughput.factor == pytest.approx(min(max(measured, 0.01), 100))
