"""A trace -> what happened in it, why, and what to try.

Every rule judges by slopes over the layers, by ratios and by shares. Two facts decide what is looked at. Once the
output bias has fitted the mean of the targets, every layer's weight gradient is as small as the first one's, so
`grad_norm` tells only in row 0. And where the signal fades on its way forward, the last layers' weight gradients fade
too, so `grad_norm` may be level while the gradient vanishes: `delta_norm` falls from layer to layer all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..families.clipping import CLIPS
from ..trace import Trace
from ..wording import layers, part_of, percent, power_of_ten, written
from . import suggestions
from .statistics import HALF, TraceStats, broken_layer, compared, joint, median
from .suggestions import GUIDE, Suggestion

VANISHED = -2.0  # decades from the last hidden layer to the first: it gets less than a hundredth
EXPLODED = 1.0  # and ten times more: He's ReLU, 50 layers of 32 units, stays below by three standard deviations
DEAD = 0.6  # of a deep ReLU layer half may be silent by chance, where all samples arrive in one direction
LARGE, SMALL = 10 * GUIDE, 0.3 * GUIDE  # update ratios
JUMP = 5.0  # the loss rose to this many times its first value
STUCK = 0.5  # the loss stayed above this share of its first value

# Every verdict there is: a title for it, and what it means.
VERDICTS: dict[str, tuple[str, str]] = {
    "diverged": ("The run diverged", "a loss or gradient left the range of its dtype, and the run ended there"),
    "underflow": ("The gradient underflows", "it is smaller than its dtype can hold, and rounded to zero"),
    "exploding": ("The gradient explodes", "it grows tenfold or more from the last hidden layer to the first"),
    "vanishing": ("The gradient vanishes", "it falls to a hundredth or less from the last hidden layer to the first"),
    "dead": ("Dead units", "units silent on every sample get no gradient; whole layers of them stop it"),
    "saturated": ("Units saturate", "half of the activations or more lie where the activation is flat"),
    "large_steps": ("Steps are too large", "so long against the weights that the loss jumped"),
    "penalty": ("The penalty outweighs the data", "it pulls harder than the data loss, and the loss stays high"),
    "clipping": ("Clipping sets the pace", "most steps are clipped, and the loss stays high"),
    "small_steps": ("Steps are too small", "so short against the weights that little was learned"),
    "healthy": ("Gradients flow through every layer", "none of the above"),
}
SEVERITIES = ("bad", "warning", "good", "note")  # a note did no harm: it stands after the verdict, whatever that is


class Metric(NamedTuple):
    """One number on top of the page: its label, its text, and what it says."""

    label: str
    value: str
    help: str


@dataclass(frozen=True)
class Finding:
    """One thing that happened.

    Attributes:
        name: a key of VERDICTS.
        severity: a member of SEVERITIES.
        what: a sentence or two, with the numbers.
        why: the mechanism, in one sentence.
        tries: what to try, each measured to help; none for a note or where all is well.
    """

    name: str
    severity: str
    what: str
    why: str
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True)
class Diagnosis:
    """What happened in a run.

    Attributes:
        verdict: a key of VERDICTS: the name of the first finding.
        sentence: the verdict in words, with its numbers.
        numbers: the three numbers that tell most.
        findings: all of them, the gravest first; at least one.
    """

    verdict: str
    sentence: str
    numbers: tuple[Metric, Metric, Metric]
    findings: tuple[Finding, ...]


def diagnose(trace: Trace) -> Diagnosis:
    """Names what happened in a run, of any kind: diverged, untrained, of one layer."""
    stats = TraceStats(trace)
    found = [finding for finding in (rule(stats) for rule in _RULES) if finding is not None]
    if all(finding.severity == "note" for finding in found):
        found.append(_small_steps(stats) or _healthy(stats))  # all other harm makes steps small by itself
    found.sort(key=lambda finding: (SEVERITIES.index(finding.severity), list(VERDICTS).index(finding.name)))
    sentence = f"{found[0].what} {_loss_told(stats)}".strip()
    return Diagnosis(found[0].name, sentence, _numbers(stats), tuple(found))


# -- the rules: one finding each, or None -----------------------------------------------------------------------


def _diverged(stats: TraceStats) -> Finding | None:
    trace, at = stats.trace, stats.trace.diverged_at
    if at is None:
        return None
    dtype = stats.config.dtype
    what = (
        f"The run broke at step {at:,}: in layer {broken_layer(trace)} a number left the range of {dtype}, "
        f"±{written(float(np.finfo(dtype).max))}."
    )
    ratio = np.where(np.isfinite(trace.update_ratio[0]), trace.update_ratio[0], 0.0)
    if at == 0:
        why = "With weights this large the signal overflows on its way through the layers, before any step is made."
    else:
        why = "A step too long makes the weights larger, they make the next gradient larger, and so on without end."
        if ratio.max() >= LARGE:
            what += f" The first step moved layer {ratio.argmax() + 1} by {part_of(ratio.max())} its weights."
    return Finding("diverged", "bad", what, why, suggestions.for_divergence(stats.config, at, ratio.max()))


def _dead(stats: TraceStats) -> Finding | None:
    trace = stats.trace
    if (
        stats.flat_sides != 1
        or not stats.hidden
        or not len(stats.good)
        or stats.first_underflow_layer(_tiny(stats)) is not None
    ):
        return None
    row = 0 if stats.cut[0] or trace.diverged_at is not None else stats.end  # a run that breaks kills units on its way
    dead, first, cut = trace.dead[row, :-1], trace.dead[0, :-1], stats.cut[row]
    if not cut and dead.mean() < DEAD:
        return None
    at_initialization = row == 0 or (not cut and first.mean() >= DEAD)
    if cut:
        silent = np.flatnonzero(dead == 1) + 1
        below = "layer 1" if silent[-1] == 1 else f"layers 1 to {silent[-1]}"
        what = f"{stats.when(row)}, all units of {layers(silent)} are silent on every sample: no gradient in {below}."
    else:
        what = f"{stats.when(row)}, {percent(dead.mean())} of the hidden units are silent on every sample."
    what += "" if at_initialization else f" At the start {_share(first.mean())} of all hidden units were."
    name = stats.activation.label
    if (trace.weight_norm[0] == 0).any():
        why = f"With weights of zero all net input is zero, and there {name} has slope 0."
    elif at_initialization:
        why = f"A {name} unit whose net input is negative on every sample has slope 0, and with few units all can be."
    else:
        why = f"A step too long took the {name} units' net input below 0 on every sample; slope 0 means no way back."
    if stats.learned and not cut:
        return Finding("dead", "note", what, why)
    return Finding(
        "dead", "bad" if cut else "warning", what, why, suggestions.for_dead_units(stats.config, at_initialization)
    )


def _share(share: float) -> str:
    return percent(share) if share >= 0.005 else "hardly any"


def _tiny(stats: TraceStats) -> float:
    return float(np.finfo(stats.config.dtype).tiny)


def _underflow(stats: TraceStats) -> Finding | None:
    trace, dtype, tiny = stats.trace, stats.config.dtype, _tiny(stats)
    if not len(stats.good) or not trace.delta_norm[0, -1] >= tiny:
        return None
    norms = np.minimum(trace.delta_norm[0], trace.grad_norm[0])
    lost, zeros, first_underflow_layer = (
        np.flatnonzero(norms < tiny) + 1,
        int((norms == 0).sum()),
        stats.first_underflow_layer(tiny),
    )
    if first_underflow_layer is not None:
        what = (
            f"At initialization, the signal itself falls below {written(tiny)}, the smallest {dtype} of full "
            f"precision: layer {first_underflow_layer} and all above put out exactly 0, and no hidden layer has a "
            "gradient."
        )
        why = "Each layer makes the signal smaller, and what a number format cannot hold is rounded to 0."
    elif len(lost) and not stats.cut[0] and (trace.weight_norm[0] > 0).all():
        what = (
            f"At initialization, the gradient of {layers(lost)} is below {written(tiny)}, the smallest {dtype} of full "
            f"precision; in {zeros or 'none'} of them it is exactly 0."
        )
        why = "Each layer makes the gradient smaller, and what a number format cannot hold is rounded to 0."
    else:
        return None
    return Finding("underflow", "bad", what, why, suggestions.for_underflow(stats.config))


def _exploding(stats: TraceStats) -> Finding | None:
    row = stats.row_beyond(stats.decades >= EXPLODED)
    if row is None and not (stats.weights_decades >= EXPLODED and stats.decades[0] > 0):
        return None
    if stats.config.normalization != "none":
        why = "Normalization divides each layer's net input by its spread, and backpropagation divides by it again."
    elif stats.config.residual:
        why = "Each residual layer adds the gradient of its branch to the one that passes by, so the sum grows."
    else:
        why = "Backpropagation multiplies by the weights and by φ′ in each layer, with these weights by more than 1."
    return _unbalanced("exploding", stats, row, why)


def _vanishing(stats: TraceStats) -> Finding | None:
    row = stats.row_beyond(stats.decades <= VANISHED)
    if row is None and not (stats.weights_decades <= VANISHED and stats.decades[0] < 0):
        return None
    if (stats.trace.weight_norm[row or 0] == 0).any():
        why = "Backpropagation multiplies by the weights, and a layer's are zero here."
    else:
        why = (
            f"Backpropagation multiplies by the weights and by φ′ in each layer: φ′ of {stats.activation.label} is at "
            f"most {stats.activation.sup_slope:.3g}, and with these weights the product stays below 1."
        )
    return _unbalanced("vanishing", stats, row, why)


def _unbalanced(name: str, stats: TraceStats, row: int | None, why: str) -> Finding:
    if stats.learned:  # all the same: no change would do better
        return Finding(name, "warning", _along(stats, row), why)
    penalty = _penalty(stats) if row else None
    if penalty is not None and penalty.suggestions:  # it was level until the penalty had its way
        return Finding(name, "bad", _along(stats, row), penalty.why, penalty.suggestions)
    return Finding(name, "bad", _along(stats, row), why, suggestions.balance(stats.config))


def _along(stats: TraceStats, row: int | None) -> str:
    """How the gradient changes over the layers in a row; None: how the weights' gradient does, in row 0."""
    if row is None:
        row, gradient, factor, decades = 0, "weight gradient", stats.weights_factor, stats.weights_decades
    else:
        gradient, factor, decades = "gradient", stats.factor[row], stats.decades[row]
    if factor == 0:
        return f"{stats.when(row)}, no {gradient} at all comes back to the hidden layers."
    return (
        f"{stats.when(row)}, each layer multiplies the {gradient} by {written(factor)} on its way back: layer 1 gets "
        f"{power_of_ten(decades)} times what layer {compared(stats.trace.layers)} gets."
    )


