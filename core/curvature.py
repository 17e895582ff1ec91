"""Derivatives of a network: singular values of its Jacobian, Hessian-vector products, the Hessian, and sharpness.

The R-operator differentiates every quantity of the forward and the backward pass along a direction v of the
parameters: R{dE/dtheta} = H v, at about twice the cost of a gradient and without ever forming H. Vectors run over
the parameters layer by layer from the input: W row by row (fan_in, fan_out), then b, then a learned gain and shift.

Source: Pearlmutter 1994, "Fast exact multiplication by the Hessian".
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh

from .config import RULES, RunConfig
from .engine.parameters import Initial, check_initial
from .engine.training import Data, Progress, checked_data, one_blas_thread, snapshot, train
from .errors import ConfigError
from .families.activations import ACTIVATIONS
from .families.class_weights import class_weights, sample_weights
from .families.losses import LOSSES, OUTPUT_ACTIVATIONS
from .families.normalization import EPS, NORMALIZATIONS
from .families.optimizers import OPTIMIZERS
from .layout import Layout, ParameterStack
from .trace import Snapshot

# samples and multiply-adds of `hidden_singular_values`
MAX_JACOBIANS = 16
MAX_JACOBIAN_WORK = 3_000_000_000
SVD_WORK = 10  # multiply-adds of singular values over m n^2, roughly
MAX_DENSE = 4_000  # parameters of a dense Hessian: 128 MB
SMALL = 120  # parameters up to which all eigenvalues take less time than Lanczos
BLOCK = 64  # directions at once, so that a large Hessian needs no large memory besides itself
LANCZOS_TOLERANCE = 1e-10  # of the eigenvalue


def hessian(config: RunConfig, weights: Initial, data: Data | None = None) -> np.ndarray:
    """All second derivatives of the data loss E, H_ab = d2E / dtheta_a dtheta_b, symmetric, (P, P).

    Args:
        config: the network and its loss; penalties do not count, and the batch is all training samples.
        weights: [(W, b), ...] by layer, as a Trace or a Snapshot holds them; b is None without biases, and with
            `norm_affine` a hidden layer's are (W, b, gain, shift).
        data: (X, D) replacing the config's dataset.

    Raises:
        ConfigError: weights that do not fit or are not finite, or more than 4,000 parameters.
    """
    product = _Product(config, weights, data)
    if product.layout.size > MAX_DENSE:
        raise ConfigError(
            "hidden", config.hidden, f"a Hessian has at most {MAX_DENSE:,} parameters, here {product.layout.size:,}"
        )
    return product.dense()


def hessian_vector(config: RunConfig, weights: Initial, vector: np.ndarray, data: Data | None = None) -> np.ndarray:
    """H v for one direction v of the parameters, (P,); arguments as `hessian`, for a network of any size.

    Raises:
        ConfigError: weights that do not fit, or a vector of another length or not finite.
    """
    product = _Product(config, weights, data)
    allowed = f"it needs one finite number for each of {product.layout.size} parameters"
    try:
        vector = np.asarray(vector, float)
    except (TypeError, ValueError):
        raise ConfigError("vector", vector, allowed) from None
    if vector.shape != (product.layout.size,):
        raise ConfigError("vector", vector.shape, allowed)
    if not np.isfinite(vector).all():
        raise ConfigError("vector", vector, allowed)
    return product(vector[None])[0]


def sharpness(config: RunConfig, weights: Initial, data: Data | None = None) -> float:
    """The largest eigenvalue of H (the largest algebraic one, not the largest in size), by Lanczos.

    Gradient descent on a quadratic is stable just as long as learning_rate < 2 / sharpness. Arguments as `hessian`,
    for a network of any size; deterministic, since the start vector is fixed.

    Raises:
        ConfigError: weights that do not fit or are not finite.
    """
    product = _Product(config, weights, data)
    size = product.layout.size
    if size <= SMALL:
        return float(np.linalg.eigvalsh(product.dense())[-1])
    start = np.random.default_rng(0).standard_normal(size)
    start /= np.linalg.norm(start)
    scale = float(np.linalg.norm(product(start[None])[0]))
    if scale == 0 or not np.isfinite(scale):
        return scale  # a flat loss everywhere, or one beyond all floats
    # ARPACK takes eigenvalues below 1e-11 for zero, and vanishing gradients come with smaller ones: hence the scale
    operator = LinearOperator((size, size), lambda v: product(v.reshape(1, -1))[0] / scale, dtype=float)  # ty: ignore[parameter-already-assigned]
    (largest,) = eigsh(operator, 1, which="LA", v0=start, tol=LANCZOS_TOLERANCE, return_eigenvectors=False)
    return scale * float(largest)


def sharpness_over(
    config: RunConfig,
    steps: Sequence[int],
    data: Data | None = None,
    on_progress: Progress | None = None,
    executor: Executor | None = None,
) -> np.ndarray:
    """Sharpness of one run after each of these numbers of steps; NaN from where it has diverged.

    The run is trained again up to each of them: for k of them evenly spaced that costs k / 2 runs.

    Args:
        config, data: of the run.
        steps: each from 0 to the config's steps.
        on_progress, executor: as in `train`; training counts for half of the progress.

    Raises:
        ConfigError: as `train`, or a number of steps that the run does not have.
    """
    rule: Any = RULES["steps"]
    runs = [config.stop_at(rule.validate("steps", step)) for step in steps]
    if max(steps, default=0) > config.steps:
        raise ConfigError("steps", max(steps), f"the run has {config.steps} steps")
    report = on_progress or (lambda done, total: None)
    integer = 2 * len(runs)

    def training(done: int, total: int) -> None:
        report(int(len(runs) * done / total), integer)

    traces = train(runs, data=data, on_progress=training, executor=executor)
    values = []
    for done, trace in enumerate(traces):
        values.append(np.nan if trace.diverged_at is not None else sharpness(config, trace.weights, data))
        if on_progress:
            on_progress(len(runs) + done + 1, integer)
    return np.array(values)


def stability_bound(config: RunConfig) -> float | None:
    """The sharpness up to which this optimizer's steps on a quadratic do not grow.

    None where it has no such bound, or the learning rate, and the bound with it, changes during the run.
    """
    bound = OPTIMIZERS[config.optimizer].bound
    return None if bound is None or config.is_scheduled else bound(config.momentum) / config.learning_rate


class _State:
    """One network at fixed weights, passed through forward and back by the engine.

    Shapes are (samples, units) as in the formulas.

    Attributes:
        layout, W, skips: sizes; weights by layer; which layers add their input.
        y, h: input of every layer; net input of every hidden layer, after normalization.
        gain, inverse: by hidden layer, 1 where none is learned; 1 / deviation, None without normalization.
        slope, curvature: by hidden layer phi'(u), phi''(u) at u = gain * h + shift.
        output, delta: of the last layer; dE/dnet by layer.
    """

    def __init__(self, config: RunConfig, weights: Initial, data: Data | None):
        samples = checked_data(config, data)
        widths = (samples.X.shape[1], *config.hidden, samples.D.shape[1])
        self.layout = Layout(widths, config.bias, config.has_norm_affine)
        try:
            check_initial(weights, self.layout)
        except ConfigError as error:
            raise ConfigError("weights", error.value, error.allowed) from None
        start = config.replace(steps=0, record_every=1, batch_size=None, dtype="float64", dropout=0.0)
        state = snapshot(start, 0, data, weights)
        self.W = [W for W, *_ in state.weights]
        self.D = state.targets
        self.output = state.output
        self.delta = state.delta
        weights_of_classes = class_weights(config.class_weight, samples.task, samples.D)
        self.sample_weights = 1.0 if weights_of_classes is None else sample_weights(weights_of_classes, self.D)
        self.y = [state.inputs, *state.activation[:-1]]
        self.net = state.net
        normalized = NORMALIZATIONS[config.normalization].axis
        self.axis = None if normalized is None else {1: -1, 2: -2}[normalized]  # there (R, units, samples)
        last = self.layout.layers - 1
        self.skips = [config.residual and layer < last and m == n for layer, (m, n) in enumerate(self.layout.shapes)]
        self.h = []
        self.gain = []
        self.inverse: list[Any] = []
        self.slope = []
        self.curvature = []
        with np.errstate(all="ignore"):
            for name, net, (_, _, *own) in zip(config.activations, self.net, state.weights, strict=False):
                h = net
                inverse = None
                if self.axis is not None:
                    h = net - self.mean(net)
                    inverse = 1 / np.sqrt(self.mean(h * h) + EPS)
                    h *= inverse
                gain, shift = own or (1.0, 0.0)
                u = gain * h + shift
                self.h.append(h)
                self.gain.append(gain)
                self.inverse.append(inverse)
                self.slope.append(ACTIVATIONS[name].slope(u))
                self.curvature.append(ACTIVATIONS[name].curvature(u))

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Over what normalization averages over."""
        return values.mean(axis=self.axis, keepdims=True)


