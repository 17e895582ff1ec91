"""The training loop of one run in compiled code, free of Python's lock: many steps at a call."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..compiled.cache import compiled, summing
from ..families.clipping import clip, project_max_norm
from ..families.optimizers import compute_step
from ..norms import root_of_squares
from .measures import (
    all_finite,
    measure_accuracy,
    measure_delta_norms,
    measure_norms,
    measure_shares,
)
from .passes import backward, forward, measure_loss


class Rules(NamedTuple):
    """The rules by which one run is trained: members of registries by their codes, and numbers.

    Attributes:
        optimizer, clip: codes.
        learning_rate, momentum, clip_threshold, l1, l2, weight_decay: as in RunConfig.
        max_norm: as in RunConfig, 0 for none.
        classifies: 1 where there is an accuracy.
    """

    optimizer: int
    clip: int
    learning_rate: float
    momentum: float
    clip_threshold: float
    l1: float
    l2: float
    weight_decay: float
    max_norm: float
    classifies: int


class State(NamedTuple):
    """The numbers that a run changes, (parameters,) each: parameters, gradient, the optimizer's states, scratch.

    Attributes:
        states: (states, parameters).
        update: the last step made.
    """

    parameters: np.ndarray
    gradient: np.ndarray
    states: np.ndarray
    update: np.ndarray
    before: np.ndarray


class RowArrays(NamedTuple):
    """The fields of a Trace, (rows, layers) or (rows,).

    Attributes:
        step_norm: of each layer's step, (rows, layers).
        total_grad_norm, clipped_grad_norm: without rows where nothing is added to the gradient or clipped.
    """

    grad_norm: np.ndarray
    total_grad_norm: np.ndarray
    clipped_grad_norm: np.ndarray
    delta_norm: np.ndarray
    weight_norm: np.ndarray
    step_norm: np.ndarray
    saturation: np.ndarray
    dead: np.ndarray
    loss: np.ndarray
    total_loss: np.ndarray
    accuracy: np.ndarray
    holdout_loss: np.ndarray
    holdout_accuracy: np.ndarray
    global_grad_norm: np.ndarray
    clip_scale: np.ndarray


class Plan(NamedTuple):
    """The work of each step.

    Attributes:
        rows: (steps + 1,) the row of the record that a step fills, or -1.
        rate_factors: (steps + 1,) what the learning rate is multiplied by.
        samples: (samples, inputs + outputs + 1) to take mini-batches from, what each counts last; without rows for full
            batches.
    """

    rows: np.ndarray
    rate_factors: np.ndarray
    samples: np.ndarray


@compiled
def gather(samples, indices, n_inputs, batch):
    """Put the samples of a mini-batch, one a row, into a batch, where each is a column."""
    n_outputs, size = batch.targets.shape
    for n in range(size):
        for k in range(n_inputs):
            batch.inputs[k * size + n] = samples[indices[n], k]
        for k in range(n_outputs):
            batch.targets[k, n] = samples[indices[n], n_inputs + k]
        batch.sample_weights[n] = samples[indices[n], n_inputs + n_outputs]


@summing
def add_penalties(layout, rules, state):
    """Add the penalties' gradient, of weights only; returns the penalties."""
    penalty = 0.0
    for layer in range(layout.widths.shape[0] - 1):
        start = layout.offsets[layer]
        for k in range(start, start + layout.widths[layer] * layout.widths[layer + 1]):
            w = np.float64(state.parameters[k])
            l1 = rules.l1 * np.sign(w)
            l2 = rules.l2 * w
            penalty += (l1 + l2) * w
            state.gradient[k] += l1 + 2 * l2
    return penalty


@compiled
def update(layout, rules, state, rate, step):
    """One step: optimizer with decoupled decay of weights, then the max-norm projection. Keeps what was subtracted."""
    parameters = state.parameters
    change = state.update
    compute_step(rules.optimizer, state.gradient, state.states, rate, rules.momentum, step + 1, change)
    if rules.weight_decay > 0:
        decay = rate * rules.weight_decay
        for layer in range(layout.widths.shape[0] - 1):
            start = layout.offsets[layer]
            for k in range(start, start + layout.widths[layer] * layout.widths[layer + 1]):
                change[k] += decay * parameters[k]
    if rules.max_norm > 0:
        state.before[:] = parameters
        for k in range(parameters.shape[0]):
            parameters[k] -= change[k]
        project_max_norm(layout, parameters, rules.max_norm)
        for k in range(parameters.shape[0]):
            change[k] = state.before[k] - parameters[k]
    else:
        for k in range(parameters.shape[0]):
            parameters[k] -= change[k]


@compiled
def advance(network, rules, plan, state, batch, holdout, record, indices, first, stop):
    """Train from step `first` until before step `stop`.

    At each step a forward and a backward pass, then penalties and clipping, recorded where the plan has a row; then,
    but for the last step of the plan, the update.

    Args:
        network: a Network.
        rules, plan, state, record: of this run.
        batch, holdout: each a BatchMemory; no samples held out, one of 0 samples.
        indices: (stop - first, samples) of each step's mini-batch; without rows for full batches.

    Returns:
        The step at which loss, gradient or parameters ceased to be finite, or -1. There the run ends.
    """
    layout = network.layout
    gradient = state.gradient
    parameters = state.parameters
    unused = np.empty(layout.widths.shape[0] - 1)
    for step in range(first, stop):
        row = plan.rows[step]
        recorded = row >= 0
        if indices.shape[0]:
            gather(plan.samples, indices[step - first], layout.widths[0], batch)
        forward(network, parameters, batch)
        loss = measure_loss(network, batch)
        if recorded:
            record.loss[row] = record.total_loss[row] = loss
            measure_shares(network, batch, record.saturation[row], record.dead[row])
            if rules.classifies:
                record.accuracy[row] = measure_accuracy(batch, loss)
            if holdout.samples:
                forward(network, parameters, holdout)
                record.holdout_loss[row] = measure_loss(network, holdout)
                if rules.classifies:
                    record.holdout_accuracy[row] = measure_accuracy(holdout, record.holdout_loss[row])
        backward(network, parameters, gradient, batch)
        square = measure_norms(layout, gradient, record.grad_norm[row] if recorded else unused)
        weight_square = measure_norms(layout, parameters, record.weight_norm[row] if recorded else unused)
        if recorded:
            measure_delta_norms(network, batch, record.delta_norm[row])
        if rules.l1 > 0 or rules.l2 > 0:
            loss += add_penalties(layout, rules, state)
            square = measure_norms(layout, gradient, record.total_grad_norm[row] if recorded else unused)
            if recorded:
                record.total_loss[row] = loss
        # squares alone may overflow; and infinite weights alone leave a saturated unit, and so the loss, finite
        diverged = not math.isfinite(loss + square + weight_square) and not (
            math.isfinite(loss) and all_finite(gradient) and all_finite(parameters)
        )
        if recorded:
            record.global_grad_norm[row] = root_of_squares(gradient, square)
        if rules.clip > 0:
            clip(rules.clip, layout, gradient, parameters, rules.clip_threshold)
            if recorded:
                square = measure_norms(layout, gradient, record.clipped_grad_norm[row])
                before = record.global_grad_norm[row]
                record.clip_scale[row] = root_of_squares(gradient, square) / before if before > 0 else 1.0
        if diverged:
            return step
        if step == plan.rows.shape[0] - 1:
            break
        update(layout, rules, state, rules.learning_rate * plan.rate_factors[step], step)
        if recorded:
            measure_norms(layout, state.update, record.step_norm[row])
    return -1
