"""Rules on what is wrong before a gradient can flow: the data, normalization, equal units, a dead output, underflow."""

from __future__ import annotations

import numpy as np

from ..data.summary import output_range
from ..families.activations import ACTIVATIONS
from ..wording import count_noun, format_number, name_layers
from . import suggestions
from .findings import Finding
from .statistics import LEARNED_LOSS, TraceStats

MAX_INPUT_RMS = 10.0  # the root mean square of an input column from which a first layer's net input is saturated
MAX_TARGET_RMS = 10.0  # of a regression's targets from which gradients and the loss start out of scale
TWO_VALUES = 2  # values that normalizing always turns into -1 and 1; a single one becomes 0
EQUAL = 1e-9  # relative difference below which units are copies of each other


def find_unreachable_targets(stats: TraceStats) -> Finding | None:
    """Targets of a regression that the output activation cannot take, where they keep the loss high."""
    data = stats.data
    if data is None or not data.unreachable_loss > LEARNED_LOSS * data.constant.loss:
        return None
    name = stats.config.output_activation
    first, last = data.target_range
    low, high = output_range(name)
    if np.isfinite([low, high]).all():
        stays = f"stays between {low:.3g} and {high:.3g}"
    else:
        stays = f"never goes below {low:.3g}" if np.isfinite(low) else f"never goes above {high:.3g}"
    ranges = f"go from {format_number(first)} to {format_number(last)}, but a {ACTIVATIONS[name].label} output {stays}"
    floor = format_number(data.unreachable_loss)
    what = f"The targets {ranges.replace('-', '−')}: the loss cannot fall below {floor}."
    why = "No weights take an output activation out of its range; a linear output has none."
    if stats.config.steps == 0 and stats.trace.diverged_at is None:
        return Finding(name="unreachable_targets", severity="note", what=what, why=why)
    offered = suggestions.for_dead_output(stats.config, at_initialization=True)
    return Finding(name="unreachable_targets", severity="bad", what=what, why=why, suggestions=offered)


def find_unscaled_data(stats: TraceStats) -> Finding | None:
    """Raw inputs or targets, where the run did not learn."""
    if stats.data is None:
        return None
    inputs = stats.data.input_rms
    targets = stats.data.target_rms
    large_inputs = inputs > MAX_INPUT_RMS
    large_targets = targets > MAX_TARGET_RMS
    if not (large_inputs or large_targets):
        return None
    parts = []
    whys = []
    if large_inputs:
        parts.append(f"inputs have a root mean square of up to {format_number(inputs)}")
        whys.append("Inputs this large make the first layer’s net inputs and its gradient as many times larger.")
    if large_targets:
        parts.append(f"targets have a root mean square of {format_number(targets)}")
        whys.append("Targets this large start the loss, and every gradient, at their square and size.")
    what = f"The {' and '.join(parts)}, where training expects about 1."
    if stats.trace.data_summary is not None:  # arrays that a caller passed are used as they are
        whys.append("Subtract the mean and divide by the standard deviation before training.")
    if stats.learned or (stats.trace.diverged_at is None and stats.config.steps == 0):
        return Finding(name="unscaled_data", severity="note", what=what, why=" ".join(whys))
    return Finding(
        name="unscaled_data",
        severity="bad",
        what=what,
        why=" ".join(whys),
        suggestions=suggestions.for_unscaled_data(stats.config),
    )


def degenerate_layers(stats: TraceStats) -> np.ndarray:
    """The hidden layers, from 1, whose normalized net input has lost its sizes and that no skip leads around.

    Each is normalized over one value, which becomes 0, or over two, which become -1 and 1: no gradient passes but what
    the 1e-5 inside the root leaves.
    """
    config = stats.config
    widths = [len(stats.trace.weights[0][0]), *config.hidden]
    few = [count <= TWO_VALUES for count in _averaged_counts(stats)]
    skipped = [config.residual and a == b for a, b in zip(widths, widths[1:], strict=False)]
    return np.flatnonzero([one and not skip for one, skip in zip(few, skipped, strict=True)]) + 1


