"""Why the gradient vanishes: a stack of layers, its product of factors, and the cures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import ConfigError, RunConfig, Trace
from core.comparison.arm_statistics import summarize_arm
from core.comparison.arms import Arm, Comparison, arm_name
from core.config import Choice, Number
from core.families.activations import ACTIVATIONS, describe_activations
from core.lecture.paths import Paths, over_scales, trace_paths
from core.presets.comparisons import COMPARISON_PRESETS
from core.theory import critical_points
from core.wording import percent
from ui import panels
from ui.charts.arms import StyledArm, style_arms
from ui.charts.compare import compare_profile
from ui.charts.compare_curves import compare_global_norm, compare_loss, compare_weight_norm
from ui.charts.paths import factor_by_scale, product_of_layers
from ui.charts.style import Chart, number
from ui.lecture import links
from ui.runtime import jobs
from ui.runtime.jobs import Run
from ui.runtime.progress import ProgressReporter
from ui.session import session
from ui.text import as_text
from ui.urls import views

ACTIVE = ("sigmoid", "tanh", "relu")
MAX_LAYERS = 30
WIDTH = 32
ADDRESS = {
    "stack_activation": Choice(ACTIVE),
    "stack_layers": Number(1, MAX_LAYERS, integer=True),
    "stack_scale": Number(0.25, 16),
    "cure": Choice(("cure-activation", "cure-clipping", "cure-regularization")),
}
DEFAULTS = {"stack_activation": "sigmoid", "stack_layers": 10.0, "stack_scale": 1.0, "cure": "cure-activation"}
SCALES = np.geomspace(0.25, 16, 13)


def section() -> None:
    """The product for a chosen stack, over the init scale, and beside other activations."""
    st.markdown(
        "More layers make the chain longer. With $\\delta^l = \\partial E / \\partial \\mathit{net}^l$, one layer of "
        "weights $W$ takes the gradient one layer back:"
    )
    st.latex(r"\delta^{l} = \operatorname{diag}\big(\varphi'(\mathit{net}^{l})\big)\; W\, \delta^{l+1}")
    pictures = st.container(key="pictures-vanishing")
    words = st.container()
    controls = st.container()
    with controls, st.grid(3, min_column_width=230, gap="medium", vertical_alignment="bottom"):
        for draw in CONTROLS.values():
            with st.container():
                draw()
    try:
        paths = current()
        config = paths.config
        factors = _over_scales(config.replace(init_scale=1.0))
        activations = of_activations(config)
        # untrained: the profile at the first step, and no training to wait for
        traces = [jobs.get_trace(Run(arm.config(config.replace(steps=0)))) for arm in activations.arms]
    except ConfigError as error:
        panels.show_error(error)
        return
    activation = config.activations[0]  # of every layer
    critical = _critical_scale(activation)
    product = product_of_layers(paths, dark=panels.dark())
    by_scale = factor_by_scale(SCALES, factors, config.init_scale, activation, critical, dark=panels.dark())
    with pictures, st.grid(2, min_column_width=380, gap="medium"):
        with st.container():
            panels.show(product, "stack-product", numbers=True)
        with st.container():
            panels.show(by_scale, "stack-factor", numbers=True)
    with words:
        st.markdown(as_text(describe(paths)))
        st.caption(
            "In words: delta of a layer is delta of the layer after it, multiplied by the weights in between, and then "
            "unit by unit by the slope of the activation. So $L$ layers make a product of $L - 1$ such matrices."
        )
    with st.container(horizontal=True):
        links.to_lab("Open this network in the Lab", config, "link_stack")
        links.to_compare("Compare four init scales", of_scales(config, critical), "link_scales")
    _along(paths)
    _draw_arms(config, activations, traces)


def current() -> Paths:
    """The products of the layers of the chosen stack.

    Raises:
        ConfigError: a control without a number.
    """
    layers = int(session["stack_layers"])
    scale = session["stack_scale"]
    return _follow(RunConfig().replace(hidden=(WIDTH,) * layers, activation=session["stack_activation"],
                                       init_scale=scale))  # fmt: skip


def _draw_activation() -> None:
    st.segmented_control(
        "Activation",
        list(ACTIVE),
        required=True,
        format_func=lambda name: ACTIVATIONS[name].label,
        key="stack_activation",
        disabled=views.is_locked("stack_activation"),
    )


def _draw_layers() -> None:
    st.slider("Hidden layers", 1.0, float(MAX_LAYERS), step=1.0, format="%d layers", key="stack_layers",
              disabled=views.is_locked("stack_layers"))  # fmt: skip


def _draw_scale() -> None:
    about = rf"$\sigma_w$ in $w \sim N(0, \sigma_w^2 / {WIDTH})$: each layer has {WIDTH} units."
    st.slider("Init scale $\\sigma_w$", 0.25, 16.0, step=0.25, format="init scale %.2f", key="stack_scale", help=about,
              disabled=views.is_locked("stack_scale"))  # fmt: skip


CONTROLS: dict[str, Callable[[], None]] = {
    "stack_activation": _draw_activation,
    "stack_layers": _draw_layers,
    "stack_scale": _draw_scale,
}


def _along(paths: Paths) -> None:
    """Every factor along the strongest path."""
    box = st.expander("One path: every factor along the strongest", key="stack_path", on_change="rerun")
    if box.open:
        with box:
            st.markdown(
                "Of all ways from a unit of the first hidden layer to one of the last, this one has the largest "
                "product of $|\\varphi'(\\mathit{net})\\, w|$ for sample 1. The last column begins at the last layer "
                "and gains one factor a row upwards."
            )
            rows = path_table(paths)
            shapes = dict.fromkeys(rows.columns[2:], st.column_config.NumberColumn(format="%.3g"))
            panels.table(rows, hide_index=True, column_config=shapes, alt="Factors along the strongest path")


def path_table(paths: Paths) -> pd.DataFrame:
    """A row a layer: its unit on the strongest path, the slope, the weight onward, their product, and all products."""
    layers = len(paths.units)
    columns = {"layer": np.arange(1, layers + 1), "unit": paths.units + 1}
    for name, values in (("φ′(net)", paths.slopes), ("w", paths.weights), ("factor", paths.slopes * paths.weights)):
        columns[name] = np.append(values, np.nan)
    return pd.DataFrame(columns | {"product": paths.path})


@st.cache_data(max_entries=300, show_spinner=False)
def _follow(config: RunConfig) -> Paths:
    return trace_paths(config)


@st.cache_data(show_spinner=False)
def _critical_scale(activation: str) -> float:
    return critical_points(activation)[0].sigma_w


@st.cache_data(max_entries=100, show_spinner=False)
def _over_scales(config: RunConfig) -> dict[str, np.ndarray]:
    return over_scales(config, SCALES)


def describe(paths: Paths) -> str:
    """Words for the effect of the product on the gradient, with its numbers."""
    layers = len(paths.measured)
    label = describe_activations(paths.config.activation)
    if layers == 1:
        return "With one hidden layer there is no product yet. Add layers."
    factor = paths.factor("measured")
    worst = paths.factor("worst")
    arrived = float(paths.measured[0])
    if not np.isfinite(factor):
        return "The gradient at the last layer is 0 or not finite, so there is nothing to compare with."
    does = "vanishes" if factor < 0.95 else "explodes" if factor > 1.05 else "stays nearly level"
    words = (
        f"With {label} at init scale {number(paths.config.init_scale, 3)} the gradient {does}: each layer multiplies "
        f"its norm by {number(factor, 3)}, so that the first of {layers} layers gets {number(arrived)} times what the "
        "last one has. "
    )
    if worst < 1:
        words += f"That is certain: even the worst case, {number(worst, 3)} a layer, is below 1. "
    else:
        words += f"The worst case is {number(worst, 3)} a layer: a bound above 1 decides nothing. "
    if np.isfinite(paths.factor("typical")):
        words += f"Typical, by mean field theory, is {number(paths.factor('typical'), 3)}. "
    if layers > 2:
        words += f"Each entry sums {number(paths.count)} paths; the strongest carries {number(float(paths.path[0]))}."
    return words.strip()


def of_scales(config: RunConfig, critical: float) -> Comparison:
    """The comparison of this stack at a quarter, half, once and twice the scale where theory has the factor at 1."""
    arms = []
    for share in (0.25, 0.5, 1, 2):
        scale = float(f"{share * critical:.4g}")
        arms.append(Arm(arm_name("init_scale", scale), {"init_scale": scale}))
    return Comparison(config, "init_scale", tuple(arms))


def of_activations(config: RunConfig) -> Comparison:
    """The comparison of this stack with each activation."""
    arms = tuple(Arm(arm_name("activation", name), {"activation": name}) for name in ACTIVE)
    return Comparison(config, "activation", arms)


def _draw_arms(config: RunConfig, comparison: Comparison, traces: list[Trace]) -> None:
    """The same stack with the other activations."""
    st.subheader("The same stack with other activations", anchor=False)
    arms = style_traces(comparison, traces)
    with st.grid(2, min_column_width=380, gap="medium"):
        with st.container():
            panels.show(compare_profile(arms, "delta_norm", dark=panels.dark()), "stack-beside", numbers=True)
        with st.container():
            for name in ACTIVE:
                paths = _follow(config.replace(activation=name))
                factor = paths.factor("measured")
                critical = _critical_scale(name)
                largest = f"$\\varphi' \\le {ACTIVATIONS[name].sup_slope:g}$"
                measured = "no factor yet" if np.isnan(factor) else f"{number(factor, 3)} a layer"
                st.markdown(
                    f"**{ACTIVATIONS[name].label}**: {largest}; {measured} at init scale "
                    f"{number(config.init_scale, 3)}; level "
                    f"at {number(critical, 4)}."
                )
            st.markdown(
                "A larger slope alone is no cure: what counts is slope times weight. **Weights that are too large make "
                "every one of them explode**, and each activation has its own scale at which the gradient stays level."
            )
            links.to_compare("Compare these three over their training", comparison, "link_activations")


def style_traces(comparison: Comparison, traces: list[Trace]) -> list[StyledArm]:
    """Arms of one seed each, in the style that they have in Compare."""
    names = [arm.name for arm in comparison.arms]
    return style_arms(comparison, {name: summarize_arm([trace]) for name, trace in zip(names, traces, strict=True)})


@dataclass(frozen=True, kw_only=True)
class Cure:
    """One way out: what it does to the product, its comparison, and the chart that shows it."""

    title: str
    why: str
    comparison: Comparison
    chart: Callable[..., Chart]
    key: str

    def train(self, waiting: DeltaGenerator) -> list[Trace]:
        """The traces of its arms, one seed each; progress is shown in `waiting`.

        Raises:
            ConfigError: this server allows less than the training takes.
        """
        reporter = ProgressReporter(waiting)
        traces = [jobs.get_trace(Run(arm.config(self.comparison.base)), reporter) for arm in self.comparison.arms]
        reporter.clear()
        return traces

    def draw(self, traces: list[Trace]) -> Chart:
        """Its chart."""
        return self.chart(style_traces(self.comparison, traces), dark=panels.dark())


def _two(name: str, without: str, arm: str) -> Comparison:
    """One arm of a ready comparison beside the network without it."""
    ready = COMPARISON_PRESETS[name].comparison
    return replace(ready, vary=None, arms=(Arm(without), *(a for a in ready.arms if a.name == arm)))


CURES = (
    Cure(
        title="Activation and its init",
        why="A slope near 1 and weights made for it keep each factor near 1, from the first step on.",
        comparison=COMPARISON_PRESETS["activations"].comparison,
        chart=compare_loss,
        key="cure-activation",
    ),
    Cure(
        title="Clipping",
        why="It leaves the product as it is and cuts a step that would be too long: a cure for exploding gradients, "
        "not for vanishing ones.",
        comparison=_two("clipping", "no clipping", "by global norm 1"),
        chart=compare_global_norm,
        key="cure-clipping",
    ),
    Cure(
        title="Regularization",
        why="It holds the weights down, and with them the other half of each factor: again a cure for exploding "
        "gradients.",
        comparison=_two("regularization", "no max-norm", "max-norm 1"),
        chart=compare_weight_norm,
        key="cure-regularization",
    ),
)


def draw_choice() -> None:
    """Draws the choice of the cure that a frame shows."""
    titles = {cure.key: cure.title for cure in CURES}
    st.segmented_control("Cure", list(titles), required=True, format_func=titles.__getitem__, key="cure",
                         disabled=views.is_locked("cure"))  # fmt: skip


@st.fragment
def draw_cures() -> None:
    """Each cure with a real training before and after."""
    st.markdown(
        "Each picture is a training of real networks, with and without the cure; one seed here, eight in Compare."
    )
    with st.grid(3, min_column_width=340, gap="medium"):
        for cure in CURES:
            with st.container():
                st.markdown(f"**{cure.title}.** {cure.why}")
                try:
                    traces = cure.train(st.empty())
                except ConfigError as error:  # this server may allow less than the training takes
                    panels.show_error(error)
                    continue
                panels.show(cure.draw(traces), cure.key, numbers=True)
                st.markdown(as_text(outcome(cure.comparison, traces)))
                links.to_compare("Open this comparison", cure.comparison, f"link_{cure.key}")


def outcome(comparison: Comparison, traces: list[Trace]) -> str:
    """One sentence on the end of each arm."""
    ends = []
    for arm, trace in zip(comparison.arms, traces, strict=True):
        summary = trace.summary()
        if trace.diverged_at is not None:
            ends.append(f"{arm.name} diverges at step {trace.diverged_at:,}")
            continue
        end = f"loss {number(summary['final_loss'])}"
        if np.isfinite(summary["final_accuracy"]):
            end += f", accuracy {percent(summary['final_accuracy'])}"
        ends.append(f"{arm.name} ends at {end}")
    text = "; ".join(ends) + "."
    return text[0].upper() + text[1:]
