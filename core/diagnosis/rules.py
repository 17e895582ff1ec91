"""A trace -> what happened in it, why, and what to try.

Every rule judges by ratios over the layers and by shares. Two facts decide what is looked at. Once the output bias has
fitted the mean of the targets, every layer's weight gradient is as small as the first one's, so `grad_norm` is compared
in row 0 only. And where the signal fades on its way forward, the last layers' weight gradients fade too, so `grad_norm`
may be level while the gradient vanishes: `delta_norm` falls from layer to layer all the same.
"""

from __future__ import annotations

import numpy as np

from ..families.clipping import CLIPS
from ..recordings import Recording
from ..trace import Trace, last_compared, median_of_finite
from ..wording import format_number, join_words, name_layers, part_of, percent, power_of_ten
from . import suggestions
from .causes import (
    find_dead_output,
    find_degenerate_normalization,
    find_identical_units,
    find_underflow,
    find_unreachable_targets,
    find_unscaled_data,
)
from .findings import SEVERITIES, VERDICTS, Diagnosis, Finding, without_consequences
from .recordings import diagnose_recording
from .report import describe_loss, describe_window, headline_numbers
from .standstill import find_little_training, find_stuck
from .statistics import MAJORITY_SHARE, TraceStats, find_break, joint_norm
from .suggestions import GUIDE_RATIO

__all__ = ["SEVERITIES", "VERDICTS", "Diagnosis", "Finding", "diagnose"]

VANISHED = -2.0  # decades from the last hidden layer to the first: it gets a hundredth or less
EXPLODED = 1.0  # and ten times more: He's ReLU, 50 layers of 32 units, stays below by three standard deviations
DEAD = 0.6  # of a deep ReLU layer half may be silent by chance, where all samples arrive in one direction
LARGE = 10 * GUIDE_RATIO  # an update ratio
JUMP = 5.0  # the loss rose to this many times its first value
DEEP = 8  # hidden layers from which a gradient that fades later is the layers' doing, not a resting point's
SHRUNK = 0.5  # of their first norm: penalized weights ended below


def diagnose(trace: Trace | Recording) -> Diagnosis:
    """Names what happened in a run, of any kind: diverged, untrained, of one layer, or recorded elsewhere."""
    if isinstance(trace, Recording):
        return diagnose_recording(trace)
    stats = TraceStats(trace)
    findings = [finding for finding in (rule(stats) for rule in _RULES) if finding is not None]
    findings = without_consequences(findings, _CONSEQUENCES)
    if all(finding.severity == "note" for finding in findings):  # all other harm stops or slows training by itself
        findings.append(find_stuck(stats) or find_little_training(stats) or _healthy(stats))
    findings.sort(key=lambda finding: (SEVERITIES.index(finding.severity), list(VERDICTS).index(finding.name)))
    first = findings[0]
    return Diagnosis(
        verdict=first.name,
        sentence=f"{first.what} {describe_loss(stats)}".strip(),
        numbers=headline_numbers(stats, first.step),
        findings=tuple(findings),
    )


# A finding that is bad -> what it entails, and is not said beside it.
_CONSEQUENCES = {
    "degenerate_normalization": ("identical_units", "dead_output", "vanishing", "dead"),
    "identical_units": ("vanishing", "dead"),
    "dead_output": ("vanishing", "saturated", "penalty"),
    "underflow": ("dead",),
}


# -- the rules: one finding each, or None -----------------------------------------------------------------------