def jacobian_singular_values(
    config: RunConfig,
    weights: Initial,
    data: Data | None = None,
    *,
    between: tuple[int, int] | None = None,
) -> np.ndarray:
    """Singular values of the Jacobian dy^b / dy^a of every sample, by falling size, (samples, min(n_a, n_b)).

        J = prod_{l = a+1}^{b} D^l W^l,      D^l = diag phi'(net^l),      (1 + D^l W^l) around a residual layer

    Where all are 1, signal and gradient pass every direction unchanged (dynamical isometry). Values below 1e-16 of
    the largest are rounding. Batch normalization counts as it does after training, with fixed mean and variance.

    Args:
        config, weights, data: as in `hessian`.
        between: (a, b), layers from 0 (the input) to the number of layers (the output); the whole network by default.

    Raises:
        ConfigError: weights that do not fit or are not finite; layers that do not exist or are not in order.

    Source: Saxe et al. 2013; Pennington, Schoenholz & Ganguli 2017.
    """
    state = _State(config, weights, data)
    layers = state.layout.layers
    first, last = (0, layers) if between is None else between
    if not 0 <= first < last <= layers:
        raise ConfigError("between", between, f"it must be two layers in order, from 0 to {layers}")
    with one_blas_thread, np.errstate(all="ignore"):
        J = np.broadcast_to(np.eye(state.layout.widths[first]), (len(state.D), *[state.layout.widths[first]] * 2))
        for layer in range(first, last):
            J = _through_layer(state, config, layer, J)
        largest = np.abs(J).max(axis=(1, 2), keepdims=True, initial=0)
        scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)  # LAPACK refuses what is not finite
        values = np.full((len(J), min(J.shape[1:])), np.nan)
        finite = np.isfinite(J).all(axis=(1, 2))
        values[finite] = np.linalg.svd((J / scale)[finite], compute_uv=False) * scale[finite, :, 0]
    return values


