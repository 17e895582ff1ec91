"""Theory in the Lab: its curves on the gradient profile, the panel that explains, and the check of the gradients."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import ConfigError, Trace
from core.config import RunConfig
from core.curvature import hidden_singular_values
from core.gradient_check import gradient_check, gradient_check_cost
from core.theory.coverage import band_coverage
from core.theory.initialization import InitialNorms, initial_norms_cost, predict_initial_norms
from core.theory.layer_means import expected_means, measured_means
from core.theory.network import PhasePoint, locate
from core.theory.plane import gradient_factors
from core.theory.prediction import no_prediction
from core.theory.variance_map import critical_points
from core.wording import percent
from ui import panels
from ui.charts.guides import Guide
from ui.charts.phase import HIGHEST, WIDEST, layer_means, phase_plane
from ui.charts.singular_values import spectrum_chart
from ui.charts.style import Chart, number
from ui.controls.fields import keep_address
from ui.runtime import jobs, limits
from ui.runtime.jobs import Run
from ui.runtime.progress import ProgressReporter
from ui.runtime.services import services

PLANE = 33, 21  # points of the phase plane along sigma_w and sigma_b
_DEFAULT = RunConfig()
# Settings that say nothing of the network at initialization.
_LATER = ("optimizer", "learning_rate", "momentum", "clip", "clip_threshold", "l1", "l2", "weight_decay",
          "max_norm", "record_every", "dtype", "schedule", "schedule_steps", "warmup_steps")  # fmt: skip


@lru_cache(maxsize=200)
def at_start(run: Run) -> Run:
    """The run with default training settings, so that one prediction serves all runs of one initialization."""
    return Run(run.config.replace(**{field: getattr(_DEFAULT, field) for field in _LATER}, steps=0), run.digest)


class TheoryProgressReporter(ProgressReporter):
    """Shows the progress of predictions and checks."""

    def __init__(self, slot: DeltaGenerator, doing: str = "Computing theory"):
        super().__init__(slot)
        self._doing = doing

    def on_progress(self, done: int, total: int) -> None:
        self._show(done / total, f"{self._doing}: {percent(done / total)}. Changing a control stops it.")


def expected(run: Run, slot: DeltaGenerator) -> InitialNorms:
    """The prediction for this run, from the cache or computed in turn with other visitors.

    Args:
        slot: the `st.empty()` in which progress is shown.

    Returns:
        The norms; without a prediction, and with the reason, where that would take more than this server allows.

    Raises:
        ConfigError: as `core.train`.
    """
    return get_norms(run, TheoryProgressReporter(slot))


def get_norms(run: Run, reporter: ProgressReporter) -> InitialNorms:
    """As `expected`, with a reporter of its progress."""
    start = at_start(run)
    work = cost(run)
    try:
        limits.check_work(work)
    except ConfigError as error:
        layers = len(start.config.hidden) + 1
        nothing = no_prediction(layers, f"A prediction would take {error.value}: {error.allowed}.")
        return InitialNorms(grad=nothing, delta=nothing, worst_grad=nothing.mean, worst_delta=nothing.mean)

    def make() -> InitialNorms:
        return jobs.compute(predict_initial_norms, start, multiply_adds=work, work="theory", reporter=reporter)

    norms: Any = services().theories.get_or_compute(start, make, reporter.on_shared)
    reporter.clear()
    return norms


def cost(run: Run) -> int:
    """Multiply-adds of the prediction for this run."""
    start = at_start(run)
    return initial_norms_cost(start.config, *jobs.data_sizes(start))


TYPICAL = "typical network (theory, step 0)"
LIMIT = "hard limit (step 0)"
BAND_NAMES = {"networks": "95 % of networks", "narrower networks": "95 % of narrower networks"}


def guides(theory: InitialNorms, quantity: str, trace: Trace) -> list[Guide]:
    """The lines that theory draws on the profile of a norm: the typical network with its band, and the hard limit."""
    if trace.layers < 2:  # one layer makes no line
        return []
    norms, limit = (theory.delta, theory.worst_delta) if quantity == "delta_norm" else (theory.grad, theory.worst_grad)
    scale = np.sqrt([W.size for W, *_ in trace.weights]) if quantity == "rms" else 1.0
    lines = []
    if not norms.reason:
        low = norms.low / scale
        high = norms.high / scale
        name = BAND_NAMES[norms.method]
        lines.append(Guide(name=TYPICAL, values=norms.median / scale, low=low, high=high, band_name=name))
        limit = limit * _above_band(limit, norms.high)
    if np.isfinite(limit[:-1]).any() and len(limit) > 1:
        lines.append(Guide(name=LIMIT, values=limit / scale, fits=False))
    return lines


def _above_band(limit: np.ndarray, high: np.ndarray) -> float:
    """Factor that makes this network's limit hold for the networks of the band, which have other outputs."""
    with np.errstate(all="ignore"):
        ratios = high / limit
    return max([1.0, *ratios[np.isfinite(ratios)].tolist()])