def _find_divergence(stats: TraceStats) -> Finding | None:
    trace = stats.trace
    at = stats.trace.diverged_at
    if at is None:
        return None
    dtype = stats.config.dtype
    broken = find_break(trace)
    value = {
        "weights": f"the weights of layer {broken.layer}",
        "signal": f"the signal in layer {broken.layer}",
        "loss": "the loss",
        "gradient": f"the gradient in layer {broken.layer}",
        "value": "a value",
    }[broken.quantity]
    what = (
        f"The run broke at step {at:,}: {value} left the range of {dtype}, "
        f"±{format_number(float(np.finfo(dtype).max))}."
    )
    ratio = np.where(np.isfinite(trace.update_ratio[0]), trace.update_ratio[0], 0.0)
    finite = stats.good[np.isfinite(stats.decades[stats.good])]
    row = int(finite[-1]) if len(finite) else None
    if at > 0:
        why = "A step too long makes the weights larger, they make the next gradient larger, and so on without end."
        if ratio.max() >= LARGE:
            what += f" The first step moved layer {ratio.argmax() + 1} by {part_of(ratio.max())} its weights."
        if row is not None:
            last = int(last_compared(trace.delta_norm[row : row + 1])[0])
            which = "" if row == 0 else ", the last recorded with a finite gradient"
            share = power_of_ten(stats.decades[row])
            what += f" {stats.when(row)}{which}, layer 1 gets {share} times what layer {last} gets."
    elif broken.quantity == "value":
        why = "With weights this large a value overflows before any step."
    elif broken.quantity == "gradient":
        why = "With weights this large the gradient overflows on its way back through the layers, before any step."
    else:
        why = "With weights this large the signal overflows on its way through the layers, before any step."
    return Finding(
        name="diverged",
        severity="bad",
        what=what,
        why=why,
        suggestions=suggestions.for_divergence(stats.config, at, ratio.max()),
        step=stats.step_of(row or 0),
    )


def _find_exploding(stats: TraceStats) -> Finding | None:
    row = stats.row_beyond(stats.decades >= EXPLODED)
    by_weights = stats.weights_decades >= EXPLODED and stats.decades[0] >= EXPLODED / 2
    if stats.hidden < 2 or (row is None and not by_weights) or (row and stats.hidden < DEEP):
        return None
    if _is_by_dropout(stats, row):
        grows = 1 / (1 - stats.config.dropout)
        why = (
            f"Dropout multiplies what it keeps by {format_number(grows)}, so that the mean of a signal stays as it is; "
            f"the gradient’s norm grows by about {format_number(np.sqrt(grows))} in each layer."
        )
    elif stats.config.normalization != "none":
        why = "Normalization divides each layer’s net input by its spread, and backpropagation divides by it again."
    elif stats.config.residual:
        why = "Each residual layer adds the gradient of its branch to the one that passes by, so the sum grows."
    else:
        why = "Backpropagation multiplies by the weights and by φ′ in each layer, with these weights by more than 1."
    return _unbalanced("exploding", stats, row, why)


def _is_by_dropout(stats: TraceStats, row: int | None) -> bool:
    """True where the gradient would not explode without the factor that dropout multiplies what it keeps by."""
    decades = stats.weights_decades if row is None else stats.decades[row]
    dropout = stats.config.dropout
    return dropout > 0 and bool(decades + (stats.hidden - 1) * np.log10(1 - dropout) / 2 < EXPLODED)


def _find_vanishing(stats: TraceStats) -> Finding | None:
    row = stats.row_beyond(stats.decades <= VANISHED)
    by_weights = stats.weights_decades <= VANISHED and stats.decades[0] <= VANISHED / 2
    if stats.hidden < 2 or (row is None and not by_weights):
        return None
    if row and (stats.hidden < DEEP or _find_penalty(stats) is not None):
        return None  # level at initialization: training came to rest, or the penalty took the weights
    if (stats.trace.weight_norm[row or 0] == 0).any():
        why = "Backpropagation multiplies by the weights, and a layer’s are zero here."
    elif row is not None and stats.decades[row] == -np.inf and stats.config.dropout >= MAJORITY_SHARE:
        why = (
            f"Dropout takes {percent(stats.config.dropout)} of the units of every layer away, and on no sample of this "
            "step a way through the others is left."
        )
    else:
        steepest = {phi.label: phi.sup_slope for phi in stats.activations}
        bounds = join_words([f"φ′ of {label} is at most {slope:.3g}" for label, slope in steepest.items()])
        why = (
            f"Backpropagation multiplies by the weights and by φ′ in each layer: {bounds}, and with these weights the "
            "product stays below 1."
        )
    return _unbalanced("vanishing", stats, row, why)


