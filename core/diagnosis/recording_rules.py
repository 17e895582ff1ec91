"""The rules on a recorded run: each gives one finding, or None.

They read what the file holds: where it has no activations, no word is said about saturated or dead units.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ..recordings import Recording
from ..wording import format_number, percent
from .code_suggestions import suggest
from .findings import Finding
from .recording_statistics import Profile, early_rows, global_norm, profile
from .suggestions import GUIDE_RATIO

VANISHED = -2.0  # decades over the weight layers, from the last to the first, as for this project's own runs
EXPLODED = 2.0
SPIKE = 10.0  # a loss this many times the median of the window before it
GRADIENT_SPIKE = 100.0  # and a norm of all gradients
RISE = 3.0  # a gradient this many times its own median moved
WINDOW = 10  # rows
OFTEN_CLIPPED = 0.5  # share of recorded steps
# update ratios
SMALL_UPDATE = GUIDE_RATIO / 100
LARGE_UPDATE = 100 * GUIDE_RATIO
MANY_ZEROS = 0.5  # share of a gradient's entries that are exactly 0
DEAD = 0.5  # share of a layer's units
STUCK = 0.02  # share of itself by which a stuck loss moved at most
HIGH_LOSS = 0.5  # share of its first value above which a loss is high
STUCK_ROWS = 0.6  # share of the rows, the last ones, over which it did
ENOUGH = 0.1  # of the median gradient of the tensors that move, relative to their weights
MAX_NAME = 60  # characters of a tensor's name in a sentence
MAX_NAMED = 4  # tensors named in a sentence


def _find_nonfinite(recording: Recording) -> Finding | None:
    bad = recording.not_finite
    if not bad.any():
        return None
    row = int(np.flatnonzero(bad.any(axis=1))[0])
    first = np.flatnonzero(bad[row])
    what = f"At step {recording.step[row]:,}, the gradient of {_named(recording, first)} is not finite."
    scale = recording.rows.get("loss_scale")
    if scale is not None and np.isfinite(scale[row]) and not bad[-1].any():
        return Finding(
            name="nonfinite",
            severity="note",
            what=what,
            why="With a loss scale this is how it finds its size: the scaler skips such a step and halves the scale.",
            suggestions=suggest(recording.framework, "update_scale"),
        )
    before = _describe_before(recording, row)
    return Finding(
        name="diverged",
        severity="bad",
        what=f"{what}{before}",
        why="A value left the range of its type. Once weights are updated with it, they are no longer numbers.",
        suggestions=suggest(recording.framework, "clip", "lower_rate", "warm_up"),
        step=int(recording.step[row]),
    )


def _describe_before(recording: Recording, row: int) -> str:
    """A sentence on how the gradient of all parameters moved up to a row."""
    norms = global_norm(recording)[:row]
    known = norms[np.isfinite(norms)]
    if len(known) < 2 or not known[0] > 0 or known[-1] < RISE * known[0]:
        return ""
    return f" Up to there the norm of all gradients rose from {format_number(known[0])} to {format_number(known[-1])}."


def _find_without_gradient(recording: Recording) -> Finding | None:
    norms = recording.values["grad_norm"]
    trained = _is_trained(recording)
    absent = np.flatnonzero(trained & np.isnan(norms).all(axis=0) & ~recording.not_finite.any(axis=0))
    if not len(absent):
        return None
    return Finding(
        name="no_gradient",
        severity="bad" if len(absent) > trained.sum() / 2 else "warning",
        what=f"{_named(recording, absent)} got no gradient at any recorded step.",
        why="The loss does not depend on them: a part of the model is not used, or the graph is cut (detach, no_grad).",
        suggestions=suggest(recording.framework, "find_cut"),
    )


def _find_frozen(recording: Recording) -> Finding | None:
    frozen = recording.of_kind("frozen")
    if not len(frozen):
        return None
    return Finding(
        name="frozen",
        severity="note",
        what=f"{_named(recording, frozen)} {_verb(frozen, 'is', 'are')} frozen: requires_grad is False.",
        why="That is right for a pretrained part, and a mistake elsewhere.",
        suggestions=suggest(recording.framework, "unfreeze"),
    )


def _stillness(recording: Recording) -> tuple[np.ndarray, np.ndarray] | None:
    """Tensors with a gradient that never move, and those of them whose gradient is large enough to move them.

    Gradients are compared relative to the weights: the second are above a tenth of the median of the tensors that do
    move.
    """
    update = recording.values.get("update_norm")
    weight = recording.values.get("weight_norm")
    if update is None or weight is None:
        return None
    with np.errstate(all="ignore"):
        relative = np.where(np.isfinite(recording.values["grad_norm"]), recording.values["grad_norm"] / weight, np.nan)
        size = np.nanmax(np.where(np.isnan(relative), -np.inf, relative), axis=0)
        largest = np.nanmax(np.where(np.isnan(update), -np.inf, update), axis=0)
    still = (largest == 0) & (size > 0)
    moved = size[(largest > 0) & (size > 0)]
    unknown = still & (size >= ENOUGH * np.median(moved)) if moved.size else np.zeros_like(still)
    return still, unknown


def _find_no_steps(recording: Recording) -> Finding | None:
    stillness = _stillness(recording)
    if stillness is None or not stillness[0].any():
        return None
    update = recording.values["update_norm"]
    if (update[np.isfinite(update)] > 0).any():
        return None
    rate = recording.rows.get("learning_rate")
    if rate is not None and (rate[np.isfinite(rate)] == 0).all() and np.isfinite(rate).any():
        why = "The learning rate is 0 at every recorded step."
    else:
        why = "optimizer.step() is not called, its learning rate is 0, or it holds the parameters of another model."
    return Finding(
        name="no_steps",
        severity="bad",
        what="Gradients arrive, but no parameter changes at any recorded step.",
        why=why,
        suggestions=suggest(recording.framework, "all_parameters"),
    )


def _find_never_moves(recording: Recording) -> Finding | None:
    stillness = _stillness(recording)
    if stillness is None or not stillness[1].any():
        return None
    still = np.flatnonzero(stillness[1])
    return Finding(
        name="never_moves",
        severity="bad",
        what=f"{_named(recording, still)} {_verb(still, 'never moves', 'never move')}, while tensors with such "
        "gradients do.",
        why="The optimizer does not hold them: it was made before they were, or from another list.",
        suggestions=suggest(recording.framework, "all_parameters"),
    )


def _find_rounded_away(recording: Recording) -> Finding | None:
    stillness = _stillness(recording)
    if stillness is None:
        return None
    stopped = np.flatnonzero(stillness[0] & ~stillness[1])
    if not len(stopped):
        return None
    half = recording.dtype in ("float16", "bfloat16")
    why = f"A step below half of the last digit of {recording.dtype or 'the weights'} leaves a weight as it is."
    if half:
        why += " Weights that learn are kept in float32; half precision is for the forward and backward pass."
    return Finding(
        name="rounded_away",
        severity="bad",
        what=f"{_named(recording, stopped)} {_verb(stopped, 'has a gradient', 'have gradients')} too small to move "
        f"{_verb(stopped, 'it', 'them')} at any recorded step.",
        why=why,
        suggestions=suggest(recording.framework, *(["master_weights"] if half else ["residual", "he_init"])),
    )


def _find_underflow(recording: Recording) -> Finding | None:
    zeros = recording.values.get("zero_share")
    scale = recording.rows.get("loss_scale")
    weights = recording.of_kind("weight")
    is_half = recording.dtype == "float16" or (scale is not None and np.isfinite(scale).any())
    if zeros is None or not len(weights) or not is_half:
        return None
    known = weights[np.isfinite(zeros[:, weights]).any(axis=0)]
    lost = known[np.nanmedian(zeros[:, known], axis=0) > MANY_ZEROS] if len(known) else known
    if not len(lost):
        return None
    words = "" if scale is None or not np.isfinite(scale).any() else f" of {format_number(np.nanmedian(scale))}"
    why = "In float16 a number below 6e-8 is 0."
    if words:
        why += f" A loss scale{words} does not keep these gradients above it."
    return Finding(
        name="underflow",
        severity="bad",
        what=f"More than half of the gradient’s entries of {_named(recording, lost)} are exactly 0.",
        why=why,
        suggestions=suggest(recording.framework, "scaler", "bfloat16"),
    )


def _find_unbalanced(recording: Recording) -> Finding | None:
    layer_profile = profile(recording)
    silent = _silent_first(recording)
    if layer_profile is None and not len(silent):
        return None
    if len(silent):
        what = f"Early in the run the gradient of {_named(recording, silent)} is exactly 0."
        return _vanishing(recording, f"{what} {_describe_slope(recording, layer_profile)}".strip(), layer_profile)
    if layer_profile is None or VANISHED < layer_profile.decades < EXPLODED:
        return None
    if layer_profile.decades <= VANISHED:
        return _vanishing(recording, _describe_slope(recording, layer_profile), layer_profile)
    return Finding(
        name="exploding",
        severity="bad",
        what=_describe_slope(recording, layer_profile),
        why="Each layer enlarges the gradient: the weights are too large for this activation, or branches add up.",
        suggestions=suggest(recording.framework, "smaller_init", "layer_norm", "clip"),
        step=int(recording.step[layer_profile.row]),
    )


def _silent_first(recording: Recording) -> np.ndarray:
    """The weight tensors from the input on whose gradient is exactly 0 in the early rows, if a later one's is not."""
    early = recording.values["grad_norm"][: early_rows(recording)]
    weights = recording.of_kind("weight")
    weights = weights[np.isfinite(early[:, weights]).any(axis=0)]
    zero = np.array([bool((early[np.isfinite(early[:, i]), i] == 0).all()) for i in weights])
    if zero.all() or not zero.any():
        return weights[:0]
    return weights[: int(np.argmin(zero))]