def _saturated(stats: TraceStats) -> Finding | None:
    trace = stats.trace
    if stats.flat_sides != 2 or not stats.hidden or not len(stats.good):
        return None
    share = trace.saturation[:, :-1].mean(axis=1)
    row = 0 if share[0] >= HALF or trace.diverged_at is not None else stats.end
    if not share[row] >= HALF:
        return None
    what = (
        f"{stats.when(row)}, {percent(share[row])} of the hidden activations are saturated: their slope φ′ is below "
        "5 % of its maximum."
    )
    what += f" At the start {_share(share[0])} were." if row else ""
    name = stats.activation.label
    why = f"{name[0].upper()}{name[1:]} is flat far from 0, and where it is flat hardly any gradient gets through."
    if stats.learned:
        return Finding("saturated", "note", what, why)
    return Finding("saturated", "warning", what, why, suggestions.for_saturation(stats.config, row == 0))


def _large_steps(stats: TraceStats) -> Finding | None:
    trace = stats.trace
    if trace.diverged_at is not None or not np.isfinite(stats.early).any() or not stats.first_loss > 0:
        return None
    layer, jump = int(np.nanargmax(stats.early)), stats.highest_loss / stats.first_loss
    if not (stats.early[layer] >= LARGE and jump >= JUMP):
        return None
    first = "its first value" if stats.config.batch_size is None else f"its median over the first {_batches(stats)}"
    what = (
        f"An early step moves layer {layer + 1} by {part_of(stats.early[layer])} its weights (the usual guide is "
        f"{percent(GUIDE)}), and the loss jumped to {written(jump)} times {first}."
    )
    why = "A gradient describes the loss near the weights it was taken at, and a long step lands far from there."
    if stats.learned:
        return Finding("large_steps", "note", what, why)
    return Finding("large_steps", "warning", what, why, suggestions.for_large_steps(stats.config))