def _unbalanced(name: str, stats: TraceStats, row: int | None, why: str) -> Finding:
    what = _describe_flow(stats, row)
    step = stats.step_of(row or 0)
    if stats.learned:
        return Finding(name=name, severity="note", what=what, why=why, step=step)
    offered = suggestions.balance(stats.config)
    return Finding(name=name, severity="bad", what=what, why=why, suggestions=offered, step=step)


def _describe_flow(stats: TraceStats, row: int | None) -> str:
    """Words for the change of a row's gradient over the layers; row None adds the weights' gradient to row 0."""
    trace = stats.trace
    if row is None:
        ratio = f"{power_of_ten(stats.weights_decades)} times"
        last = int(last_compared(trace.grad_norm[:1])[0])
        return f"{_describe_flow(stats, 0)} The gradient of layer 1’s weights is {ratio} that of layer {last}’s."
    decades = stats.decades[row]
    factor = stats.factor[row]
    last = int(last_compared(trace.delta_norm[row : row + 1])[0])
    if decades == -np.inf:
        if not (trace.delta_norm[row, :-1] > 0).any():
            return f"{stats.when(row)}, no gradient at all comes back to the hidden layers."
        return f"{stats.when(row)}, no gradient at all comes back to layer 1."
    measured = f"layer 1 gets {power_of_ten(decades)} times what layer {last} gets"
    steps = last - 1
    fitted = steps * np.log10(factor) if factor > 0 else np.nan
    if steps > 1 and abs(fitted - decades) <= 0.3 + 0.1 * abs(decades):
        return (
            f"{stats.when(row)}, each layer multiplies the gradient by about {format_number(factor)} on its way back: "
            f"{measured}."
        )
    return f"{stats.when(row)}, layer 1 gets {power_of_ten(decades)} times the gradient of layer {last}."


def _find_dead_units(stats: TraceStats) -> Finding | None:
    trace = stats.trace
    can_die = stats.flat_sides == 1
    if not can_die.any() or not len(stats.good):
        return None
    row = 0 if stats.blocked[0] or trace.diverged_at is not None else stats.end  # a run that breaks kills units first
    is_silent = (trace.dead[row, :-1] == 1) & can_die
    blocked = stats.blocked[row] and is_silent.any()
    shares = stats.share_of("dead", can_die)
    if not blocked and shares[row] < DEAD:
        return None
    units = "units"
    if not stats.config.has_one_activation:
        units = f"units of the {join_words(stats.labels(can_die))} layers"
    name = join_words(stats.labels(is_silent if blocked else can_die), "or")
    at_initialization = row == 0 or (not blocked and shares[0] >= DEAD)
    if not at_initialization and _find_penalty(stats) is not None:
        return None  # the penalty took the weights, and with them the units' signal
    if blocked:
        silent = np.flatnonzero(is_silent) + 1
        below = name_layers(np.arange(silent[-1]) + 1)
        what = (
            f"{stats.when(row)}, all units of {name_layers(silent)} are silent on every sample: no gradient in {below}."
        )
    else:
        what = f"{stats.when(row)}, {percent(shares[row])} of the hidden {units} are silent on every sample."
    if not at_initialization:
        what += f" At initialization {_share(shares[0])} of all hidden {units} were."
    step = stats.step_of(row)
    if at_initialization:
        why = f"A {name} unit whose net input is negative on every sample has slope 0, and with few units all can be."
    else:
        why = f"A step too long took the {name} units’ net input below 0 on every sample; slope 0 means no way back."
    if stats.learned and not blocked:
        return Finding(name="dead", severity="note", what=what, why=why, step=step)
    offered = suggestions.for_dead_units(stats.config, at_initialization)
    severity = "bad" if blocked else "warning"
    return Finding(name="dead", severity=severity, what=what, why=why, suggestions=offered, step=step)


def _share(share: float) -> str:
    return percent(share) if share >= 0.005 else "hardly any"