def _vanishing(recording: Recording, what: str, slope: Profile | None) -> Finding:
    return Finding(
        name="vanishing",
        severity="bad",
        what=what,
        why="Backpropagation multiplies by weights and by the activation’s slope in each layer, and the product fades.",
        suggestions=suggest(recording.framework, "he_init", "residual", "layer_norm"),
        step=int(recording.step[0 if slope is None else slope.row]),
    )


def _describe_slope(recording: Recording, slope: Profile | None) -> str:
    if slope is None:
        return ""
    first, last = (_short_name(recording, i) for i in slope.ends)
    factor = format_number(slope.factor) if abs(slope.factor - 1) > 0.01 else f"{slope.factor:.5g}"
    what = f"the gradient of {first} is {format_number(slope.ratio)} times that of {last}"
    early = f"Early in the run, at step {recording.step[slope.row]:,}, {what}"
    return f"{early}: each layer multiplies it by about {factor} on its way back."


def _find_dead(recording: Recording) -> Finding | None:
    dead = recording.values.get("dead")
    if dead is None:
        return None
    rows = np.flatnonzero(np.isfinite(dead).any(axis=1))
    if not len(rows):
        return None
    share = np.nan_to_num(dead[rows[-1]], nan=0.0)
    worst = np.flatnonzero(share > DEAD)
    if not len(worst):
        return None
    first = np.nan_to_num(dead[rows[0], worst], nan=0.0)
    start = f" At step {recording.step[rows[0]]:,} at most {percent(first.max())} were." if len(rows) > 1 else ""
    return Finding(
        name="dead",
        severity="bad" if (share >= 1).any() else "warning",
        what=f"At step {recording.step[rows[-1]]:,}, {percent(share[worst].max())} of the units of "
        f"{_named(recording, worst[np.argsort(-share[worst], kind='stable')])} are silent on the whole batch.{start}",
        why="A unit that is silent on every sample gets no gradient and stays so; a silent layer stops all before it.",
        suggestions=suggest(recording.framework, "lower_rate", "leaky_relu", "clip"),
        step=int(recording.step[rows[-1]]),
    )


