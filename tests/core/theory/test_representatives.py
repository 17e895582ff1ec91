"""Samples that stand for all: what they must keep, whatever the data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.theory.representatives import FewestSamples, even_weights, evenly_chosen

sizes = st.tuples(st.integers(2, 60), st.integers(1, 12), st.integers(1, 3), st.integers(0, 99))


def drawn(samples, inputs, outputs, seed):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, inputs)), rng.integers(0, 2, (samples, outputs)).astype(float)


@given(sizes, st.integers(1, 30))
def test_evenly_chosen_samples_are_different_ones_and_as_many_as_asked(size, count):
    X, D = drawn(*size)
    chosen = evenly_chosen(X, D, count)
    assert len(set(chosen)) == len(chosen) == min(count, len(X))


@given(sizes)
def test_all_samples_weigh_the_same(size):
    X, D = drawn(*size)
    np.testing.assert_array_equal(even_weights(X, D, np.arange(len(X))), 1 / len(X))


@given(st.integers(2, 60), st.integers(1, 40), st.integers(2, 30), st.integers(0, 99))
def test_few_samples_are_no_more_than_asked_and_their_weights_are_shares(samples, features, count, seed):
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0.5, 1.5, samples)
    chosen, weights = FewestSamples(rng.standard_normal((samples, features)), shares / shares.sum()).choose(count)
    assert len(chosen) <= count
    assert (weights > 0).all() and weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("size", [1.0, 1e200, 1e-200])
def test_few_samples_keep_the_means_of_features_that_vary_in_few_directions(size):
    rng = np.random.default_rng(0)
    F = size * (1 + rng.standard_normal((200, 11)) @ rng.standard_normal((11, 50)))
    shares = rng.uniform(0.5, 1.5, 200)
    shares /= shares.sum()
    chosen, weights = FewestSamples(F, shares).choose(13)
    np.testing.assert_allclose(weights @ F[chosen], shares @ F, rtol=0, atol=1e-9 * size)


def test_even_weights_keep_the_mean_of_the_inputs():
    X, D = drawn(300, 2, 1, 0)
    chosen = evenly_chosen(X, D, 128)
    weights = even_weights(X, D, chosen)
    assert (weights > 0).all() and weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(weights @ X[chosen], X.mean(axis=0), atol=1e-9)


@given(st.integers(2, 60), st.integers(1, 30), st.integers(0, 99))
def test_of_equal_targets_short_samples_and_long_ones_are_chosen_at_even_ranks(samples, count, seed):
    X = np.random.default_rng(seed).standard_normal((samples, 3))
    chosen = evenly_chosen(X, np.ones((samples, 1)), count)
    ranks = np.linalg.norm(X, axis=1).argsort().argsort()
    middles = [(2 * k + 1) * samples // (2 * count) for k in range(count)]  # of so many equal parts of all ranks
    assert sorted(ranks[chosen]) == (middles if count < samples else list(range(samples)))


@given(st.integers(2, 60), st.integers(1, 30), st.integers(0, 99))
def test_each_target_has_its_share_of_the_chosen_samples(samples, count, seed):
    rng = np.random.default_rng(seed)
    X, D = rng.standard_normal((samples, 3)), np.eye(3)[rng.integers(0, 3, samples)]
    chosen = evenly_chosen(X, D, count)
    assert (np.abs(D[chosen].sum(axis=0) - len(chosen) * D.mean(axis=0)) <= 1).all()