def describe_factor(theory: InitialNorms, trace: Trace) -> str:
    """The predicted factor per layer beside the measured one, in a sentence; empty where there is none."""
    if not (math.isfinite(theory.factor) and theory.factor > 0) or trace.layers < 3:
        return ""  # a factor of 0 says no more than that the gradient is lost on its way
    factor = number(theory.factor)
    return f"Networks drawn from these settings have a median factor of {factor} per layer at initialization."


@st.fragment
def why(run: Run) -> None:
    """Variances and factors by layer, the phase plane and the depth scale."""
    box = st.expander("Why: theory beside this network", key="why", on_change=keep_address)
    if not box.open:
        return
    with box:
        start = at_start(run)
        reporter = ProgressReporter(st.empty())
        try:
            snapshot = jobs.get_snapshot(start, 0, reporter)
        except ConfigError as error:
            panels.show_error(error)
            return
        with jobs.short_slot(reporter.on_queued, "theory"):
            means = expected_means(start.config, jobs.get_data(start))
            here = locate(start.config, snapshot.inputs.shape[1], snapshot.targets.shape[1])
            singular = hidden_singular_values(snapshot)
        reporter.clear()
        _formulas(run.config)
        if run.config.hidden:
            measured = measured_means(snapshot)
            with st.grid(2, min_column_width=420, gap="medium"):
                for quantity in ("q", "chi"):
                    with st.container():
                        chart = layer_means(measured, means, quantity, dark=panels.dark())
                        panels.show(chart, f"{quantity}-chart", numbers=True)
        if singular is not None:
            chart = spectrum_chart(singular, len(run.config.hidden) - 1, dark=panels.dark())
            panels.show(chart, "spectrum-chart", numbers=True)
            st.caption(_ISOMETRY)
        if here is None:
            if run.config.hidden:
                st.caption(no_plane_reason(run.config))
            return
        for sentence in _depth_sentences(here, run.config):
            st.markdown(sentence)
        if math.isfinite(here.chi):
            panels.show(_plane(run.config, here), "phase-plane", numbers=True)
        else:
            st.caption("The scale of the weights is beyond any plane.")


_ISOMETRY = (
    r"The factors χ multiply to about the mean square of the singular values of the Jacobian $\partial y^L / \partial "
    "y^1$; these are all of them, at step 0. Where they are near 1, signal and gradient keep every direction: "
    "dynamical isometry. ReLU networks never have it; tanh networks with orthogonal weights nearly do. Batch "
    "normalization is included with fixed mean and variance; dropout is left out. Source: Pennington, Schoenholz & "
    "Ganguli 2017."
)
NO_PLANE = "The phase plane is drawn for plain networks of one activation only."
NO_BORDER = (
    "A residual layer multiplies the squared gradient by 1 + χ, which is at least 1 at any σ_w and σ_b: there is no "
    "border between vanishing and exploding (Yang & Schoenholz 2017)."
)
NO_SCALE = {
    "layer": "Layer normalization divides by what σ_w and σ_b multiply, so that only their ratio is left.",
    "batch": "Batch normalization divides by what σ_w multiplies and subtracts the biases, so that every point of the "
    "plane would have the same factor (Yang et al. 2019).",
}
NO_ALIKE = (
    "Dropout keeps two inputs apart: they never become equal, and no point of the plane is critical (Schoenholz et al. "
    "2017)."
)
NO_ONE_MAP = "Layers of different activations multiply by different factors, so that a point has no one factor."


def no_plane_reason(config: RunConfig) -> str:
    """The sentences that say why these settings have no phase plane."""
    reasons = [NO_PLANE]
    if config.normalization != "none":
        reasons.append(NO_SCALE[config.normalization])
    if config.residual:
        reasons.append(NO_BORDER)
    if config.dropout:
        reasons.append(NO_ALIKE)
    if len(set(config.activations)) > 1:
        reasons.append(NO_ONE_MAP)
    return " ".join(reasons)