def hidden_singular_values(state: Snapshot) -> np.ndarray | None:
    """Singular values of the Jacobian from the first hidden layer to the last, (samples, min(n_1, n_L)).

    Of the first 16 samples of a snapshot; of all with batch normalization, whose mean and variance are theirs.

    Returns:
        None with fewer than two hidden layers, with weights that are not finite, and where it takes more than 3e9
        multiply-adds.
    """
    config = state.config
    widths = state.config.hidden
    given = [array for layer in state.weights for array in layer if array is not None]
    if len(widths) < 2 or not all(np.isfinite(array).all() for array in given):
        return None
    count = len(state.inputs) if config.normalization == "batch" else min(len(state.inputs), MAX_JACOBIANS)
    work = widths[0] * sum(m * n for m, n in zip(widths, widths[1:], strict=False))
    work += SVD_WORK * widths[0] * widths[-1] * min(widths[0], widths[-1])
    if count * work > MAX_JACOBIAN_WORK:
        return None
    plain = config.replace(dataset="custom", holdout=0.0, batch_size=None, class_weight=RunConfig().class_weight)
    data = state.inputs[:count], state.targets[:count]
    return jacobian_singular_values(plain, state.weights, data, between=(1, len(widths)))


def _through_layer(state: _State, config: RunConfig, layer: int, J: np.ndarray) -> np.ndarray:
    """The product with one layer's own Jacobian; J is (samples, units at the start, units of the layer's input)."""
    through = J @ state.W[layer]
    if layer == state.layout.layers - 1:
        return _through_output(state, config, through)
    if state.axis is not None:
        inverse = state.gain[layer] * state.inverse[layer]
        if state.axis == -1:  # over units, which all depend on the sample's own input
            h = state.h[layer][:, None]
            along = (through * h).mean(axis=-1, keepdims=True)
            through = through - through.mean(axis=-1, keepdims=True) - along * h
            inverse = inverse[:, None]
        through = through * inverse
    through = through * state.slope[layer][:, None]
    return through + J if state.skips[layer] else through