def _penalty(stats: TraceStats) -> Finding | None:
    trace, config = stats.trace, stats.config
    if not (config.l1 or config.l2 or config.weight_decay) or not len(stats.good):
        return None
    weights, norm = sum(W.size for W, _ in trace.weights), trace.weight_norm[stats.good]
    total = joint(norm)
    with np.errstate(all="ignore"):
        pull = np.hypot(2 * config.l2 * total, config.l1 * np.sqrt(weights))  # l1's gradient is ±l1 in each weight
        against_data = median(pull / joint(trace.grad_norm[stats.good]))
        step = joint(trace.update_ratio[stats.good] * norm)
        in_step = median(config.learning_rate * config.weight_decay * total / step)
        kept = total[-1] / total[0]
    if against_data > 1:
        what = f"In the median step the penalty's gradient is {written(against_data)} times the data loss's."
    elif in_step > HALF:
        what = f"In the median step weight decay alone is {part_of(in_step)} the length of the whole step."
    else:
        return None
    what += f" The weights' norm ended at {part_of(kept)} its first value." if np.isfinite(kept) else ""
    why = "Where the penalty pulls harder than the data, the weights go toward 0 and the gradient with them."
    if stats.learned:
        return Finding("penalty", "note", what, why)
    return Finding("penalty", "warning", what, why, suggestions.for_penalty(config, max(1.0, against_data)))