def _averaged_counts(stats: TraceStats) -> list[float]:
    """By hidden layer, the values over which normalization takes its mean; infinite without normalization."""
    config = stats.config
    if config.normalization == "layer":
        return list(config.hidden)
    batch = config.batch_size or config.samples
    return [batch if config.normalization == "batch" else np.inf] * len(config.hidden)


def find_degenerate_normalization(stats: TraceStats) -> Finding | None:
    """Normalization over so few values that nothing of them is left."""
    layers = degenerate_layers(stats)
    if not len(layers):
        return None
    counts = np.array(_averaged_counts(stats))[layers - 1]
    layers = layers[counts == counts.min()]
    single = counts.min() == 1
    if stats.config.normalization == "batch":
        holds = "one sample" if single else "two samples"
        what = f"Each batch holds {holds}, so batch normalization turns the net input of {name_layers(layers)} into "
    else:
        units = "one unit" if single else "two units"
        has = "it has" if len(layers) == 1 else "they have"
        what = f"Layer normalization turns the net input of {name_layers(layers)}, since {has} {units}, into "
    if single:
        what += "0."
        why = "A single value is its own mean: what is left after subtracting it says nothing about the input."
    else:
        what += "−1 and 1."
        why = "Two values, normalized to mean 0 and variance 1, are always −1 and 1: only their order is left."
    if stats.learned:
        return Finding(name="degenerate_normalization", severity="note", what=what, why=why)
    return Finding(
        name="degenerate_normalization",
        severity="bad",
        what=what,
        why=f"{why} No gradient passes either." if single else f"{why} Hardly any gradient passes.",
        suggestions=suggestions.for_degenerate_normalization(stats.config),
    )


def identical_layers(stats: TraceStats) -> np.ndarray:
    """The hidden layers, from 1, of two units or more that all have equal weights in and out."""
    weights = stats.trace.weights
    causes = []
    for layer, (own, (W_next, *_)) in enumerate(zip(weights, weights[1:], strict=False), start=1):
        incoming = np.vstack([values for values in own if values is not None])
        if incoming.shape[1] > 1 and _equal(incoming.T) and _equal(W_next):
            causes.append(layer)
    return np.array(causes, dtype=int)


def _equal(rows: np.ndarray) -> bool:
    """True where all rows are one row, to rounding."""
    if not np.isfinite(rows).all():
        return False
    with np.errstate(over="ignore"):
        return bool(np.abs(rows - rows[0]).max() <= EQUAL * max(np.abs(rows).max(), np.finfo(float).tiny))


def find_identical_units(stats: TraceStats) -> Finding | None:
    """Layers whose units started alike and stay alike."""
    layers = identical_layers(stats)
    if not len(layers) or stats.first_loss == 0:
        return None
    trace = stats.trace
    zero = np.flatnonzero(trace.weight_norm[0] == 0) + 1
    what = f"All units of {name_layers(layers)} have equal weights, and so all compute the same."
    if len(zero):
        what += f" The weights of {name_layers(zero)} are zero at initialization."
    if len(zero) and trace.delta_norm[0, 0] == 0:
        what += " No gradient comes back through them to layer 1."
    why = "Equal units get equal gradients, so training keeps them equal; random weights make them differ."
    if stats.learned:
        return Finding(name="identical_units", severity="note", what=what, why=why)
    return Finding(
        name="identical_units",
        severity="bad",
        what=what,
        why=why,
        suggestions=suggestions.for_identical_units(stats.config),
    )


