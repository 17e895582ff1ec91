"""Networks counted in a band: those of the engine, layer by layer, both ends of the band among it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core import RunConfig, train
from core.data.datasets import load
from core.theory.coverage import band_coverage
from core.theory.prediction import Prediction

CONFIG = RunConfig(activation="tanh", hidden=(4, 3), samples=8, steps=5, holdout=0.25)
COUNT = 12


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_the_share_inside_is_counted_between_the_ends_of_the_band(seed):
    rng = np.random.default_rng(seed)
    first = train([CONFIG.replace(steps=0)])[0]
    low = first.grad_norm[0] * rng.uniform(0.3, 1.2, 3)
    band = Prediction(mean=low, median=low * 1.2, low=low, high=low * rng.uniform(1.3, 3, 3))
    found = band_coverage(CONFIG, band, networks=COUNT)
    norms = np.array([trace.grad_norm[0] for trace in networks()])
    np.testing.assert_allclose(found.inside, ((norms >= band.low) & (norms <= band.high)).sum(axis=0) / COUNT)
    np.testing.assert_allclose(found.median, np.median(norms, axis=0))
    assert found.networks == COUNT


def networks():
    """The networks of the first seeds on the training samples of the config's own seed."""
    parts = load(CONFIG.dataset, CONFIG.samples, CONFIG.noise, CONFIG.holdout, CONFIG.seed)
    own = CONFIG.replace(dataset="custom", holdout=0.0, steps=0)
    return train([own.replace(seed=seed) for seed in range(COUNT)], data=(parts.X, parts.D))