def _find_clipping(recording: Recording) -> Finding | None:
    clipped = recording.values.get("clipped_grad_norm")
    if clipped is None:
        return None
    scale = recording.clip_scale
    known = np.isfinite(scale)
    share = float((scale[known] < 1 - 1e-6).mean()) if known.any() else 0.0
    if share <= OFTEN_CLIPPED:
        return None
    norms = global_norm(recording)
    threshold = float(np.nanpercentile(norms[np.isfinite(norms)], 90)) if np.isfinite(norms).any() else 1.0
    return Finding(
        name="clipping",
        severity="warning",
        what=f"Clipping binds at {percent(share)} of the recorded steps and leaves, in the median, "
        f"{percent(np.median(scale[known]))} of the gradient.",
        why="Then the threshold, and not the gradient, sets the length of a step; clipping is meant for rare ones.",
        suggestions=suggest(recording.framework, "looser_clip", "lower_rate", threshold=f"{threshold:.2g}"),
    )


def _find_spike(recording: Recording) -> Finding | None:
    loss = recording.rows.get("loss")
    spike = None if loss is None else _first_spike(loss, SPIKE)
    if spike is None:
        return None
    row, ratio = spike
    return Finding(
        name="spike",
        severity="warning",
        what=f"At step {recording.step[row]:,} the loss jumps to {format_number(ratio)} times its level."
        f"{_describe_first_mover(recording, row)}",
        why="One step was too long: a rare batch, or a learning rate at the edge of what is stable.",
        suggestions=suggest(recording.framework, "clip", "warm_up", "lower_rate"),
        step=int(recording.step[row]),
    )


def _first_spike(values: np.ndarray, times: float) -> tuple[int, float] | None:
    """The first row above `times` the median of the ten rows before it, and how many times it is that."""
    finite = pd.Series(np.where(np.isfinite(values), values, np.nan))
    before = finite.rolling(WINDOW, min_periods=1).median().shift(1).to_numpy(copy=True)
    before[:WINDOW] = np.nan
    with np.errstate(all="ignore"):
        ratio = np.where((before > 0) & (values < np.inf), values / before, np.nan)
    rows = np.flatnonzero(ratio > times)
    return (int(rows[0]), float(ratio[rows[0]])) if len(rows) else None


