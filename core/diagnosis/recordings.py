"""A recording of somebody's own run -> what happened in it, why, and a line of code to try.

The rules read what the file holds: where it has no activations, no word is said about saturated or dead units. Slopes
are fitted over the weight tensors alone, since biases and norms have gradients of another size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..recordings import Recording
from .findings import Diagnosis, Finding, Metric
from .suggestions import Suggestion

VANISHED = -2.0  # decades over the weight layers, from the last to the first, as for this project's own runs
EXPLODED = 2.0
MIN_LAYERS = 3  # of weights, for a slope
SPIKE = 10.0  # a loss this many times the median of the window before it
WINDOW = 10  # rows
OFTEN_CLIPPED = 0.5  # share of recorded steps
SMALL_UPDATE = 1e-5  # update ratio; the usual guide is 1e-3
LARGE_UPDATE = 0.1
MANY_ZEROS = 0.5  # share of a gradient's entries that are exactly 0
MAX_NAMED = 4  # tensors named in a sentence


def diagnose_recording(recording: Recording) -> Diagnosis:
    """The verdict on a recorded run: the gravest finding, with all others behind it."""
    found = [finding for rule in _RULES if (finding := rule(recording)) is not None]
    if not found:
        found = [_healthy(recording)]
    return Diagnosis(verdict=found[0].name, sentence=found[0].what, numbers=_numbers(recording), findings=tuple(found))


def _numbers(recording: Recording) -> tuple[Metric, Metric, Metric]:
    found = profile(recording)
    factor = "-" if found is None else f"x {_number(found.factor)}"
    loss = recording.rows.get("loss")
    known = np.array([]) if loss is None else loss[np.isfinite(loss)]
    return (
        Metric("One layer", factor, "What a layer multiplies the gradient by on its way back, early in the run"),
        Metric("Loss", f"{known[0]:.3g} to {known[-1]:.3g}" if len(known) else "-", "First and last recorded loss"),
        Metric("Recorded", f"{len(recording.step):,} steps", f"of {len(recording.parameters):,} parameter tensors"),
    )


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The gradient over the weight layers: medians over the first tenth of the rows."""

    indices: np.ndarray  # of the weight tensors
    norms: np.ndarray
    decades: float  # log10 of the fitted line at the first over that at the last
    factor: float  # what one layer multiplies the gradient by on its way back


