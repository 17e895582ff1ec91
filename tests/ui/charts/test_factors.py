"""Contributions of samples to gradients: the sums, and the weights at which samples pull against each other."""

import numpy as np
import pytest

from ui.charts.factors import contribution_data, contributions
from ui.lecture.symbols import WEIGHTS


@pytest.mark.parametrize("samples", [2, 3, 9])
@pytest.mark.parametrize("against", [1, 4, 6])
def test_the_finding_counts_the_weights_at_which_samples_pull_against_each_other(samples, against):
    terms = np.random.default_rng(samples).uniform(0.1, 1, (samples, len(WEIGHTS)))
    terms[0, :against] *= -0.5
    terms[:, -1] *= -7  # the largest of all by size, and below 0
    data = contribution_data(terms)
    assert data.largest == len(WEIGHTS) - 1 and data.opposed == list(range(against))
    np.testing.assert_allclose(data.total, terms.sum(axis=0))
    alt = contributions(terms).alt
    assert f"The largest is ∂E/∂{WEIGHTS[-1].text} = " in alt and f" in {against} of {len(WEIGHTS)}." in alt