def _find_saturation(stats: TraceStats) -> Finding | None:
    trace = stats.trace
    can_saturate = stats.flat_sides == 2
    if not can_saturate.any() or not len(stats.good):
        return None
    share = stats.share_of("saturation", can_saturate)
    row = 0 if share[0] >= MAJORITY_SHARE or trace.diverged_at is not None else stats.end
    if not share[row] >= MAJORITY_SHARE:
        return None
    labels = stats.labels(can_saturate)
    where = "" if stats.config.has_one_activation else f" of the {join_words(labels)} layers"
    what = (
        f"{stats.when(row)}, {percent(share[row])} of the hidden activations{where} are saturated: their slope φ′ is "
        "below 5 % of its maximum."
    )
    what += f" At initialization {_share(share[0])} were." if row else ""
    name = join_words(labels)
    flat = ("is flat", "it is flat") if len(labels) == 1 else ("are flat", "they are flat")
    why = f"{name[0].upper()}{name[1:]} {flat[0]} far from 0, and where {flat[1]} hardly any gradient gets through."
    step = stats.step_of(row)
    if stats.learned or (row and not _jumped(stats)):  # a minimum may lie among saturated units: no cause of its own
        return Finding(name="saturated", severity="note", what=what, why=why, step=step)
    offered = suggestions.for_saturation(stats.config, row == 0)
    return Finding(name="saturated", severity="warning", what=what, why=why, suggestions=offered, step=step)


def _jumped(stats: TraceStats) -> bool:
    return stats.first_loss > 0 and stats.highest_loss >= JUMP * stats.first_loss


def _find_large_steps(stats: TraceStats) -> Finding | None:
    trace = stats.trace
    if trace.diverged_at is not None or not np.isfinite(stats.early).any() or not stats.first_loss > 0:
        return None
    layer = int(np.nanargmax(stats.early))
    jump = stats.highest_loss / stats.first_loss
    if not (stats.early[layer] >= LARGE and jump >= JUMP):
        return None
    if not stats.is_noisy:
        first = "its first value"
    else:
        first = f"its median over the first {describe_window(stats)}"
    what = (
        f"In the median early step layer {layer + 1} moves by {part_of(stats.early[layer])} its weights (the usual "
        f"guide is {percent(GUIDE_RATIO)}), and the loss jumped to {format_number(jump)} times {first}."
    )
    why = "A gradient describes the loss near the weights it was taken at, and a long step lands far from there."
    if stats.learned:
        return Finding(name="large_steps", severity="note", what=what, why=why)
    offered = suggestions.for_large_steps(stats.config, float(stats.early[layer]))
    return Finding(name="large_steps", severity="warning", what=what, why=why, suggestions=offered)


def _find_penalty(stats: TraceStats) -> Finding | None:
    """A penalty that outweighs the data: by its gradient, by its share of a step, or by what it did to the weights.

    A batch's gradient is mostly the noise of its few samples, whose mean over many steps is small, while a penalty
    pulls the same way in each: with mini-batches what is left of the weights shows which of the two won.
    """
    trace = stats.trace
    config = stats.config
    if not (config.l1 or config.l2 or config.weight_decay) or not len(stats.good):
        return None
    weights = sum(W.size for W, *_ in trace.weights)
    norm = trace.weight_norm[stats.good]
    total = joint_norm(norm)
    with np.errstate(all="ignore"):
        pull = np.hypot(2 * config.l2 * total, config.l1 * np.sqrt(weights))  # l1's gradient is ±l1 in each weight
        against_data = median_of_finite(pull / joint_norm(trace.grad_norm[stats.good]))
        step = joint_norm(trace.update_ratio[stats.good] * norm)
        in_step = median_of_finite(config.learning_rates(trace.step[stats.good]) * config.weight_decay * total / step)
        left = total[-1] / total[0]
    ended = f" The weights’ norm ended at {part_of(left)} its first value." if np.isfinite(left) else ""
    if against_data > 1:
        what = f"In the median step the penalty’s gradient is {format_number(against_data)} times the data loss’s."
    elif in_step > MAJORITY_SHARE:
        what = f"In the median step weight decay alone is {part_of(in_step)} the length of the whole step."
    elif left <= SHRUNK and config.max_norm is None and not stats.learned and trace.diverged_at is None:
        what = "The penalty pulls the weights toward 0 in every step, and the data did not hold them."
    else:
        return None
    why = "Where the penalty pulls harder than the data, the weights go toward 0 and the gradient with them."
    if stats.learned:
        return Finding(name="penalty", severity="note", what=what + ended, why=why)
    strength = max(1.0, against_data if np.isfinite(against_data) else 1.0)
    if not against_data > 1 and left <= SHRUNK:
        strength = 10.0  # how far the data fall behind is not known from single batches
    offered = suggestions.for_penalty(config, strength)
    return Finding(name="penalty", severity="warning", what=what + ended, why=why, suggestions=offered)