_RECURSIONS = (
    r"q^{l+1} = \sigma_w^2\, \mathbb E\big[\varphi(\sqrt{q^l} Z)^2\big] + \sigma_b^2",
    r"\chi^l = \sigma_w^2\, \mathbb E\big[\varphi'(\sqrt{q^l} Z)^2\big]",
    r"\mathbb E\,\lVert \delta^l \rVert^2 = \chi^l\, \mathbb E\,\lVert \delta^{l+1} \rVert^2",
)


_RESIDUAL = (
    r"\mathbb E\,(y^l)^2 = \mathbb E\,(y^{l-1})^2 + 2\,\mathbb E\,y^{l-1}\,\mathbb E\,\varphi + \mathbb E\,\varphi^2",
    r"\lVert \partial E / \partial y^{l-1} \rVert^2 = (1 + \chi^l)\, \lVert \partial E / \partial y^l \rVert^2",
)
_NORMALIZED = r"\chi^l = \sigma_w^2\, \mathbb E\big[\varphi'(Z)^2\big] \,/\, v^l"
_DROPPED = r"\chi^l = \sigma_w^2\, \mathbb E\big[\varphi'(\sqrt{q^l} Z)^2\big] \,/\, (1 - p)"


def _formulas(config: RunConfig) -> None:
    for formula in _RECURSIONS:  # one per line, so that they fit on a phone
        st.latex(formula)
    if config.residual:
        for formula in _RESIDUAL:
            st.latex(formula)
        st.caption("Around a residual layer the signal and the gradient add up. Source: Yang & Schoenholz 2017.")
    if config.normalization != "none":
        st.latex(_NORMALIZED)
        st.caption(
            r"Normalization divides by the variance $v^l$, of the layer or of the batch. Source: Yang et al. 2019."
        )
        if config.norm_affine:
            st.caption("The learned gain is 1 and the shift 0 at initialization, which this theory describes.")
    if config.dropout:
        st.latex(_DROPPED)
        st.caption(
            "What dropout leaves is divided by $1 - p$, and so are the mean squares of signal and slope. Source: "
            "Schoenholz et al. 2017."
        )
    st.caption(
        r"$q$: variance of a layer’s net input; $Z$: a standard normal number; $\varphi$: the activation; "
        r"$\sigma_w^2 / n_{in}$: variance of a weight; $\sigma_b^2$: variance of a bias; $\delta$: the gradient at the "
        r"net input. Where $\chi < 1$ the gradient vanishes layer by layer, where $\chi > 1$ it explodes. Sources: "
        r"Poole et al. 2016 and Schoenholz et al. 2017; for the spread of "
        r"networks of finite width Hanin & Nica 2018."
    )


def _depth_sentences(here: PhasePoint, config: RunConfig) -> list[str]:
    """The depth scale of this network, in sentences."""
    scales = rf"$\sigma_w$ = {number(here.sigma_w, 3)} and $\sigma_b$ = {number(here.sigma_b, 3)}"
    if not math.isfinite(here.chi):
        return [f"With {scales} the signal grows without bound, so there is no depth scale."]
    factor = math.sqrt(here.chi)
    depth = len(config.hidden)
    sentences = [
        f"Deep in a network with {scales}, each layer multiplies the gradient norm by √χ = **{number(factor, 3)}**."
    ]
    xi = here.depths.xi_c
    if math.isnan(xi):
        return [*sentences, "The signal itself grows from layer to layer without end, so there is no depth scale."]
    if math.isinf(xi):
        return [*sentences, "It lies on the critical line: the depth scale ξ is infinite, and no depth is too large."]
    sentences.append(
        f"The difference between two inputs shrinks by a factor e every ξ = {number(xi, 3)} layers. By the rule of six "
        f"depth scales, up to {math.floor(here.trainable):,} layers can be trained: this network, of {depth}, is "
        f"{'within' if depth <= here.trainable else 'beyond'} that."
    )
    if here.chi > 1:
        sentences.append("In the chaotic phase the rule is about the signal alone: the gradient still explodes.")
    return sentences


