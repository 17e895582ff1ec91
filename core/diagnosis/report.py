"""The head of a diagnosis: what the loss did, in words, and the three numbers that tell most."""

from __future__ import annotations

import numpy as np

from ..trace import first_to_last, last_compared
from ..wording import count_noun, format_number, percent, power_of_ten
from .findings import Metric
from .statistics import TraceStats

SAID_ACCURACY = 0.95  # an accuracy below is part of the sentence
HIGH_SHARE = 0.5  # of a constant answer's loss: above it that is said, too
STAYED = 0.01  # a loss "stayed" when it changed by no more than this share of its first value


def describe_loss(stats: TraceStats) -> str:
    """Two sentences at most: the loss, and accuracy where it is not nearly perfect."""
    trace = stats.trace
    if trace.config.steps == 0 or trace.diverged_at is not None:
        return ""
    first = stats.first_loss
    last = stats.last_loss
    # one batch's loss depends on its samples as much as on the run
    over = f", medians over the first and the last {describe_window(stats)}" if stats.is_noisy else ""
    if abs(last - first) <= STAYED * first:
        loss = f"The loss stayed near {format_number(last)}{over}."
    else:
        moved = "fell" if last < first else "rose"
        loss = f"The loss {moved} from {format_number(first)} to {format_number(last)}{over}."
    if np.isfinite(stats.last_accuracy) and stats.last_accuracy <= stats.majority + 0.05:
        share = "the share of the largest class is" if stats.constant is not None else "guessing gets"
        loss += f" Accuracy is {percent(stats.last_accuracy)}; {share} {percent(stats.majority)}."
    elif stats.last_accuracy < SAID_ACCURACY:
        loss += f" Accuracy is {percent(stats.last_accuracy)}."
    elif np.isnan(stats.last_accuracy) and stats.constant is not None and last > HIGH_SHARE * stats.constant.loss:
        loss += f" The best constant answer has {format_number(stats.constant.loss)}."
    return loss


def describe_window(stats: TraceStats) -> str:
    """Words for the rows that a median at one end of the run is taken over."""
    one, several = ("step", "steps") if stats.config.batch_size is None else ("batch", "batches")
    return f"recorded {one}" if stats.window == 1 else f"{stats.window} recorded {several}"


def headline_numbers(stats: TraceStats, step: int) -> tuple[Metric, Metric, Metric]:
    """Factor per layer and layer 1 over the last layer compared at a recorded step, and the loss."""
    trace = stats.trace
    row = int(np.searchsorted(trace.step, step))
    norms = trace.delta_norm[row : row + 1]
    factor = stats.factor[row]
    decades = float(first_to_last(norms)[0])
    last = int(last_compared(norms)[0])
    at, when = (f", step {step:,}", f"after {count_noun(step, 'step')}") if step else ("", "at initialization")
    loss = format_number(stats.first_loss)
    accuracy = stats.last_accuracy
    about = "The data loss at initialization and after the last step."
    if stats.is_noisy:
        about = f"The median data loss over the first and the last {describe_window(stats)}."
    if trace.diverged_at is not None:
        loss = f"{loss} → " * bool(trace.diverged_at) + f"broke at step {trace.diverged_at:,}"
    elif trace.config.steps:
        loss += f" → {format_number(stats.last_loss)}"
    missing = None
    if trace.layers == 1:
        missing = "one layer"
    elif norms[0, 0] == 0 and np.isnan(factor):
        missing = "no gradient"
    return (
        Metric(
            f"Factor per layer{at}",
            missing or format_number(factor),
            f"What a layer multiplies the gradient by on its way back, {when}, fitted to ‖∂E/∂net‖ over the hidden "
            "layers. At 1 the gradient is level, below it vanishes, above it explodes.",
        ),
        Metric(
            f"Layer 1 / layer {last}{at}" if trace.layers > 1 else "Layer 1",
            missing or ("not finite" if np.isnan(decades) else power_of_ten(decades)),
            f"The norm ‖∂E/∂net‖ of layer 1 divided by that of layer {last}, {when}.",
        ),
        Metric(
            "Loss",
            loss,
            about + (f" Accuracy at the end: {percent(accuracy)}." if np.isfinite(accuracy) else ""),
        ),
    )
