"""The verdict on several arms: a headline, a card for each arm in its color, and the mechanisms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from core.comparison.arm_statistics import TABLE, ArmSummary, describe_verdict
from core.diagnosis.rules import VERDICTS
from core.wording import format_number, percent
from ui.charts.arms import StyledArm
from ui.charts.style import gradient_colors, power_of_ten
from ui.text import join_percent, typeset

# Plotly's marker symbols as characters.
GLYPHS = {
    "circle": "●",
    "pentagon": "⬟",
    "square": "■",
    "diamond": "◆",
    "triangle-up": "▲",
    "triangle-down": "▼",
    "x": "✖",
    "cross": "✚",
    "star": "★",
    "hexagon": "⬢",
}

STYLE = """<style>
.arm-cards {display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: .6rem}
.arm-cards > div {border: 1px solid rgba(128, 140, 150, .35); border-left: 5px solid var(--arm); border-radius: .4rem;
  padding: .45rem .7rem .5rem; margin: 0}
.arm-cards b {display: block; font-weight: 600; overflow-wrap: anywhere; line-height: 1.25}
.arm-cards b i {color: var(--arm); font-style: normal; margin-right: .3rem}
.arm-cards strong {display: block; font-size: 1.5rem; font-weight: 600; line-height: 1.3}
.arm-cards span {display: block; font-size: .85rem; line-height: 1.35; opacity: .85}
</style>"""


def number_of_sentence(value: float) -> str:
    """A number as the sentences on the arms write it."""
    return typeset(format_number(value))


@dataclass(frozen=True, kw_only=True)
class CardMetric:
    """A number that can head the cards.

    Attributes:
        value: its value for an arm; NaN where there is none.
        label: the words below it.
        text: its text.
        differs: whether its smallest and its largest value among the arms differ enough to tell them apart.
    """

    value: Callable[[ArmSummary], float]
    label: str
    text: Callable[[float], str]
    differs: Callable[[float, float], bool]


def _by_factor(factor: float) -> Callable[[float, float], bool]:
    return lambda low, high: high > factor * low


CARD_METRICS = {
    "layer_factor": CardMetric(
        value=lambda record: record.summary["layer_factor"],
        label="per layer, going back",
        text=lambda value: f"× {number_of_sentence(value)}",
        differs=_by_factor(1.25),
    ),
    "diverged": CardMetric(
        value=lambda record: record.summary["diverged"] / record.seeds,
        label="of the seeds diverged",
        text=percent,
        differs=lambda low, high: high - low >= 0.5,
    ),
    "final_accuracy": CardMetric(
        value=lambda record: record.summary["final_accuracy"],
        label="accuracy",
        text=percent,
        differs=lambda low, high: high - low >= 0.05,
    ),
    "weight_growth": CardMetric(
        value=lambda record: record.summary["weight_growth"],
        label="growth of the weights",
        text=lambda value: f"× {number_of_sentence(value)}",
        differs=_by_factor(1.1),
    ),
    "final_loss": CardMetric(
        value=lambda record: record.summary["final_loss"],
        label="final loss",
        text=number_of_sentence,
        differs=_by_factor(1.5),
    ),
}


def distinguishing_metric(records: Sequence[ArmSummary]) -> str:
    """The first of CARD_METRICS that differs between the arms; the factor per layer where none does."""
    for name, metric in CARD_METRICS.items():
        values = [value for value in map(metric.value, records) if value == value]
        if len(values) > 1 and metric.differs(min(values), max(values)):
            return name
    return "layer_factor"


def headline(arms: dict[str, ArmSummary]) -> str:
    """Every verdict in words with the arms that have it, in their order."""
    parts = [f"{verdict} in {listed(names)}" for verdict, names in _by_verdict(arms).items()]
    return "; ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])])


def reasons(arms: dict[str, ArmSummary]) -> list[tuple[str, str]]:
    """(names of arms, mechanism) for every mechanism, in the order of the arms."""
    groups: dict[str, list[str]] = {}
    for name, record in arms.items():
        groups.setdefault(record.why, []).append(name)
    return [(listed(names), why) for why, names in groups.items()]


def _by_verdict(arms: dict[str, ArmSummary]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, record in arms.items():
        groups.setdefault(describe_verdict(record.verdict, record.verdict_step), []).append(name)
    return groups


def judged_step(arms: dict[str, ArmSummary]) -> int:
    """The step that the verdicts on all arms judge; 0 for several, or where seeds broke, each at its own."""
    steps = {0 if record.verdict == "diverged" else record.verdict_step for record in arms.values()}
    return steps.pop() if len(steps) == 1 else 0


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def cards(arms: Sequence[StyledArm], dark: bool) -> str:
    """HTML of a card for each arm: its name and mark, the number that differs, its verdict and its end."""
    name = distinguishing_metric([arm.record for arm in arms])
    return STYLE + f"<div class='arm-cards' role='list'>{''.join(_card(arm, name, dark) for arm in arms)}</div>"


def _card(arm: StyledArm, name: str, dark: bool) -> str:
    metric = CARD_METRICS[name]
    value = metric.value(arm.record)
    shown = metric.text(value) if value == value else "–"
    verdict = describe_verdict(arm.record.verdict, arm.record.verdict_step)
    return (
        f"<div role='listitem' style='--arm: {arm.mark.color(dark)}'>"
        f"<b><i aria-hidden='true'>{GLYPHS[arm.mark.symbol]}</i>{escape(arm.name)}</b>"
        f"<strong>{shown}</strong><span>{metric.label}</span>"
        f"<span>{escape(verdict)}{_ending(arm.record, name)}</span></div>"
    )


def _ending(record: ArmSummary, shown: str) -> str:
    """Where the runs of an arm ended, without the number that heads its card."""
    summary = record.summary
    if summary["diverged"] == record.seeds:
        return f" at step {summary['diverged_at']:.10g}"
    diverged = f" · {summary['diverged']} of {record.seeds} seeds diverged" if summary["diverged"] else ""
    if shown != "final_accuracy" and summary["final_accuracy"] == summary["final_accuracy"]:
        return f" · accuracy {join_percent(percent(summary['final_accuracy']))}{diverged}"
    return diverged if shown == "final_loss" else f" · loss {number_of_sentence(summary['final_loss'])}{diverged}"


def display_table(summary: pd.DataFrame) -> pd.DataFrame:
    """The table of the arms with every number as its text; without columns about what happens in no arm."""
    absent = [TABLE[name] for name in ("diverged", "clipped_share") if not summary[TABLE[name]].fillna(0).any()]
    if TABLE["diverged"] in absent:
        absent.append(TABLE["diverged_at"])
    summary = summary.drop(columns=absent)
    shares = ("accuracy", "share of steps clipped")
    texts = {name: percent if name in shares else number_of_sentence for name in summary if name != "verdict"}
    return summary.assign(
        verdict=[VERDICTS[verdict][0] for verdict in summary["verdict"]],
        **{name: ["–" if value != value else text(value) for value in summary[name]] for name, text in texts.items()},
    )


def color_key(span: int, *, dark: bool) -> str:
    """HTML: the one color scale of all small heatmaps, `span` decades on either side of level."""
    stops = ", ".join(f"{color} {100 * at:.0f}%" for at, color in gradient_colors(dark))
    low = power_of_ten(-span)
    high = power_of_ten(span)
    return (
        f"<div role='img' aria-label='Colors: from {low} of the output layer’s norm at step 0, over level, "
        f"to {high} times it' style='max-width: 460px; font-size: .85rem'>"
        f"<div style='height: 12px; border-radius: 3px; background: linear-gradient(90deg, {stops})'></div>"
        f"<div style='display: flex; justify-content: space-between'><span>≤ {low}</span>"
        f"<span>1: level</span><span>≥ {high}</span></div>"
        "<div style='opacity: .85'>against the output layer’s norm at step 0, median over seeds</div></div>"
    )
