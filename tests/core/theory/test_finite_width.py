"""Groups of samples, and one vector followed through a network without its matrices, against matrices drawn."""

import math

import numpy as np
import pytest

from core.families.activations import ACTIVATIONS
from core.families.initializers import INITS
from core.theory.finite_width import GROUPS, FiniteWidthSampler, grouped, safe_divide
from core.theory.grams import backward_products, propagate

DRAWS = 4000
WIDTHS = (3, 12, 5, 9, 2)


def test_samples_of_one_cluster_are_one_group_with_a_middle_of_its_own():
    rng = np.random.default_rng(0)
    centers = 10 * rng.standard_normal((GROUPS, 20))
    of = rng.integers(0, GROUPS, 60)
    X = centers[of] + 0.1 * rng.standard_normal((60, 20))
    groups, middle = grouped(X @ X.T)
    assert len({(g, c) for g, c in zip(groups, of, strict=True)}) == len(set(groups)) == len(set(of))
    np.testing.assert_array_equal(groups[middle], np.arange(len(middle)))


@pytest.mark.parametrize("samples", [1, 2, GROUPS, GROUPS + 1, 40])
def test_there_are_no_more_groups_than_samples_and_none_is_empty(samples):
    X = np.random.default_rng(1).standard_normal((samples, 4))
    for rows in (X, np.zeros_like(X), np.ones_like(X), np.repeat(X[:1], samples, axis=0), np.tile(X, (3, 1))):
        groups, middle = grouped(rows @ rows.T)
        assert len(middle) <= min(GROUPS, samples) and set(groups) == set(range(len(middle)))
        np.testing.assert_array_equal(groups[middle], np.arange(len(middle)))


def test_nothing_over_nothing_is_nothing():
    np.testing.assert_array_equal(safe_divide(np.array([0.0, 3.0, 3.0]), np.array([0.0, 0.0, 2.0])), [0.0, 0.0, 1.5])


def drawn(phi, init, scale, sigma_b, x, networks):
    """ln |y^l|^2 of layers 1 to 3, ln |delta^l|^2 likewise, for a delta of ones at the output: matrices and all."""
    rng, (draw, deviation) = np.random.default_rng(2), (INITS[init].draws, INITS[init].deviation)
    found = []
    for _ in range(networks):
        y, below, ys = x, [], []
        for layer, (m, n) in enumerate(zip(WIDTHS, WIDTHS[1:], strict=False)):
            if draw == "orthogonal":
                tall = np.linalg.qr(rng.standard_normal((max(m, n), min(m, n))))[0]
                tall = tall * rng.choice([-1, 1], min(m, n))
                W = scale * (tall if m >= n else tall.T)
            else:
                W = scale * deviation(m, n) * rng.standard_normal((m, n))
            net = y @ W + sigma_b * rng.standard_normal(n)
            if layer < 3:
                y, slope = phi.evaluate(net)
                ys.append(np.log(y @ y))
            below.append((W, slope))
        delta, deltas = np.ones(2) / math.sqrt(2), []
        for (W, _), (_, slope) in zip(below[:0:-1], below[-2::-1], strict=True):
            delta = slope * (W @ delta)
            deltas.insert(0, np.log(delta @ delta))
        found.append(ys + deltas)
    return np.array(found)


@pytest.mark.parametrize("init", ["normal", "glorot_normal", "orthogonal"])
@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_a_vector_followed_without_matrices_has_the_law_of_one_that_meets_them(name, init):
    phi, x, scale, sigma_b = ACTIVATIONS[name], np.array([1.0, -0.5, 2.0]), 1.3, 0.2
    gains = [m * (scale * INITS[init].deviation(m, n)) ** 2 for m, n in zip(WIDTHS, WIDTHS[1:], strict=False)]
    grams = propagate(phi, gains, sigma_b, x[None])
    products, logs = backward_products(grams)
    rng = np.random.default_rng(3)
    chain = FiniteWidthSampler(init, WIDTHS, grams, products, DRAWS, rng)
    net = math.sqrt(grams.K[-1][0, 0]) * rng.standard_normal((DRAWS, 1, 2)) * np.sqrt(chain.output)[:, :, None]
    delta = np.ones((DRAWS, 1, 2)) / math.sqrt(2)
    factors = list(chain.backward(slice(None), net, delta))[len(WIDTHS) - 1 :]
    means = [math.log(n * Y[0, 0]) for n, Y in zip(WIDTHS[1:-1], grams.Y[1:], strict=True)]
    ours = [np.log(f[:, 0]) + mean for f, mean in zip(chain.forward[1:], means, strict=True)]
    ours += [np.log(f[:, 0] * P[0, 0]) + log for f, P, log in zip(factors[:-1], products[:-1], logs[:-1], strict=True)]
    ours, theirs = np.array(ours).T, drawn(phi, init, scale, sigma_b, x, DRAWS)
    # 5 standard errors of the difference of two means, and of two deviations, of so many draws
    error = 5 * theirs.std(axis=0) * math.sqrt(2 / DRAWS)
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < error).all()
    kurtosis = ((theirs - theirs.mean(axis=0)) ** 4).mean(axis=0) / theirs.var(axis=0) ** 2
    assert (np.abs(ours.std(axis=0) / theirs.std(axis=0) - 1) < 5 * np.sqrt((kurtosis - 1) / (2 * DRAWS))).all()
    # what the way forward has to do with the way back: 5 standard errors of a correlation, twice
    off = np.corrcoef(ours.T) - np.corrcoef(theirs.T)
    assert np.abs(off).max() < 5 * math.sqrt(2 / DRAWS)
