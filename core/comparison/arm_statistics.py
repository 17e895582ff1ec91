"""Summary of an arm over its seeds: medians, bands, a summary and a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any

import numpy as np
import pandas as pd

from ..config import RunConfig
from ..diagnosis.rules import VERDICTS, diagnose
from ..layer_norms import LAYER_NORMS
from ..norms import scaled_norms
from ..trace import Trace, first_to_last
from ..wording import count_noun, format_number, percent

CENTRAL = (0.8, 0.5)  # shares of the seeds inside the outer and the inner band

NOTE = (
    "A line is the median over the seeds; half of them lie in the dark band, four in five in the pale one. All arms "
    "use the same seeds: the same data and the same draws. A seed that diverges counts until it does; where fewer "
    "than half of an arm’s seeds still run, its line ends. Final losses and accuracies are medians of the seeds that "
    "reached the end."
)

# Curves over the steps, (rows,) each, and those whose axis is logarithmic.
CURVES: dict[str, Callable[[Trace], np.ndarray]] = {
    "loss": lambda trace: trace.loss,
    "accuracy": lambda trace: trace.accuracy,
    "norm_before": lambda trace: trace.global_grad_norm,
    "norm_after": lambda trace: trace.global_grad_norm * trace.clip_scale,
    "weight_norm": lambda trace: scaled_norms(trace.weight_norm),
    "saturation": lambda trace: trace.hidden_share("saturation"),
    "dead": lambda trace: trace.hidden_share("dead"),
}
# Norms of every layer, (rows, layers) each.
LAYERS: dict[str, Callable[[Trace], np.ndarray]] = {name: norm.values for name, norm in LAYER_NORMS.items()}
# Layer 1 over the last hidden layer, as verdicts compare them, (rows,) each.
RATIOS: dict[str, Callable[[Trace], np.ndarray]] = {
    name: lambda trace, of=of: 10.0 ** first_to_last(of(trace)) for name, of in LAYERS.items()
}
_LOGARITHMIC = {"loss", "norm_before", "norm_after", "weight_norm", *LAYERS}


@dataclass(frozen=True, eq=False, kw_only=True)
class Band:
    """Over seeds: the median, and the ends of the two central shares of CENTRAL; arrays of one shape.

    Attributes:
        low80, low50, median, high50, high80: quantiles 0.1, 0.25, 0.5, 0.75 and 0.9.
    """

    low80: np.ndarray
    low50: np.ndarray
    median: np.ndarray
    high50: np.ndarray
    high80: np.ndarray

    @property
    def narrow(self) -> bool:
        """True if there is nothing to shade: one seed, or seeds that agree."""
        return np.array_equal(self.low80, self.high80, equal_nan=True)


def band(values: np.ndarray, logarithmic: bool) -> Band:
    """Quantiles over axis 0, leaving out what is not finite; NaN where fewer than half the values are.

    Between two neighbors in rank the quantile is interpolated, on the scale it is drawn on: linearly, or linearly
    in the logarithm (so that a median of 1e-8 and 1e-2 is 1e-5). Towards a zero there is no logarithm: then it is 0.

    Args:
        values: (seeds, ...).
    """
    ranked = np.sort(np.where(np.isfinite(values), values, np.nan), axis=0)
    count = np.isfinite(ranked).sum(axis=0)
    last = np.maximum(count - 1, 0)
    outer, inner = ((1 - share) / 2 for share in CENTRAL)
    rows = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for quantile in (outer, inner, 0.5, 1 - inner, 1 - outer):
            position = quantile * last
            below = np.floor(position).astype(int)
            share = position - below
            a, b = (np.take_along_axis(ranked, i[None], axis=0)[0] for i in (below, np.minimum(below + 1, last)))
            if logarithmic:
                between = np.where(share == 0, a, np.exp((1 - share) * np.log(a) + share * np.log(b)))
                between = np.where(a == b, a, between)  # as it is, without the rounding of the logarithm
            else:
                between = a + share * (b - a)
            rows.append(np.where(2 * count >= len(values), between, np.nan))
    low80, low50, median, high50, high80 = rows
    return Band(low80=low80, low50=low50, median=median, high50=high50, high80=high80)


@dataclass(frozen=True, eq=False, kw_only=True)
class ArmSummary:
    """Results of one arm over its seeds.

    Attributes:
        config: of its first seed.
        seeds: how many.
        step: (rows,) updates made.
        running: (rows,) seeds that still run.
        layers: for each name of LAYERS, a Band of (rows, layers).
        ratios: for each name of LAYERS, a Band of (rows,): of each seed's own ratio of layer 1 to the last hidden layer
            (`core.trace.first_to_last`), which is not the ratio of two medians.
        curves: for each name of CURVES, a Band of (rows,).
        summary: medians over the seeds; `diverged` counts them.
        verdict: what `core.diagnose` says of most seeds.
        verdict_step: the step that it judges in the median seed with this verdict; 0 for initialization.
        sentence: that in one sentence with its numbers.
        why: one sentence of mechanism, of the first seed that had this verdict.
    """

    config: RunConfig
    seeds: int
    step: np.ndarray
    running: np.ndarray
    layers: dict[str, Band]
    ratios: dict[str, Band]
    curves: dict[str, Band]
    summary: dict[str, float]
    verdict: str
    verdict_step: int
    sentence: str
    why: str

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        bands = [*self.layers.values(), *self.ratios.values(), *self.curves.values()]
        return self.step.nbytes + self.running.nbytes + sum(5 * band.median.nbytes for band in bands)


def summarize_arm(traces: Sequence[Trace]) -> ArmSummary:
    """One arm's traces, a seed each, as medians, bands, numbers and words."""
    first = traces[0]

    def over_seeds(fields: Mapping[str, Callable[[Trace], np.ndarray]]) -> dict[str, Band]:
        with np.errstate(all="ignore"):
            return {
                name: band(np.stack([of(trace) for trace in traces]), name in _LOGARITHMIC)
                for name, of in fields.items()
            }

    summary = summarize(traces)
    verdicts = [diagnose(trace) for trace in traces]
    (verdict, count), *_ = Counter(diagnosis.verdict for diagnosis in verdicts).most_common()
    alike = [diagnosis for diagnosis in verdicts if diagnosis.verdict == verdict]
    step = median_low(diagnosis.step for diagnosis in alike)
    return ArmSummary(
        config=first.config,
        seeds=len(traces),
        step=first.step,
        running=np.sum([np.arange(len(first.step)) < trace.rows_recorded for trace in traces], axis=0),
        layers=over_seeds(LAYERS),
        ratios=over_seeds(RATIOS),
        curves=over_seeds(CURVES),
        summary=summary,
        verdict=verdict,
        verdict_step=step,
        sentence=_sentence(describe_verdict(verdict, step), count, len(traces), summary, first),
        why=alike[0].findings[0].why,
    )