def profile(recording: Recording) -> Profile | None:
    """The early profile over the weights; None with fewer than three layers that have a gradient."""
    indices = recording.of_kind("weight")
    early = recording.values["grad_norm"][: max(1, len(recording.step) // 10), indices]
    with np.errstate(all="ignore"):
        finite = np.where(np.isfinite(early) & (early > 0), early, np.nan)
        has = ~np.isnan(finite).all(axis=0)
        norms = np.full(len(indices), np.nan)
        norms[has] = np.nanmedian(finite[:, has], axis=0)
    if has.sum() < MIN_LAYERS:
        return None
    x = np.arange(len(indices))[has]
    slope = np.polyfit(x, np.log10(norms[has]), 1)[0]
    return Profile(indices=indices, norms=norms, decades=float(-slope * (x[-1] - x[0])), factor=float(10.0**-slope))


def _named(recording: Recording, indices: np.ndarray) -> str:
    names = [recording.parameters[i].name for i in indices[:MAX_NAMED]]
    more = f" and {len(indices) - MAX_NAMED} more" if len(indices) > MAX_NAMED else ""
    return ", ".join(names) + more


def _number(value: float) -> str:
    return f"{value:.2g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.1e}"


def _try(label: str) -> tuple[Suggestion, ...]:
    return (Suggestion(label=label, changes={}),)


def _non_finite(recording: Recording) -> Finding | None:
    norms = recording.values["grad_norm"]
    bad = np.isinf(norms)
    if "nonfinite" in recording.values:
        bad |= recording.values["nonfinite"] > 0
    elsewhere = ~np.isnan(norms).all(axis=0)
    bad |= np.isnan(norms) & elsewhere & (np.isnan(norms).sum(axis=1, keepdims=True) < norms.shape[1])
    bad[:, ~elsewhere] = False
    if not bad.any():
        return None
    row = int(np.flatnonzero(bad.any(axis=1))[0])
    first = np.flatnonzero(bad[row])
    scale = recording.rows.get("loss_scale")
    if scale is not None and np.isfinite(scale[row]):
        why = "With a loss scale this is how it finds its size: the scaler skips such a step and halves the scale."
        return _finding("nonfinite", "note", recording, row, first, why, "scaler.update() after each scaler.step()")
    why = "A value left the range of its type; from here on the weights are no numbers."
    code = "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) before optimizer.step(), and a lower learning rate"
    return _finding("diverged", "bad", recording, row, first, why, code)


def _finding(
    name: str, severity: str, recording: Recording, row: int, first: np.ndarray, why: str, code: str
) -> Finding:
    what = f"At step {recording.step[row]}, the gradient of {_named(recording, first)} is not finite."
    return Finding(name=name, severity=severity, what=what, why=why, suggestions=_try(code))


def _without_gradient(recording: Recording) -> Finding | None:
    norms = recording.values["grad_norm"]
    trained = np.array([p.kind not in ("frozen", "activation") for p in recording.parameters])
    absent = np.flatnonzero(trained & np.isnan(norms).all(axis=0))
    if not len(absent):
        return None
    return Finding(
        name="no_gradient",
        severity="bad" if len(absent) > trained.sum() / 2 else "warning",
        what=f"{_named(recording, absent)} got no gradient at any recorded step.",
        why="The loss does not depend on them: a part of the model is not used, or the graph is cut (detach, no_grad).",
        suggestions=_try("look for .detach(), .data or torch.no_grad() between these layers and the loss"),
    )


def _frozen(recording: Recording) -> Finding | None:
    frozen = recording.of_kind("frozen")
    if not len(frozen) or len(frozen) < 1:
        return None
    return Finding(
        name="frozen",
        severity="note",
        what=f"{_named(recording, frozen)} are frozen: requires_grad is False.",
        why="That is right for a pretrained part, and a mistake elsewhere.",
        suggestions=_try("for p in model.parameters(): p.requires_grad_(True)"),
    )


def _never_moves(recording: Recording) -> Finding | None:
    update = recording.values.get("update_norm")
    if update is None:
        return None
    with np.errstate(invalid="ignore"):
        seen = ~np.isnan(update).all(axis=0)
        still = seen & (np.nan_to_num(update, nan=0.0).max(axis=0) == 0)
        has_gradient = np.nan_to_num(recording.values["grad_norm"], nan=0.0).max(axis=0) > 0
    still = np.flatnonzero(still & has_gradient)
    if not len(still):
        return None
    return Finding(
        name="never_moves",
        severity="bad",
        what=f"{_named(recording, still)} have a gradient and never move.",
        why="The optimizer does not know them: it was made before they were, or from another list.",
        suggestions=_try("optimizer = torch.optim.Adam(model.parameters(), lr=1e-3), made after the whole model"),
    )


def _underflow(recording: Recording) -> Finding | None:
    zeros = recording.values.get("zero_share")
    weights = recording.of_kind("weight")
    if zeros is None or not len(weights):
        return None
    known = weights[np.isfinite(zeros[:, weights]).any(axis=0)]
    lost = known[np.nanmedian(zeros[:, known], axis=0) > MANY_ZEROS] if len(known) else known
    scale = recording.rows.get("loss_scale")
    if not len(lost) or scale is None or not np.isfinite(scale).any():
        return None
    return Finding(
        name="underflow",
        severity="bad",
        what=f"More than half of the gradient's entries of {_named(recording, lost)} are exactly 0.",
        why="In float16 a number below 6e-8 is 0. The loss scale is too small to keep these gradients above it.",
        suggestions=_try("torch.amp.GradScaler(init_scale=2**16), or bfloat16, which has the range of float32"),
    )


def _unbalanced(recording: Recording) -> Finding | None:
    found = profile(recording)
    if found is None or VANISHED < found.decades < EXPLODED:
        return None
    good = np.flatnonzero(np.isfinite(found.norms))
    first, last = found.indices[good[0]], found.indices[good[-1]]
    name = "vanishing" if found.decades <= VANISHED else "exploding"
    what = (
        f"Early in the run the gradient of {recording.parameters[first].name} is "
        f"{_number(found.norms[good[0]] / found.norms[good[-1]])} times that of {recording.parameters[last].name}: "
        f"each layer multiplies it by about {_number(found.factor)} on its way back."
    )
    if name == "vanishing":
        why = "Backpropagation multiplies by weights and by the activation's slope in each layer: the product fades."
        code = "nn.init.kaiming_normal_(layer.weight) with ReLU, residual connections, or nn.LayerNorm between layers"
    else:
        why = "Each layer enlarges the gradient: the weights are too large for this activation, or branches add up."
        code = "a smaller init, nn.LayerNorm before each block, or nn.utils.clip_grad_norm_(model.parameters(), 1.0)"
    return Finding(name=name, severity="bad", what=what, why=why, suggestions=_try(code))


def _dead(recording: Recording) -> Finding | None:
    dead = recording.values.get("dead")
    if dead is None:
        return None
    activations = recording.of_kind("activation")
    last = dead[:, activations]
    rows = np.flatnonzero(np.isfinite(last).any(axis=1))
    if not len(rows):
        return None
    share = last[rows[-1]]
    worst = activations[np.flatnonzero(share > 0.5)]
    if not len(worst):
        return None
    return Finding(
        name="dead",
        severity="warning",
        what=f"At the end, more than half of the units of {_named(recording, worst)} are silent on the whole batch.",
        why="A unit that is silent on every sample gets no gradient and stays silent.",
        suggestions=_try("nn.LeakyReLU() for nn.ReLU(), or a lower learning rate"),
    )


def _clipping(recording: Recording) -> Finding | None:
    clipped = recording.values.get("clipped_grad_norm")
    if clipped is None:
        return None
    with np.errstate(all="ignore"):
        norms = recording.values["grad_norm"]
        binds = np.any(clipped < norms * (1 - 1e-6), axis=1)
    known = np.any(np.isfinite(clipped), axis=1)
    share = float(binds[known].mean()) if known.any() else 0.0
    if share <= OFTEN_CLIPPED:
        return None
    return Finding(
        name="clipping",
        severity="warning",
        what=f"Clipping binds at {share:.0%} of the recorded steps.",
        why="Then the threshold, not the gradient, sets the length of a step; occasional clipping is what it is for.",
        suggestions=_try("max_norm near the 90th percentile of the unclipped norm, or a lower learning rate"),
    )


def _spikes(recording: Recording) -> Finding | None:
    loss = recording.rows.get("loss")
    if loss is None or len(loss) <= WINDOW:
        return None
    for row in range(WINDOW, len(loss)):
        before = np.nanmedian(loss[row - WINDOW : row]) if np.isfinite(loss[row - WINDOW : row]).any() else np.nan
        if np.isfinite(before) and before > 0 and loss[row] > SPIKE * before:
            break
    else:
        return None
    norms = recording.values["grad_norm"]
    with np.errstate(all="ignore"):
        usual = np.nanmedian(norms[row - WINDOW : row], axis=0)
        jump = np.nanmax(norms[row - 1 : row + 1], axis=0) / usual
    where = ""
    if np.isfinite(jump).any():
        moved = int(np.nanargmax(jump))
        where = f" The gradient of {recording.parameters[moved].name} rose most, {_number(jump[moved])} times."
    return Finding(
        name="spike",
        severity="warning",
        what=f"At step {recording.step[row]} the loss jumps to {_number(loss[row] / before)} times its level.{where}",
        why="One step was too long: a rare batch, or a learning rate at the edge of what is stable.",
        suggestions=_try("torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0), or a warm-up of the learning rate"),
    )


def _step_size(recording: Recording) -> Finding | None:
    ratio = recording.update_ratio
    weights = recording.of_kind("weight")
    if ratio is None or not len(weights) or not np.isfinite(ratio[:, weights]).any():
        return None
    with np.errstate(all="ignore"):
        usual = np.nanmedian(ratio[:, weights])
    if SMALL_UPDATE <= usual <= LARGE_UPDATE:
        return None
    small = usual < SMALL_UPDATE
    return Finding(
        name="small_steps" if small else "large_steps",
        severity="warning",
        what=f"In the median a step changes a weight tensor by {_number(float(usual))} of its norm; the guide is 1e-3.",
        why="Steps so short get nowhere in a run." if small else "Steps so long undo what was learned.",
        suggestions=_try("a larger learning rate" if small else "a smaller learning rate"),
    )


def _healthy(recording: Recording) -> Finding:
    found = profile(recording)
    detail = "" if found is None else f" Each layer multiplies the gradient by about {_number(found.factor)}."
    measured = "mean_square" in recording.values
    missing = "" if measured else " The file has no activations, so dead units are not known."
    return Finding(
        name="healthy",
        severity="good",
        what=f"The gradient reaches every recorded layer.{detail}{missing}",
        why="No rule found harm in what was recorded.",
        suggestions=(),
    )


# The gravest first.
_RULES: tuple[Callable[[Recording], Finding | None], ...] = (
    _never_moves,
    _underflow,
    _unbalanced,
    _without_gradient,
    _non_finite,
    _dead,
    _spikes,
    _clipping,
    _step_size,
    _frozen,
)