def _through_output(state: _State, config: RunConfig, through: np.ndarray) -> np.ndarray:
    activation = OUTPUT_ACTIVATIONS[config.output_activation]
    if activation is not None:
        return through * activation.slope(state.net[-1])[:, None]
    o = state.output[:, None]  # softmax: do_k = o_k (dnet_k - sum_j o_j dnet_j)
    return o * (through - (through * o).sum(axis=-1, keepdims=True))


class _Product(_State):
    """v -> H v at fixed weights: each product differentiates the forward and the backward pass along v.

    What belongs to several directions has them as its first axis.
    """

    def __init__(self, config: RunConfig, weights: Initial, data: Data | None):
        super().__init__(config, weights, data)
        self.loss = LOSSES[config.loss]
        self.output_activation = OUTPUT_ACTIVATIONS[config.output_activation]
        with one_blas_thread, np.errstate(all="ignore"):
            if self.output_activation is not None:
                self.slope.append(self.output_activation.slope(self.net[-1]))
                self.curvature.append(self.output_activation.curvature(self.net[-1]))
            self.residual = self.sample_weights * self.loss.residual_factor * (self.output - self.D)
            self._derivatives_of_y()

    def _derivatives_of_y(self) -> None:
        """dE/dy, dE/du and dE/dh of every hidden layer, from delta; u = gain * h + shift."""
        last = self.layout.layers - 1
        self.dy: list[Any] = [None] * last
        self.du: list[Any] = [None] * last
        self.g: list[Any] = [None] * last
        for layer in range(last - 1, -1, -1):
            self.dy[layer] = self.delta[layer + 1] @ self.W[layer + 1].T
            if layer + 1 < last and self.skips[layer + 1]:
                self.dy[layer] += self.dy[layer + 1]
            self.du[layer] = self.dy[layer] * self.slope[layer]
            self.g[layer] = self.gain[layer] * self.du[layer]

    def _normalized(self, layer: int, x: np.ndarray) -> np.ndarray:
        """The Jacobian of normalization times x, which is symmetric: s (x - mean x - h mean(h x))."""
        if self.axis is None:
            return x
        h = self.h[layer]
        return self.inverse[layer] * (x - self.mean(x) - h * self.mean(h * x))

    def _normalized_along(self, layer: int, rnet: np.ndarray, rh: np.ndarray, rg: np.ndarray) -> np.ndarray:
        """R{s (g - mean g - h mean(h g))}, with R{s} = -s^2 mean(h R{net})."""
        if self.axis is None:
            return rg
        h = self.h[layer]
        g = self.g[layer]
        s = self.inverse[layer]
        moved = self._normalized(layer, rg) - s * (rh * self.mean(h * g) + h * self.mean(rh * g))
        return moved - s * self.mean(h * rnet) * self.delta[layer]

    def _ru(self, layer: int, along: ParameterStack, rh: np.ndarray) -> np.ndarray:
        """R{gain * h + shift}."""
        if not along.gains:
            return rh
        return self.gain[layer] * rh + along.gains[layer][:, None] * self.h[layer] + along.shifts[layer][:, None]

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """H v of each row of `vectors`, (directions, P)."""
        along = self.layout.new(len(vectors), np.dtype(float))
        along.flat[:] = vectors
        out = self.layout.new(len(vectors), np.dtype(float))
        with one_blas_thread, np.errstate(all="ignore"):
            ry, rnet, rh = self._along_forward(along)
            self._along_backward(along, out, ry, rnet, rh)
        return out.flat

    def _along_forward(self, along: ParameterStack) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        last = self.layout.layers - 1
        V = along.weights
        ry = [np.zeros((1, *self.y[0].shape))]
        rnet = []
        rh = []
        for layer in range(last + 1):
            moved = self.y[layer] @ V[layer]
            if layer:  # the inputs do not move
                moved += ry[layer] @ self.W[layer]
            if along.biases:
                moved += along.biases[layer][:, None]
            rnet.append(moved)
            if layer < last:
                rh.append(self._normalized(layer, moved))
                moved = self.slope[layer] * self._ru(layer, along, rh[layer])
                ry.append(moved + ry[layer] if self.skips[layer] else moved)
        return ry, rnet, rh

    def _along_backward(
        self,
        along: ParameterStack,
        out: ParameterStack,
        ry: list[np.ndarray],
        rnet: list[np.ndarray],
        rh: list[np.ndarray],
    ) -> None:
        last = self.layout.layers - 1
        V = along.weights
        if self.output_activation is None:
            o = self.output
            routput = o * (rnet[last] - np.sum(o * rnet[last], axis=-1, keepdims=True))
        else:
            routput = self.slope[last] * rnet[last]
        rdelta = self.sample_weights * self.loss.residual_factor * routput  # the residual is linear in the output
        if self.loss.output_activation is None:
            rdelta = rdelta * self.slope[last] + self.residual * self.curvature[last] * rnet[last]
        rdelta /= len(self.D)
        rdy = None
        for layer in range(last, -1, -1):
            gradient = self.y[layer].T @ rdelta
            if layer:
                gradient += ry[layer].transpose(0, 2, 1) @ self.delta[layer]
            out.weights[layer][:] = gradient
            if out.biases:
                out.biases[layer][:] = rdelta.sum(axis=1)
            if layer == 0:
                return
            below = layer - 1
            above = rdy
            rdy = rdelta @ self.W[layer].T + self.delta[layer] @ V[layer].transpose(0, 2, 1)
            if layer < last and self.skips[layer]:
                rdy += above
            ru = self._ru(below, along, rh[below])
            rg = self.curvature[below] * ru * self.dy[below] + self.slope[below] * rdy
            if along.gains:
                out.gains[below][:] = (rg * self.h[below] + self.du[below] * rh[below]).sum(axis=1)
                out.shifts[below][:] = rg.sum(axis=1)
                rg = self.gain[below] * rg + along.gains[below][:, None] * self.du[below]
            rdelta = self._normalized_along(below, rnet[below], rh[below], rg)

    def dense(self) -> np.ndarray:
        """H, its rows by products with the unit vectors; the mean of both triangles is symmetric to the last bit."""
        size = self.layout.size
        H = np.concatenate([self(np.eye(min(BLOCK, size - at), size, at)) for at in range(0, size, BLOCK)])
        return (H + H.T) / 2