def _clipping(stats: TraceStats) -> Finding | None:
    trace, config = stats.trace, stats.config
    scale = trace.clip_scale[stats.good[trace.step[stats.good] < config.steps]]
    bound = scale[scale < 1]
    if config.clip == "none" or not len(bound):
        return None
    share = len(bound) / len(scale)
    what = (
        f"Clipping {CLIPS[config.clip].label} binds in {percent(share)} of the steps; in the median one of them it "
        f"leaves {percent(median(bound))} of the gradient's norm."
    )
    if share <= HALF or stats.learned or trace.diverged_at is not None:
        return Finding("clipping", "note", what, "It shortens the longest steps and leaves the others as they are.")
    why = "A clip that binds in most steps sets their length itself, and the gradient gives no more than the direction."
    if _exploding(stats) is not None:  # a higher threshold would let it go
        return Finding("clipping", "warning", what, why, suggestions.balance(config))
    return Finding("clipping", "warning", what, why, suggestions.for_clipping(config, float(np.quantile(scale, 0.1))))


def _small_steps(stats: TraceStats) -> Finding | None:
    if not np.isfinite(stats.early).any() or not stats.last_loss >= STUCK * stats.first_loss > 0:
        return None
    layer = int(np.nanargmax(stats.early))
    ratio = float(stats.early[layer])
    if not 0 < ratio <= SMALL:
        return None
    what = (
        f"An early step moves even layer {layer + 1}, the fastest, by only {percent(ratio)} of its weights (the usual "
        f"guide is {percent(GUIDE)})."
    )
    why = "Steps this short need many more of them to bring the weights anywhere."
    return Finding("small_steps", "warning", what, why, suggestions.for_small_steps(stats.config, ratio))


def _healthy(stats: TraceStats) -> Finding:
    if stats.trace.layers == 1:
        what = "There is one layer only, so nothing lies between the loss and its weights."
        why = "A gradient vanishes or explodes on its way through other layers."
    elif not np.isfinite(stats.factor[0]):
        what, why = "At initialization there is no gradient in any layer.", "The error is zero: nothing to learn."
    else:
        what, why = _along(stats, 0), "The factor per layer is close enough to 1 for this depth."
    return Finding("healthy", "good", what, why)


_RULES = (_diverged, _underflow, _exploding, _vanishing, _dead, _saturated, _large_steps, _penalty, _clipping)


# -- the head of the page ---------------------------------------------------------------------------------------


def _loss_told(stats: TraceStats) -> str:
    trace = stats.trace
    if trace.config.steps == 0 or trace.diverged_at is not None:
        return ""
    first, last = stats.first_loss, stats.last_loss
    # one batch's loss says as much about its samples as about the run
    over = "" if trace.config.batch_size is None else f", medians over the first and the last {_batches(stats)}"
    if abs(last - first) <= 0.01 * first:
        return f"The loss stayed near {written(last)}{over}."
    return f"The loss {'fell' if last < first else 'rose'} from {written(first)} to {written(last)}{over}."


def _batches(stats: TraceStats) -> str:
    return "recorded batch" if stats.window == 1 else f"{stats.window} recorded batches"


def _numbers(stats: TraceStats) -> tuple[Metric, Metric, Metric]:
    trace = stats.trace
    first, last = trace.grad_norm[0, 0], trace.grad_norm[0, -1]
    with np.errstate(all="ignore"):
        decades = np.log10(first) - np.log10(last)
    loss, accuracy = written(stats.first_loss), stats.last_accuracy
    told = "The data loss at initialization and after the last step."
    if trace.config.batch_size is not None:
        told = f"The median data loss over the first and the last {_batches(stats)}."
    if trace.diverged_at is not None:
        loss = f"{loss} → " * bool(trace.diverged_at) + f"broke at step {trace.diverged_at:,}"
    elif trace.config.steps:
        loss += f" → {written(stats.last_loss)}"
    missing = None
    if trace.layers == 1:
        missing = "one layer"
    elif first == 0 and np.isnan(stats.factor[0]):
        missing = "no gradient"
    return (
        Metric(
            "Factor per layer",
            missing or written(stats.factor[0]),
            "What a layer multiplies the gradient by on its way back, at initialization, fitted to ‖∂E/∂net‖ over the "
            "hidden layers. At 1 the gradient is level, below it vanishes, above it explodes.",
        ),
        Metric(
            "First layer / last",
            missing or ("not finite" if np.isnan(decades) else power_of_ten(decades)),
            "The gradient norm ‖∂E/∂W‖ of layer 1 divided by the output layer's, at initialization.",
        ),
        Metric(
            "Loss",
            loss,
            told + (f" Accuracy at the end: {percent(accuracy)}." if np.isfinite(accuracy) else ""),
        ),
    )
