"""One batch through a network, forward and backward, in buffers made once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..config import RunConfig
from ..families.activations import ACTIVATION_CODES, ACTIVATIONS
from ..families.losses import LOSS_CODES, LOSSES
from ..families.normalization import NORMALIZATIONS
from ..layout import Layout, LayoutArrays
from .passes import backward, forward

SATURATED = 0.05  # a unit counts as saturated where |phi'| is below this share of sup |phi'|
SOFTMAX = -1  # in place of an activation's code


class Network(NamedTuple):
    """Shape and kind of a network, for the compiled passes.

    Attributes:
        layout: sizes, and where parameters lie.
        unit_starts: (layers + 1,) units of the layers before, without the input.
        skips: (layers,) which layers add their input.
        axis: what normalization averages over; 0 for none.
        activation, output_activation: codes, (hidden layers,) and one; SOFTMAX for softmax.
        threshold, output_threshold: |phi'| below counts as low, (hidden layers,) and one.
        loss: its code.
        residual_factor: of the loss.
    """

    layout: LayoutArrays
    unit_starts: np.ndarray
    skips: np.ndarray
    axis: int
    activation: np.ndarray
    output_activation: int
    threshold: np.ndarray
    output_threshold: float
    loss: int
    residual_factor: float


class BatchMemory(NamedTuple):
    """Buffers of the compiled passes, flat where layers differ in size.

    Attributes:
        samples: of the batch.
        inputs: of all layers, with their row of ones, each (units + 1, samples).
        input_starts: where each layer's begin.
        nets: net input of one layer; with normalization of all hidden layers, normalized.
        slopes: phi' and then delta of all layers, each (units, samples).
        low: how many slopes are low for each (layer, unit).
        inverse_deviation: (layers, longest), used where there is normalization.
        output_net, output, targets: (outputs, samples); a linear output is its net input.
        log_sum: (samples,) of softmax.
        dy: dE/dy of two neighboring layers.
        masks: of the hidden layers' outputs, laid out as slopes are: 0 or 1 / (1 - dropout); empty without dropout.
        sample_weights: (samples,) what each sample counts in the loss.
        delta_squares: (layers,) the sum of squares of each delta.
    """

    samples: int
    inputs: np.ndarray
    input_starts: np.ndarray
    nets: np.ndarray
    slopes: np.ndarray
    low: np.ndarray
    inverse_deviation: np.ndarray
    output_net: np.ndarray
    output: np.ndarray
    targets: np.ndarray
    log_sum: np.ndarray
    dy: np.ndarray
    masks: np.ndarray
    sample_weights: np.ndarray
    delta_squares: np.ndarray


def describe_network(config: RunConfig, layout: Layout) -> Network:
    """The network of a run as compiled code takes it."""
    last = layout.layers - 1
    output = ACTIVATIONS.get(config.output_activation)
    loss = LOSSES[config.loss]
    return Network(
        layout=layout.arrays,
        unit_starts=np.cumsum([0, *layout.widths[1:]]),
        skips=np.array([config.residual and layer < last and m == n for layer, (m, n) in enumerate(layout.shapes)]),
        axis=NORMALIZATIONS[config.normalization].axis or 0,
        activation=np.array([ACTIVATION_CODES[name] for name in config.activations], np.int64),
        output_activation=ACTIVATION_CODES.get(config.output_activation, SOFTMAX),
        threshold=SATURATED * np.array([ACTIVATIONS[name].sup_slope for name in config.activations], float),
        output_threshold=SATURATED * output.sup_slope if output else 0.0,
        loss=LOSS_CODES[config.loss],
        residual_factor=loss.residual_factor,
    )


class Batch:
    """A network on `samples` samples: every array is (units, samples).

    Activations carry a last row of ones, so that one product gives W and b at once; slopes phi' lie side by side in
    one array, where the backward pass overwrites them by delta.

    Args:
        dropout: whether `masks` drop units; they drop none until they are written.

    Attributes:
        inputs, y: by layer, what goes in, with and without its row of ones; the data first.
        delta: by layer, after a backward pass.
        masks: by hidden layer; none without dropout.
        memory: all of it, for compiled code.
    """

    def __init__(self, network: Network, samples: int, dtype: np.dtype, *, dropout: bool = False):
        self.network = network
        widths = network.layout.widths
        bias = network.layout.bias
        rows = widths[:-1] + bias
        starts = samples * np.cumsum([0, *rows])
        inputs = np.ones(starts[-1], dtype)
        slopes = np.ones(samples * network.unit_starts[-1], dtype)
        output_net = np.zeros((widths[-1], samples), dtype)
        # without normalization a net input is needed no longer than its layer takes, and stays near the core
        net_size = samples * (sum(widths[1:-1]) if network.axis else max(widths))
        self.memory = BatchMemory(
            samples=samples,
            inputs=inputs,
            input_starts=starts,
            nets=np.empty(net_size, dtype),
            slopes=slopes,
            low=np.zeros(network.unit_starts[-1], np.int64),
            inverse_deviation=np.empty((len(rows), max(samples, *widths) if network.axis else 0), dtype),
            output_net=output_net,
            output=output_net if network.output_activation == 0 else np.zeros_like(output_net),
            targets=np.zeros_like(output_net),
            log_sum=np.zeros(samples),
            dy=np.empty((2, max(widths) * samples), dtype),
            masks=np.ones(samples * network.unit_starts[-2] if dropout else 0, dtype),
            sample_weights=np.ones(samples),
            delta_squares=np.zeros(len(rows)),
        )
        self.inputs = [inputs[a : a + n * samples].reshape(n, samples) for a, n in zip(starts, rows, strict=False)]
        self.y = [A[:width] for A, width in zip(self.inputs, widths, strict=False)]
        starts_of_units = samples * network.unit_starts
        units = zip(starts_of_units, widths[1:], strict=False)
        self.delta = [slopes[a : a + n * samples].reshape(n, samples) for a, n in units]
        hidden = zip(starts_of_units, widths[1:-1], strict=False) if dropout else ()
        self.masks = [self.memory.masks[a : a + n * samples].reshape(n, samples) for a, n in hidden]
        self.output = self.memory.output
        self.targets = self.memory.targets

    def fill(self, X: np.ndarray, D: np.ndarray, weights: np.ndarray) -> None:
        """Take inputs (samples, inputs), targets (samples, outputs) and what each sample counts, (samples,)."""
        self.memory.sample_weights[:] = weights
        self.y[0][:] = X.T
        self.targets[:] = D.T

    def forward(self, parameters: np.ndarray) -> None:
        """net, y and phi' of every layer, and the output, at (parameters,)."""
        forward(self.network, parameters, self.memory)

    def backward(self, parameters: np.ndarray, gradient: np.ndarray) -> None:
        """delta of every layer, and the gradient into `gradient`, (parameters,) as they are."""
        backward(self.network, parameters, gradient, self.memory)
