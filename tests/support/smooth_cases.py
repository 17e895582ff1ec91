"""Networks of which no net input lies near a kink, so that finite differences of any order are those of one formula."""

import numpy as np

from core import RunConfig, snapshot
from core.families.activations import ACTIVATIONS
from core.families.losses import OUTPUT_ACTIVATIONS

SMALLEST_GRADIENT = 1e-4  # of each layer: below, a relative error says little


def random_data(loss, widths, samples, *, seed, stream):
    """(X, D) for this loss, of normal numbers or random classes."""
    rng = np.random.default_rng([seed, stream])
    X = rng.standard_normal((samples, widths[0]))
    if loss == "mse":
        return X, rng.standard_normal((samples, widths[-1]))
    return X, np.eye(widths[-1])[rng.integers(0, widths[-1], samples)]


def nearest_kink(config, snap):
    """Distance of any net input, as its activation sees it, to where phi, phi' or phi'' jumps."""
    found = [np.inf]
    for layer, net in enumerate(snap.net):
        hidden = layer < len(snap.net) - 1
        axis = {"none": None, "layer": 1, "batch": 0}[config.normalization] if hidden else None
        if axis is not None:
            net = (net - net.mean(axis=axis, keepdims=True)) / np.sqrt(net.var(axis=axis, keepdims=True) + 1e-5)
        activation = OUTPUT_ACTIVATIONS[(*config.activations, config.output_activation)[layer]]
        kinks = activation.kinks if activation is not None else ()
        if activation is not None and activation.name == "elu":
            kinks = (0.0,)  # where its second derivative jumps, which differences of fourth order feel
        found += [np.abs(net - kink).min() for kink in kinks]
    return min(found)


def smooth_case(*, widths, samples, margin, stream, **fields):
    """(config, data, snapshot) of the first seed at which every net input keeps `margin` from the kinks.

    `widths` are those of all layers, inputs and outputs too; `stream` tells the data of one test module from another's.
    """
    name = fields["activation"]
    init, scale = ACTIVATIONS[name if isinstance(name, str) else name[0]].recommended
    for seed in range(400):
        sizes = {"hidden": widths[1:-1], "samples": samples, "steps": 0, "seed": seed}
        config = RunConfig(init=init, init_scale=scale, bias_std=0.3, **sizes, **fields)
        data = random_data(config.loss, widths, samples, seed=seed, stream=stream)
        snap = snapshot(config, data=data)
        smallest = min(np.linalg.norm(G) for G in snap.weight_gradient)
        if nearest_kink(config, snap) > margin and smallest > SMALLEST_GRADIENT:
            return config, data, snap
    raise AssertionError("no seed keeps away from the kinks")