def find_dead_output(stats: TraceStats) -> Finding | None:
    """An output activation that is flat on every sample, at the start or at the end, so that delta is 0 there."""
    trace = stats.trace
    if not len(stats.good):
        return None
    silent = (trace.dead[:, -1] == 1) & (trace.delta_norm[:, -1] == 0) & (trace.loss > 0)
    row = next((row for row in (0, stats.end) if silent[row]), None)
    if row is None or stats.learned:
        return None
    name = trace.config.output_activation
    outputs = trace.weights[-1][0].shape[1]
    units = "The output" if outputs == 1 else f"All {count_noun(outputs, 'output')}"
    verb = "lies" if outputs == 1 else "lie"
    what = (
        f"{stats.when(row)}, {units[0].lower()}{units[1:]} {verb} where {ACTIVATIONS[name].label} is flat on every "
        f"sample: no gradient starts there, although the loss is {format_number(float(trace.loss[row]))}."
    )
    why = "The gradient begins with the slope of the output activation; where that is 0, no weight can learn."
    if row == 0:
        why += " Here it depends on the random draw of the weights."
    return Finding(
        name="dead_output",
        severity="bad",
        what=what,
        why=why,
        suggestions=suggestions.for_dead_output(stats.config, row == 0),
        step=stats.step_of(row),
    )


def find_underflow(stats: TraceStats) -> Finding | None:
    """Gradients or signals below what the dtype can hold; never exact zeros with another cause."""
    trace = stats.trace
    dtype = stats.config.dtype
    tiny = float(np.finfo(dtype).tiny)
    if not len(stats.good) or not trace.delta_norm[0, -1] >= tiny or not stats.hidden:
        return None
    if len(degenerate_layers(stats)) or (trace.weight_norm[0] == 0).any():
        return None
    first = stats.first_underflow_layer(tiny)
    if first is not None:
        what = (
            f"At initialization, the signal itself falls below {format_number(tiny)}, the smallest {dtype} of full "
            f"precision: layer {first} and all above put out exactly 0, and no hidden layer has a gradient."
        )
        why = "Each layer makes the signal smaller, and what a number format cannot hold is rounded to 0."
    else:
        norms = np.minimum(trace.delta_norm[0], trace.grad_norm[0])
        lost_layers = np.flatnonzero(norms < tiny) + 1
        zeros = int((norms == 0).sum())
        if stats.blocked[0] or not len(lost_layers) or not _near_the_limit(stats, lost_layers, tiny):
            return None
        what = (
            f"At initialization, the gradient of {name_layers(lost_layers)} is below {format_number(tiny)}, the "
            f"smallest {dtype} of full precision; " + _exactly_zero(zeros, len(lost_layers))
        )
        why = "Each layer makes the gradient smaller, and what a number format cannot hold is rounded to 0."
    return Finding(
        name="underflow", severity="bad", what=what, why=why, suggestions=suggestions.for_underflow(stats.config)
    )


def _exactly_zero(zeros: int, n_lost: int) -> str:
    if n_lost == 1:
        return "it is exactly 0." if zeros else "it is not yet 0."
    return f"in {zeros or 'none'} of them it is exactly 0."


def _near_the_limit(stats: TraceStats, lost_layers: np.ndarray, tiny: float) -> bool:
    """True where the gradient next to the lost layers is itself so small that one layer more takes it below `tiny`.

    An exact zero beside a gradient of ordinary size has another cause: a silent layer, a signal of exactly 0.
    """
    trace = stats.trace
    delta = trace.delta_norm[0]
    weights = trace.weight_norm[0]
    silent = trace.dead[0] == 1
    for layer in lost_layers - 1:
        small_delta = delta[layer] < tiny
        above = layer + 1
        if small_delta and (above == trace.layers or delta[above] == 0):
            continue  # the layer above is lost as well, and judged itself
        if small_delta:
            near = delta[above] * weights[above] < tiny * 1e6 and not silent[layer]
        else:  # delta is there, so the signal that multiplies it is too small
            near = layer > 0 and not silent[:layer].any() and not _zero_signal(stats, layer)
        if not near:
            return False
    return True


def _zero_signal(stats: TraceStats, layer: int) -> bool:
    """True where a signal of ordinary size would reach this layer (index from 0): its zero is exact."""
    fan_in = np.array([len(W) for W, *_ in stats.trace.weights[:layer]])
    signal = np.log10(stats.trace.weight_norm[0, :layer] / np.sqrt(2 * fan_in)).sum()
    return bool(signal > np.log10(np.finfo(stats.config.dtype).tiny) / 2)
