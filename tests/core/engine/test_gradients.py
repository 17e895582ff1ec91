"""Every gradient against central differences of the loss: any activation, loss and normalization, residual or not.

Seven layers; the differences are losses of runs of no steps that start from shifted weights, all in one call.
"""

from functools import partial

import numpy as np
import pytest

from core import snapshot, train
from core.families.activations import ACTIVATIONS
from core.families.losses import LOSSES
from core.families.normalization import NORMALIZATIONS
from tests.support import smooth_cases
from tests.support.gains import draw_gains

WIDTHS = (4, 4, 4, 4, 3, 3, 3, 3)  # four residuals pass by, two layers change the width, the output never has one
SAMPLES = 7
H = 3e-5
MARGIN = 3e-3  # nobody's net input lies nearer to a kink: a shift of 2 H moves it by less, unless it grows 50-fold
STENCIL = ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12))  # the fourth-order central difference
RTOL = 1e-7  # of a layer's gradient norm: truncation H^4 |E'''''| / 30 is below 1e-15
ATOL = 1e-10  # of the loss: rounding eps E / H is 1e-11, and losses are of order 1 to 10
smooth_case = partial(smooth_cases.smooth_case, widths=WIDTHS, samples=SAMPLES, margin=MARGIN, stream=99)


def directions(snap, rng):
    """[(layer, which of its arrays, direction)]: a random one in each array, and for each layer a single entry of W."""
    found = []
    for layer, arrays in enumerate(snap.weights):
        for index, values in enumerate(arrays):
            along = rng.standard_normal(values.shape)
            found.append((layer, index, along / np.linalg.norm(along)))
        entry = np.zeros_like(arrays[0])
        entry[rng.integers(0, entry.shape[0]), rng.integers(0, entry.shape[1])] = 1
        found.append((layer, 0, entry))
    return found


def shifted(weights, layer, index, along, amount):
    moved = list(weights)
    moved[layer] = tuple(values + amount * along if k == index else values for k, values in enumerate(weights[layer]))
    return moved


def check(config, given, snap):
    ways = directions(snap, np.random.default_rng(7))
    initial = [shifted(snap.weights, *way, times * H) for way in ways for times, _ in STENCIL] + [snap.weights]
    *losses, loss = (trace.loss[0] for trace in train([config] * len(initial), data=given, initial=initial))
    numeric = np.reshape(losses, (len(ways), len(STENCIL))) @ [weight for _, weight in STENCIL] / H
    for (layer, index, along), found in zip(ways, numeric, strict=True):
        analytic = (snap.gradients[layer][index] * along).sum()
        size = np.linalg.norm([np.linalg.norm(gradient) for gradient in snap.gradients[layer]])
        assert abs(found - analytic) <= RTOL * size + ATOL * max(loss, 1), (
            f"layer {layer + 1}: {found!r} by differences, {analytic!r} by the engine"
        )


def output_of(loss, activation):
    """A mean squared error goes through every output activation, here that of the hidden layers."""
    return LOSSES[loss].output_activation or activation


@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_the_slopes_of_the_loss(activation, loss, normalization, residual):
    check(
        *smooth_case(
            activation=activation,
            loss=loss,
            output_activation=output_of(loss, activation),
            normalization=normalization,
            residual=residual,
        )
    )


@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("normalization", [name for name in NORMALIZATIONS if name != "none"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ["tanh", "gelu"])  # without kinks, wherever gains and shifts move net inputs
def test_gradients_of_a_learned_gain_and_shift(activation, loss, normalization, residual):
    config, given, snap = smooth_case(
        activation=activation,
        loss=loss,
        output_activation=output_of(loss, activation),
        normalization=normalization,
        residual=residual,
        norm_affine=True,
    )
    moved = snapshot(config, data=given, initial=draw_gains(snap.weights))
    assert len(moved.norm_gradient) == len(WIDTHS) - 2
    check(config, given, moved)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_a_network_with_another_activation_in_every_layer(loss, normalization):
    names = ("tanh", "gelu", "leaky_relu", "silu", "softplus", "sigmoid")
    output = output_of(loss, "tanh")
    check(*smooth_case(activation=names, loss=loss, output_activation=output, normalization=normalization))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_under_a_linear_output(activation):
    check(*smooth_case(activation=activation, loss="mse", output_activation="linear"))


def test_the_check_can_fail():
    config, given, snap = smooth_case(activation="tanh", loss="mse", output_activation="linear")
    check(config, given, snap)
    snap.weight_gradient[3][0, 0] *= 1.001
    with pytest.raises(AssertionError, match="layer 4"):
        check(config, given, snap)
