"""Every gradient against central differences of the loss: any activation, loss and normalization, residual or not.

Seven layers; the differences are losses of runs of no steps that start from shifted weights, all in one call.
"""

import numpy as np
import pytest

from core import RunConfig, snapshot, train
from core.families.activations import ACTIVATIONS
from core.families.losses import LOSSES, OUTPUT_ACTIVATIONS
from core.families.normalization import NORMALIZATIONS
from tests.support.gains import draw_gains

WIDTHS = (4, 4, 4, 4, 3, 3, 3, 3)  # four residuals pass by, two layers change the width, the output never has one
SAMPLES = 7
H = 3e-5
MARGIN = 3e-3  # nobody's net input lies nearer to a kink: a shift of 2 H moves it by less, unless it grows 50-fold
STENCIL = ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12))  # the fourth-order central difference
RTOL = 1e-7  # of a layer's gradient norm: truncation H^4 |E'''''| / 30 is below 1e-15
ATOL = 1e-10  # of the loss: rounding eps E / H is 1e-11, and losses are of order 1 to 10


def data(loss, seed):
    rng = np.random.default_rng([seed, 99])
    X = rng.standard_normal((SAMPLES, WIDTHS[0]))
    if loss == "mse":
        return X, rng.standard_normal((SAMPLES, WIDTHS[-1]))
    return X, np.eye(WIDTHS[-1])[rng.integers(0, WIDTHS[-1], SAMPLES)]


def nearest_kink(config, snap):
    """Distance from any net input, as the activation sees it, to the nearest kink of that activation."""
    found = [np.inf]
    for layer, net in enumerate(snap.net):
        hidden = layer < len(snap.net) - 1
        axis = {"none": None, "layer": 1, "batch": 0}[config.normalization] if hidden else None
        if axis is not None:
            net = (net - net.mean(axis=axis, keepdims=True)) / np.sqrt(net.var(axis=axis, keepdims=True) + 1e-5)
        activation = OUTPUT_ACTIVATIONS[(*config.activations, config.output_activation)[layer]]
        bends = activation.kinks if activation is not None else ()
        if activation is not None and activation.name == "elu":
            bends = (0.0,)  # where its second derivative jumps, which differences of fourth order feel
        found += [np.abs(net - bend).min() for bend in bends]
    return min(found)


def smooth_case(**fields):
    """(config, data, snapshot) of the first seed at which nothing is near a kink and every layer has a gradient."""
    name = fields["activation"]
    init, scale = ACTIVATIONS[name if isinstance(name, str) else name[0]].recommended
    for seed in range(400):
        sizes = {"hidden": WIDTHS[1:-1], "samples": SAMPLES, "steps": 0, "seed": seed}
        config = RunConfig(init=init, init_scale=scale, bias_std=0.3, **sizes, **fields)
        given = data(config.loss, seed)
        snap = snapshot(config, data=given)
        smallest = min(np.linalg.norm(G) for G in snap.weight_gradient)
        if nearest_kink(config, snap) > MARGIN and smallest > 1e-4:
            return config, given, snap
    raise AssertionError("no seed keeps away from the kinks")


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