@st.cache_data(max_entries=64, show_spinner=False)
def _factors(activation: str, widest: float, highest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sigma_w = np.linspace(0.1, widest, PLANE[0])
    sigma_b = np.linspace(0.0, highest, PLANE[1])
    return gradient_factors(activation, sigma_w, sigma_b), sigma_w, sigma_b


def _power_of_two(size: float) -> float:
    """The next power of two, so that planes of many networks have the same axes; at least 1."""
    return 2.0 ** math.ceil(math.log2(max(size, 1.0)))


def _plane(config: RunConfig, here: PhasePoint) -> Chart:
    """The plane, wide enough for the network and for the critical line."""
    activation = config.activations[0]  # of all layers: a network of several has no place in the plane
    critical = [point.sigma_w for point in critical_points(activation)]
    widest = max(WIDEST, *(1.25 * sigma_w for sigma_w in critical), _power_of_two(1.1 * here.sigma_w))
    highest = max(HIGHEST, 1.2 * here.sigma_b)
    return phase_plane(activation, here, *_factors(activation, widest, highest), dark=panels.dark())


@st.fragment
def how_we_know(run: Run) -> None:
    """Draw the section on how this page's numbers are checked, with two checks that run on this network."""
    box = st.expander("How we know: check these numbers", key="how-we-know", on_change=keep_address)
    if not box.open:
        return
    with box:
        st.markdown(_CHECKS)
        with st.container(horizontal=True):
            check = st.button("Check the gradient of this network", key="check_gradient", icon=":material/rule:")
            label = f"Draw {NETWORKS} networks like this one"
            draw = st.button(label, key="draw_networks", icon=":material/casino:")
        if check:
            _check_gradient(run)
        if draw:
            _draw_networks(run)


NETWORKS = 200
_CHECKS = """
- **Gradients** are compared with differences of the loss, for every activation, loss, normalization and residual, and
  on the network of this page by the button below.
- **PyTorch** computes the same loss and the same norm of every layer to six digits: “Share” gives a script
  with exactly this network’s weights and data that prints them; the tests run such scripts.
- **The band** is made before any training: networks of these settings are drawn, and the data are passed through them.
  How many other networks lie in it can be counted below; the tests ask for 92 % in every layer of random settings.
- **Theory** (q and χ) is computed from the settings and the data alone.
- **Published numbers** are computed again on the Papers page, with the difference.
"""


def _check_gradient(run: Run) -> None:
    reporter = TheoryProgressReporter(st.empty(), "Differences of the loss")
    start = at_start(run)
    try:
        found = jobs.compute(
            gradient_check,
            start,
            multiply_adds=gradient_check_cost(start.config, *jobs.data_sizes(start)),
            work="gradient check",
            reporter=reporter,
        )
    except ConfigError as error:
        panels.show_error(error)
        return
    reporter.clear()
    visible = found.visible
    if visible.any():
        words = (
            f"Largest relative error: **{number(found.relative_error[visible].max())}**, over {visible.sum()} layers."
        )
    else:
        words = "No layer can be checked: the gradient is zero, not finite, or too small to be seen in the loss."
    hidden = (~visible).sum() if visible.any() else 0
    words += f" In {hidden} more the gradient is too small to be seen in differences of the loss." if hidden else ""
    if found.on_kinks:
        words += (
            f" {found.on_kinks:,} net inputs lie exactly on a kink of the activation, where there is no derivative: "
            "differences see both sides there, backpropagation takes one."
        )
    st.markdown(words)
    table = {
        "layer": found.layer,
        "backpropagation": [number(value, 10) for value in found.exact],
        "differences of the loss": [number(value, 10) for value in found.differences],
        "relative error": [number(value) for value in found.relative_error],
        "error that differences can show": [number(value) for value in found.relative_uncertainty],
    }
    panels.table(pd.DataFrame(table), hide_index=True)


def _draw_networks(run: Run) -> None:
    slot = st.empty()
    start = at_start(run)
    reporter = TheoryProgressReporter(slot, f"Drawing {NETWORKS} networks")
    try:
        theory = expected(run, slot)
        if theory.grad.reason:
            st.markdown(theory.grad.reason)
            return
        drawn = jobs.compute(
            band_coverage,
            start,
            theory.grad,
            networks=NETWORKS,
            multiply_adds=NETWORKS * jobs.run_cost(start).multiply_adds,
            work="drawn networks",
            reporter=reporter,
        )
    except ConfigError as error:
        panels.show_error(error)
        return
    reporter.clear()
    st.markdown(
        f"Of {NETWORKS} networks drawn from these settings, on the same data, at least "
        f"**{percent(drawn.inside.min())}** lie in the band in every layer, and **{percent(drawn.inside.mean())}** on "
        "average. The band is meant to hold 95 %."
    )
    rows = {
        "layer": np.arange(1, len(drawn.inside) + 1),
        "median, measured": [number(v, 3) for v in drawn.median],
        "median, expected": [number(v, 3) for v in theory.grad.median],
        "in the band": [percent(share) for share in drawn.inside],
    }
    panels.table(pd.DataFrame(rows), hide_index=True)