def _describe_first_mover(recording: Recording, row: int) -> str:
    """The tensor whose gradient rose first in the rows before a spike, and most in that row."""
    norms = recording.values["grad_norm"]
    half = max(row - WINDOW // 2, 1)
    with np.errstate(all="ignore"):
        usual = np.nanmedian(np.where(np.isfinite(norms), norms, np.nan)[max(half - WINDOW, 0) : half], axis=0)
        jumps = np.where(usual > 0, norms[half : row + 1] / usual, np.nan)
    jumps = np.where(np.isfinite(jumps), jumps, 0.0)
    rows = np.flatnonzero((jumps > RISE).any(axis=1))
    if not len(rows):
        return ""
    tensor = int(jumps[rows[0]].argmax())
    step = recording.step[half + rows[0]]
    return (
        f" The gradient of {_short_name(recording, tensor)} moved first: at step {step:,} it is "
        f"{format_number(jumps[rows[0], tensor])} times its median before."
    )


def _find_gradient_spike(recording: Recording) -> Finding | None:
    norms = global_norm(recording)
    spike = _first_spike(norms, GRADIENT_SPIKE)
    if spike is None:
        return None
    row, times = spike
    return Finding(
        name="gradient_spike",
        severity="warning",
        what=f"At step {recording.step[row]:,} the norm of all gradients jumps to {format_number(times)} times its "
        f"level.{_describe_first_mover(recording, row)}",
        why="A wall of the loss: in recurrent networks a small change of a weight is multiplied at every time step.",
        suggestions=suggest(recording.framework, "clip", "lower_rate"),
        step=int(recording.step[row]),
    )


def _find_stuck(recording: Recording) -> Finding | None:
    loss = recording.rows.get("loss")
    if loss is None or len(loss) < WINDOW or not np.isfinite(loss).all() or not loss[0] > 0:
        return None
    start = len(loss) - int(STUCK_ROWS * len(loss))
    late = loss[start:]
    first = np.median(late[: len(late) // 2])
    last = np.median(late[len(late) // 2 :])
    if last < HIGH_LOSS * loss[0] or abs(last - first) > STUCK * first:
        return None
    return Finding(
        name="stuck",
        severity="warning",
        what=f"From step {recording.step[start]:,} to step {recording.step[-1]:,} the loss stays near "
        f"{format_number(last)}; at step {recording.step[0]:,} it was {format_number(loss[0])}.",
        why="The gradient arrives and the loss does not fall: the model answers alike for all inputs, steps are too "
        "long, or the labels say nothing about the inputs.",
        suggestions=suggest(recording.framework, "warm_up", "lower_rate", "layer_norm"),
    )


def _find_step_size(recording: Recording) -> Finding | None:
    ratio = recording.update_ratio
    weights = recording.of_kind("weight")
    if ratio is None or not len(weights):
        return None
    ratio = ratio[:, weights]
    if not np.isfinite(ratio).any():
        return None
    usual = float(np.median(ratio[np.isfinite(ratio)]))
    if SMALL_UPDATE <= usual <= LARGE_UPDATE:
        return None
    is_small = usual < SMALL_UPDATE
    return Finding(
        name="small_steps" if is_small else "large_steps",
        severity="warning",
        what=f"In the median a step changes a weight tensor by {format_number(usual)} of its norm; the guide is 1e-3.",
        why="Steps this short change little within a run." if is_small else "Steps this long undo what was learned.",
        suggestions=suggest(recording.framework, "higher_rate" if is_small else "lower_rate"),
    )


RULES: tuple[Callable[[Recording], Finding | None], ...] = (
    _find_nonfinite,
    _find_underflow,
    _find_dead,
    _find_unbalanced,
    _find_no_steps,
    _find_never_moves,
    _find_rounded_away,
    _find_without_gradient,
    _find_spike,
    _find_gradient_spike,
    _find_stuck,
    _find_clipping,
    _find_step_size,
    _find_frozen,
)


# -- words ------------------------------------------------------------------------------------------------------------


def _short_name(recording: Recording, index: int) -> str:
    name = recording.parameters[index].name
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME // 2]}…{name[-MAX_NAME // 2 :]}"


def _named(recording: Recording, indices: np.ndarray) -> str:
    names = [_short_name(recording, i) for i in indices[:MAX_NAMED]]
    if len(indices) > MAX_NAMED:
        return f"{', '.join(names)} and {len(indices) - MAX_NAMED:,} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _verb(indices: np.ndarray, singular: str, plural: str) -> str:
    return singular if len(indices) == 1 else plural


def _is_trained(recording: Recording) -> np.ndarray:
    """(parameters,) True where a tensor should get a gradient."""
    return np.array([p.kind not in ("frozen", "activation") for p in recording.parameters])
