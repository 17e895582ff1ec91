"""The dashboard's figures for a notebook: each function takes traces or snapshots and returns a Plotly figure.

    from gradient_flow_lab import RunConfig, train
    from gradient_flow_lab.charts import gradient_profile

    [trace] = train([RunConfig()])
    gradient_profile(trace).show()

No server is needed. `dark=True` draws for a dark page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import plotly.graph_objects as go

from core.comparison.arm_statistics import summarize_arm
from core.trace import Trace
from ui.charts import compare, compare_curves, curves, distributions, heatmap, profile
from ui.charts.arms import StyledArm, arm_marks
from ui.charts.style import Chart


def _as_figure(draw: Callable[..., Chart]) -> Callable[..., go.Figure]:
    """The same function with the chart's Plotly figure as its result."""

    @wraps(draw)
    def figure(*args: object, **kwargs: Any) -> go.Figure:
        return draw(*args, **kwargs).figure

    figure.__annotations__ = draw.__annotations__ | {"return": "go.Figure"}
    return figure


gradient_profile = _as_figure(profile.gradient_profile)
gradient_heatmap = _as_figure(heatmap.gradient_heatmap)
loss = _as_figure(curves.loss_chart)
accuracy = _as_figure(curves.accuracy_chart)
global_norm = _as_figure(curves.global_norm_chart)
update_ratio = _as_figure(curves.update_ratio_chart)
weight_norm = _as_figure(curves.weight_norm_chart)
saturation = _as_figure(curves.saturation_chart)
dead_units = _as_figure(curves.dead_chart)
distribution = _as_figure(distributions.distributions)


def compare_profile(arms: dict[str, list[Trace]], *, quantity: str = "delta_norm", dark: bool = False) -> go.Figure:
    """Gradient norms of several arms on shared axes: medians over the seeds, with bands.

    Args:
        arms: the traces of each arm by its name, one for each seed.
        quantity: "grad_norm", "delta_norm" or "rms", as in the dashboard's profile.
        dark: whether the page is dark.
    """
    return compare.compare_profile(_styled(arms), quantity, dark=dark).figure


def compare_loss(arms: dict[str, list[Trace]], *, dark: bool = False) -> go.Figure:
    """The loss of several arms over their steps; `arms` as in `compare_profile`."""
    return compare_curves.compare_loss(_styled(arms), dark=dark).figure


def _styled(arms: dict[str, list[Trace]]) -> list[StyledArm]:
    marks = arm_marks([traces[0].config.activation for traces in arms.values()])
    return [
        StyledArm(name, summarize_arm(traces), mark) for (name, traces), mark in zip(arms.items(), marks, strict=True)
    ]