def summarize(traces: Sequence[Trace]) -> dict[str, float]:
    """Medians over seeds of what `Trace.summary` says, and how many seeds diverged.

    `layer_factor` and `first_over_last` (of delta, `core.trace.first_to_last`) are of initialization and of all seeds,
    as is `clipped_share` of the steps they made; `diverged_at` is of those that diverged, the rest of those that did
    not.
    """
    every = [trace.summary() for trace in traces]
    ended = [summary for summary in every if not summary["diverged"]]
    broken = [summary for summary in every if summary["diverged"]]
    return {
        "layer_factor": _median(every, "layer_factor"),
        "final_layer_factor": _median(ended, "final_layer_factor"),
        "first_over_last": _first_over_last(trace.delta_norm[0] for trace in traces),
        "final_first_over_last": _first_over_last(
            trace.delta_norm[trace.last_row] for trace in traces if trace.diverged_at is None
        ),
        "final_loss": _median(ended, "final_loss"),
        "final_accuracy": _median(ended, "final_accuracy"),
        "diverged": len(broken),
        "diverged_at": _median(broken, "diverged_at"),
        "clipped_share": _median(every, "clipped_share"),
        "weight_growth": _median(ended, "weight_growth"),
    }


def _median(summaries: Sequence[Mapping[str, Any]], name: str) -> float:
    values = [summary[name] for summary in summaries if not np.isnan(summary[name])]
    return float(np.median(values)) if values else float("nan")


def _first_over_last(norms: Iterable[np.ndarray]) -> float:
    decades = np.array([float(first_to_last(row[None])[0]) for row in norms])
    decades = decades[~np.isnan(decades)]
    with np.errstate(over="ignore"):
        return float(np.power(10.0, np.median(decades))) if len(decades) else float("nan")


TABLE = {
    "layer_factor": "factor per layer",
    "first_over_last": "layer 1 / last hidden layer",
    "final_loss": "final loss",
    "final_accuracy": "accuracy",
    "diverged": "seeds diverged",
    "diverged_at": "diverged at step",
    "clipped_share": "share of steps clipped",
    "weight_growth": "weight growth",
}


def table(records: dict[str, ArmSummary]) -> pd.DataFrame:
    """A row an arm, its summary in the columns of TABLE, and its verdict."""
    rows = {name: {**record.summary, "verdict": record.verdict} for name, record in records.items()}
    wide = pd.DataFrame.from_dict(rows, orient="index").rename_axis("arm")
    return wide[["verdict", *TABLE]].rename(columns=TABLE)


# -- words ------------------------------------------------------------------------------------------------------


def describe_verdict(verdict: str, step: int) -> str:
    """The title of a verdict, with the step that it judges where that is a later one; a broken run states its own."""
    at = f" after {count_noun(step, 'step')}" if step and verdict != "diverged" else ""
    return f"{VERDICTS[verdict][0]}{at}"


def _sentence(what: str, count: int, seeds: int, summary: dict[str, float], first: Trace) -> str:
    on = "" if seeds == 1 else f" on {count} of {seeds} seeds"
    factor = summary["layer_factor"]
    ratio = summary["first_over_last"]
    flow = ""
    if np.isfinite(factor) and np.isfinite(ratio):
        flow = (
            f": at initialization each layer multiplies the gradient by about {format_number(factor)} on its way back, "
            f"and layer 1 gets {format_number(ratio)} times what the last hidden layer gets"
        )
    return f"{what}{on}{flow}. {_end(seeds, summary, first)}"


def _end(seeds: int, summary: dict[str, float], first: Trace) -> str:
    broken = summary["diverged"]
    steps = int(first.step[-1])
    parts = []
    if broken:
        at = f"at step {summary['diverged_at']:.10g}"  # a median may lie half way between two
        parts.append(f"It broke {at}." if seeds == 1 else f"{broken} of {seeds} seeds broke, {at} in the median.")
    if broken < seeds:
        scored = "" if np.isnan(summary["final_accuracy"]) else f", accuracy {percent(summary['final_accuracy'])}"
        late = summary["final_layer_factor"]
        text = f"factor {format_number(late)} per layer, " if steps and np.isfinite(late) else ""
        parts.append(f"After {steps:,} steps: {text}loss {format_number(summary['final_loss'])}{scored}.")
    return " ".join(parts)