def _find_max_norm(stats: TraceStats) -> Finding | None:
    """A max norm so small that it, and not the data, decides on the weights' sizes."""
    trace = stats.trace
    bound = stats.config.max_norm
    if bound is None or stats.learned or trace.diverged_at is not None or not len(stats.good):
        return None
    with np.errstate(over="ignore"):
        norms = np.concatenate([np.linalg.norm(W, axis=0) for W, *_ in trace.weights])
    held = np.mean(norms >= 0.99 * bound)
    left = joint_norm(trace.weight_norm[[0, stats.end]])
    if held <= MAJORITY_SHARE or not left[1] <= SHRUNK * left[0] or _find_penalty(stats) is not None:
        return None
    what = (
        f"At the end {percent(float(held))} of the units have weights as large as the max norm of "
        f"{format_number(bound)} allows. The weights’ norm ended at {part_of(left[1] / left[0])} its first value."
    )
    why = "With weights this small the output hardly differs between samples, and the gradient shrinks with them."
    offered = suggestions.for_max_norm(stats.config)
    return Finding(name="penalty", severity="warning", what=what, why=why, suggestions=offered)


def _find_clipping(stats: TraceStats) -> Finding | None:
    trace = stats.trace
    config = stats.config
    scale = trace.clip_scale[stats.good[trace.step[stats.good] < config.steps]]
    bound = scale[scale < 1]
    if config.clip == "none" or not len(bound):
        return None
    share = len(bound) / len(scale)
    what = (
        f"Clipping {CLIPS[config.clip].label} binds in {percent(share)} of the steps; in the median one of them it "
        f"leaves {percent(median_of_finite(bound))} of the gradient’s norm."
    )
    if share <= MAJORITY_SHARE or stats.learned or trace.diverged_at is not None:
        why = "It shortens the longest steps and leaves the others as they are."
        return Finding(name="clipping", severity="note", what=what, why=why)
    why = "A clip that binds in most steps sets their length itself, and the gradient gives no more than the direction."
    if _find_exploding(stats) is not None:  # a higher threshold would let it go
        offered = suggestions.balance(config)
    else:
        offered = suggestions.for_clipping(config, float(np.quantile(scale, 0.1)))
    return Finding(name="clipping", severity="warning", what=what, why=why, suggestions=offered)


def _healthy(stats: TraceStats) -> Finding:
    trace = stats.trace
    if stats.constant is not None and stats.constant.loss == 0 and trace.loss[0] > 0:
        what = "All targets are equal, so a constant answer is right, and there is nothing to learn about the inputs."
        why = "Gradients reach every layer, but no sample asks for another answer than the others."
    elif trace.layers == 1:
        what = "There is one layer only, so nothing lies between the loss and its weights."
        why = "A gradient vanishes or explodes on its way through other layers."
    elif not (trace.delta_norm[0, -1] > 0):
        what = "At initialization there is no gradient in any layer."
        why = "The error is zero: nothing to learn." if trace.loss[0] == 0 else "No output has a slope there."
    else:
        what = _describe_flow(stats, 0)
        if VANISHED < stats.decades[0] < EXPLODED:
            why = "Between a hundredth and ten times of the gradient arrives at layer 1: level enough to learn."
        else:
            why = "That is far from level, and the network learned all the same."
    return Finding(name="healthy", severity="good", what=what, why=why)


_RULES = (
    find_unreachable_targets,
    find_unscaled_data,
    find_degenerate_normalization,
    find_identical_units,
    find_dead_output,
    _find_divergence,
    find_underflow,
    _find_exploding,
    _find_vanishing,
    _find_dead_units,
    _find_saturation,
    _find_large_steps,
    _find_penalty,
    _find_max_norm,
    _find_clipping,
)
