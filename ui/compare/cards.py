"""The verdict on several arms: a headline, a card an arm in its color, and why."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from core.comparison.arm_statistics import ArmSummary
from core.diagnosis.rules import VERDICTS
from ui.charts.arms import StyledArm
from ui.charts.style import gradient_colors, number

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


def headline(arms: dict[str, ArmSummary]) -> str:
    """What happened, in words: every verdict with the arms it is about, in their order."""
    parts = [f"{VERDICTS[verdict][0]} in {listed(names)}" for verdict, names in _by_verdict(arms).items()]
    return "; ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])])


def reasons(arms: dict[str, ArmSummary]) -> list[tuple[str, str]]:
    """(arms, why) for every mechanism, in the order of the arms."""
    groups: dict[str, list[str]] = {}
    for name, record in arms.items():
        groups.setdefault(record.why, []).append(name)
    return [(listed(names), why) for why, names in groups.items()]


def _by_verdict(arms: dict[str, ArmSummary]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, record in arms.items():
        groups.setdefault(record.verdict, []).append(name)
    return groups


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def cards(arms: Sequence[StyledArm], dark: bool) -> str:
    """HTML: for each arm its name in its looks, its factor per layer, its verdict and where it ended."""
    return STYLE + f"<div class='arm-cards' role='list'>{''.join(_card(arm, dark) for arm in arms)}</div>"


def _card(arm: StyledArm, dark: bool) -> str:
    summary = arm.record.summary
    factor = summary["layer_factor"]
    shown = f"× {number(factor)}" if factor == factor else "–"
    return (
        f"<div role='listitem' style='--arm: {arm.mark.color(dark)}'>"
        f"<b><i aria-hidden='true'>{GLYPHS[arm.mark.symbol]}</i>{escape(arm.name)}</b>"
        f"<strong>{shown}</strong><span>per layer, going back</span>"
        f"<span>{escape(arm.record.verdict.replace('_', ' '))}{_ended(arm.record)}</span></div>"
    )


def _ended(record: ArmSummary) -> str:
    summary = record.summary
    if summary["diverged"] == record.seeds:
        return f" at step {summary['diverged_at']:.10g}"
    broken = f" · {summary['diverged']} of {record.seeds} seeds diverged" if summary["diverged"] else ""
    if summary["final_accuracy"] == summary["final_accuracy"]:
        return f" · accuracy {summary['final_accuracy']:.0%}{broken}"
    return f" · loss {number(summary['final_loss'])}{broken}"


def color_key(dark: bool) -> str:
    """HTML: the one color scale of all small heatmaps."""
    stops = ", ".join(f"{color} {100 * at:.0f}%" for at, color in gradient_colors(dark))
    return (
        "<div role='img' aria-label='Colors: from six decades below the output layer’s norm at step 0, over level, "
        "to six decades above' style='max-width: 460px; font-size: .85rem'>"
        f"<div style='height: 12px; border-radius: 3px; background: linear-gradient(90deg, {stops})'></div>"
        "<div style='display: flex; justify-content: space-between'><span>≤ −6</span><span>−3</span>"
        "<span>0</span><span>+3</span><span>≥ +6</span></div>"
        "<div style='opacity: .85'>decades from the output’s norm at step 0, median over seeds</div></div>"
    )
