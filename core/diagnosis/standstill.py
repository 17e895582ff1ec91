"""Rules on a loss that came to rest, or that steps too short or too few left where it was."""

from __future__ import annotations

import numpy as np

from ..config import RunConfig
from ..families.activations import ACTIVATIONS
from ..wording import count_noun, format_number, part_of, percent
from . import suggestions
from .findings import Finding
from .statistics import MAJORITY_SHARE, SHORT_RATE, TraceStats
from .suggestions import GUIDE_RATIO

SMALL = 0.3 * GUIDE_RATIO  # an update ratio
HIGH_LOSS = 0.5  # of its first value: the loss stayed above
UNFINISHED = 0.8  # accuracy below which a run that still improves has not learned yet


def _came_to_rest(stats: TraceStats) -> bool:
    """True where the loss is at rest, neither at a solution nor at the best that a regression may have."""
    if stats.learned or not stats.at_rest or stats.config.steps == 0:
        return False
    return not (stats.trace.task == "regression" and stats.made_progress) and not (
        stats.last_accuracy >= 0.95 and stats.made_progress
    )


def find_stuck(stats: TraceStats) -> Finding | None:
    """A loss that came to rest with gradients that were level and steps that were long enough."""
    if not _came_to_rest(stats) or stats.blocked[stats.end] or stats.first_loss == 0:
        return None
    ratios = stats.trace.update_ratio[: max(1, len(stats.good) // 10)]
    if not np.nanmax(ratios, initial=0.0) > SMALL:  # the longest of the early steps: some come to rest within a few
        return None
    trace = stats.trace
    sixth = len(stats.good) // 6
    losses = trace.loss[stats.good]
    before = np.median(losses[-2 * sixth : -sixth])
    after = np.median(losses[-sixth:])
    first = trace.global_grad_norm[0]
    last = trace.global_grad_norm[stats.end]
    what = (
        f"The loss settled at {format_number(after)}: between the last two sixths of the run its median changed "
        f"by {percent(abs(after - before) / after)}."
    )
    if first > 0 and last < first and not stats.is_noisy:
        what += f" The gradient’s norm ended at {part_of(last / first)} its first value."
    why = _why_stuck(stats.config)
    offered = suggestions.for_stuck(stats.config)
    if stats.favors_majority:
        offered = suggestions.distinct([*offered, *suggestions.for_unequal_classes(stats.config)])
    return Finding(name="stuck", severity="warning", what=what, why=why, suggestions=offered)


def is_linear(config: RunConfig) -> bool:
    """True where the net input of the output is a linear function of the inputs, with any weights."""
    return set(config.activations) <= {"linear"} and (config.normalization != "layer" or not config.hidden)


def _is_homogeneous(config: RunConfig) -> bool:
    """True where twice the inputs always give twice the output's net input: no biases, and phi(cx) = c phi(x)."""
    if config.bias or config.normalization != "none":
        return False
    x = np.array([-3.0, -1.0, 1.0, 3.0])
    return all(np.allclose(2 * phi(x), phi(2 * x), rtol=1e-9) for phi in (ACTIVATIONS[a] for a in config.activations))


def _why_stuck(config: RunConfig) -> str:
    if is_linear(config):
        layers = "no hidden layer" if not config.hidden else "linear activations alone"
        return (
            f"A network with {layers} computes a linear function of its inputs, and training can find no more than the "
            "best of those."
        )
    why = "The gradient is small because the loss is flat here, in a poor minimum or on a plateau, not because layers "
    why += "lose it."
    if _is_homogeneous(config):
        why += " Without biases inputs twice as large only make the output’s net input twice as large, which limits it."
    if config.dropout >= MAJORITY_SHARE and config.hidden:
        why += f" Dropout takes {percent(config.dropout)} of the units away in every step, which may leave too few."
    elif config.hidden and min(config.hidden) < suggestions.SPARE_UNITS:
        why += " A network of few units has few ways around such a place."
    return why


def find_little_training(stats: TraceStats) -> Finding | None:
    """Steps too short or too few; judged last, because all other harm makes steps short by itself."""
    if stats.learned or stats.config.steps == 0 or not max(stats.last_loss, stats.first_loss) > 0:
        return None
    layer = int(np.nanargmax(stats.early)) if np.isfinite(stats.early).any() else 0
    ratio = float(np.nan_to_num(stats.early[layer]))
    short = 0 < ratio <= SMALL and stats.last_loss >= HIGH_LOSS * stats.first_loss
    unfinished = stats.made_progress and stats.last_accuracy < UNFINISHED
    if not short and stats.made_progress and not unfinished:
        return None
    if short:
        what = (
            f"In the median early step even layer {layer + 1}, the fastest, moves by only {percent(ratio)} of its "
            f"weights (the usual guide is {percent(GUIDE_RATIO)})."
        )
        why = "With steps this short, it takes many more of them to change the weights much."
    else:
        what = f"In {count_noun(stats.config.steps, 'step')} "
        what += f"accuracy reached only {percent(stats.last_accuracy)}." if unfinished else "little was learned."
        why = "No layer loses the gradient; the steps, or their number, did not take the weights far enough."
    factors = stats.config.rate_factors(np.arange(stats.config.steps))
    if np.median(factors) < SHORT_RATE:
        usual = percent(float(np.median(factors)))
        why += f" In the median step the schedule leaves {usual} of the learning rate."
    offered = suggestions.for_small_steps(stats.config, ratio) if ratio > 0 else ()
    if not short:
        offered = suggestions.distinct([*offered, *suggestions.for_stuck(stats.config)])
    if stats.favors_majority:
        offered = suggestions.distinct([*offered, *suggestions.for_unequal_classes(stats.config)])
    return Finding(name="small_steps", severity="warning", what=what, why=why, suggestions=offered)
