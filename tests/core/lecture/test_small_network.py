"""The lecture's network: its numbers against hand work, and an error that is the engine's own."""

import math

import numpy as np
import pytest

from core import ConfigError
from core.lecture.small_network import SmallNetwork, draw


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


BY_HAND = SmallNetwork(
    w01=np.array([[1.0, -2.0], [0.5, 3.0]]), w12=np.array([[2.0], [-1.0]]), x=np.array([[1.0, 2.0], [0.0, -1.0]]),
    d=np.array([[1.0], [0.0]]),
)  # fmt: skip


def test_net_inputs_and_outputs_are_those_worked_by_hand():
    # sample 1: net_1 = 1*1 + 0.5*2 = 2, net_2 = -2*1 + 3*2 = 4; sample 2: net_1 = -0.5, net_2 = -3
    np.testing.assert_allclose(BY_HAND.values.net[0], [[2, 4], [-0.5, -3]], rtol=1e-15)
    out = [sigmoid(2 * sigmoid(a) - sigmoid(b)) for a, b in ((2, 4), (-0.5, -3))]
    np.testing.assert_allclose(BY_HAND.values.output[:, 0], out, rtol=1e-14)
    squares = [(out[0] - 1) ** 2, out[1] ** 2]
    np.testing.assert_allclose(BY_HAND.squared[:, 0], squares, rtol=1e-13)
    assert BY_HAND.engine_error() == pytest.approx(sum(squares) / 2, rel=1e-14)


@pytest.mark.parametrize("samples", [1, 6])
@pytest.mark.parametrize("outputs", [1, 5])
@pytest.mark.parametrize("inputs, hidden", [(1, 1), (3, 2), (5, 5)])
def test_errors_of_the_samples_add_up_to_the_number_that_training_reports(inputs, hidden, outputs, samples):
    net = draw(inputs, hidden, outputs, samples, seed=7)
    assert net.w01.shape == (inputs, hidden) and net.w12.shape == (hidden, outputs)
    assert net.x.shape == (samples, inputs) and net.d.shape == (samples, outputs)
    # sums in another order differ by a few units in the last place
    assert net.squared.sum(axis=1).mean() == pytest.approx(net.engine_error(), rel=1e-14)
    apart = [net.output(k) for k in range(outputs)]
    assert sum(part.engine_error() for part in apart) == pytest.approx(net.engine_error(), rel=1e-14)
    np.testing.assert_allclose(np.hstack([part.values.output for part in apart]), net.values.output, rtol=1e-15)


def test_a_seed_gives_the_same_network_again_and_another_seed_another():
    first, again, other = (draw(3, 3, 2, 4, seed) for seed in (1, 1, 2))
    for name in ("w01", "w12", "x", "d"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.w01 != other.w01).any()


def test_what_is_drawn_can_be_worked_with_by_hand():
    net = draw(5, 5, 5, 6, 3)
    for values in (net.w01, net.w12, net.x):
        np.testing.assert_array_equal(values, np.round(values, 1))
    assert ((net.x >= 0) & (net.x <= 1)).all() and set(np.unique(net.d)) <= {0.0, 1.0}


@pytest.mark.parametrize("bad", [(0, 3, 2, 4, 0), (6, 3, 2, 4, 0), (3, 0, 2, 4, 0), (3, 3, 6, 4, 0), (3, 3, 2, 7, 0),
                                 (3, 3, 2, 4, -1)])  # fmt: skip
def test_sizes_beyond_the_rules_are_refused(bad):
    with pytest.raises(ConfigError):
        draw(*bad)


@pytest.mark.parametrize("value, words", [(math.nan, "empty"), (math.inf, "inf"), (1e7, "10000000.0")])
def test_a_cell_that_is_no_number_is_named_with_its_place(value, words):
    w12 = BY_HAND.w12.copy()
    w12[1, 0] = value
    with pytest.raises(ConfigError) as refused:
        SmallNetwork(BY_HAND.w01, w12, BY_HAND.x, BY_HAND.d)
    assert "W(1,2), row 2, column 1" in str(refused.value) and words in str(refused.value)
