"""Theory in the Lab: its lines on the gradient profile, the panel that says why, and the check of the gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from core import Trace, train
from core.config import RunConfig
from core.gradient_check import gradient_check
from core.theory.layer_means import expected_means, measured_means
from core.theory.network import PhasePoint, locate, worst_case
from core.theory.plane import gradient_factors
from core.theory.prediction import Prediction, predictions
from core.theory.variance_map import critical_points
from core.trace import layer_factor
from ui import panels
from ui.charts.phase import HIGHEST, WIDEST, layer_means, phase_plane
from ui.charts.profile import Guide
from ui.charts.style import Chart, number
from ui.runtime import sessions
from ui.runtime.sessions import ProgressReporter, Run

PLANE = 33, 21  # points of the phase plane along sigma_w and sigma_b
_DEFAULT = RunConfig()
# Settings that say nothing of the network at initialization.
_LATER = ("optimizer", "learning_rate", "momentum", "clip", "clip_threshold", "l1", "l2", "weight_decay",
          "max_norm", "record_every", "dtype")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Theory:
    """What theory says of a run at initialization: of grad_norm and of delta_norm, and the worst case of both."""

    grad: Prediction
    delta: Prediction
    worst_grad: np.ndarray
    worst_delta: np.ndarray

    @property
    def factor(self) -> float:
        """The factor per layer that it expects, from the medians of delta_norm; NaN without a theory."""
        return layer_factor(self.delta.median)


def at_start(run: Run) -> Run:
    """The run without what says nothing of its initialization, so that one theory serves many runs."""
    return Run(run.config.replace(**{field: getattr(_DEFAULT, field) for field in _LATER}, steps=0), run.digest)


def expected(run: Run, reporter: ProgressReporter) -> Theory:
    """Theory for this run, kept from before or computed now, in turn with other visitors.

    Raises:
        ConfigError: as `core.train`.
    """
    start = at_start(run)

    def make() -> Theory:
        held = sessions.get_snapshot(start, 0, reporter)
        with sessions.services().short_queue.slot(reporter.on_queued, "theory"):
            found = sessions.run_in_worker(predictions, start.config, start.data, reporter=reporter)
            return Theory(*found, *worst_case(held))

    return sessions.services().theories.get_or_compute(start, make, reporter.on_shared)


def guides(theory: Theory, quantity: str, trace: Trace) -> list[Guide]:
    """The lines that theory draws on the profile of a quantity."""
    found, worst = (theory.delta, theory.worst_delta) if quantity == "delta_norm" else (theory.grad, theory.worst_grad)
    root = np.sqrt([W.size for W, _ in trace.weights]) if quantity == "rms" else 1.0
    lines = []
    if not found.reason:
        lines.append(Guide("theory, with 95 % of networks", found.median / root, found.low / root, found.high / root))
    if np.isfinite(worst[:-1]).any() and len(worst) > 1:
        lines.append(Guide("worst case", worst / root))
    return lines


def factor_told(theory: Theory, trace: Trace) -> str:
    """The predicted factor per layer beside the measured one, in a sentence; empty where there is no such thing."""
    if not math.isfinite(theory.factor) or trace.layers < 3:
        return ""
    return f"Theory expected a factor of {number(theory.factor)} per layer, from the settings alone."


@st.fragment
def why(run: Run) -> None:
    """Variances and factors by layer, the phase plane and the depth scale."""
    box = st.expander("Why: theory beside this network", key="why", on_change="rerun")
    if not box.open:
        return
    with box:
        start, reporter = at_start(run), ProgressReporter(st.empty())
        held = sessions.get_snapshot(start, 0, reporter)
        with sessions.services().short_queue.slot(reporter.on_queued):
            means = expected_means(start.config, start.data)
            here = locate(start.config, held.inputs.shape[1], held.targets.shape[1])
        reporter.clear()
        _formulas()
        reason = expected(run, reporter).grad.reason
        if reason:
            st.caption(f"Measured values only. {reason}")
        if run.config.hidden:
            measured = measured_means(held)
            with st.grid(2, min_column_width=420, gap="medium"):
                for quantity in ("q", "chi"):
                    with st.container():
                        chart = layer_means(measured, means, quantity, dark=panels.dark())
                        panels.show(chart, f"{quantity}-chart", numbers=True)
        if here is None:
            return
        for sentence in _depths_told(here, run.config):
            st.markdown(sentence)
        if math.isfinite(here.chi):
            panels.show(_plane(run.config, here), "phase-plane", numbers=True)
        else:
            st.caption("The scale of the weights is beyond any plane.")


_RECURSIONS = (
    r"q^{l+1} = \sigma_w^2\, \mathbb E\big[\varphi(\sqrt{q^l} Z)^2\big] + \sigma_b^2",
    r"\chi^l = \sigma_w^2\, \mathbb E\big[\varphi'(\sqrt{q^l} Z)^2\big]",
    r"\mathbb E\,\lVert \delta^l \rVert^2 = \chi^l\, \mathbb E\,\lVert \delta^{l+1} \rVert^2",
)


def _formulas() -> None:
    for formula in _RECURSIONS:  # one a line, so that they fit on a telephone
        st.latex(formula)
    st.caption(
        r"$q$: variance of a layer's net input; $Z$: a standard normal number; $\varphi$: the activation; "
        r"$\sigma_w^2 / n_{in}$: variance of a weight; $\sigma_b^2$: variance of a bias; $\delta$: the gradient at the "
        r"net input. Where $\chi < 1$ the gradient vanishes layer by layer, where $\chi > 1$ it explodes. Sources: "
        r"Poole et al. 2016 and Schoenholz et al. 2017; for the band Hanin & Nica 2018 (ReLU), taken further here to "
        r"every activation."
    )


def _depths_told(here: PhasePoint, config: RunConfig) -> list[str]:
    """What the depth scale says of this network, in sentences."""
    scales = rf"$\sigma_w$ = {number(here.sigma_w, 3)} and $\sigma_b$ = {number(here.sigma_b, 3)}"
    if not math.isfinite(here.chi):
        return [f"With {scales} the signal leaves all bounds at once, so there is no depth scale."]
    factor, depth = math.sqrt(here.chi), len(config.hidden)
    told = [
        f"Deep in a network with {scales}, each layer multiplies the gradient norm by √χ = **{number(factor, 3)}**."
    ]
    xi = here.depths.xi_c
    if math.isnan(xi):
        return [*told, "The signal itself grows from layer to layer without end, so there is no depth scale."]
    if math.isinf(xi):
        return [*told, "It lies on the critical line: the depth scale ξ is infinite, and no depth is too large."]
    told.append(
        f"What tells two inputs apart fades by a factor e in every ξ = {number(xi, 3)} layers. By the rule of six "
        f"depth scales, up to {math.floor(here.trainable):,} layers can be trained: this network, of {depth}, is "
        f"{'within' if depth <= here.trainable else 'beyond'} that."
    )
    if here.chi > 1:
        told.append("In the chaotic phase the rule speaks of the signal alone: the gradient explodes all the same.")
    return told


@st.cache_data(max_entries=64, show_spinner=False)
def _factors(activation: str, widest: float, highest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sigma_w, sigma_b = np.linspace(0.1, widest, PLANE[0]), np.linspace(0.0, highest, PLANE[1])
    return gradient_factors(activation, sigma_w, sigma_b), sigma_w, sigma_b


def _power_of_two(size: float) -> float:
    """The next power of two, so that planes of many networks have the same axes; at least 1."""
    return 2.0 ** math.ceil(math.log2(max(size, 1.0)))


def _plane(config: RunConfig, here: PhasePoint) -> Chart:
    """The plane, wide enough for the network and for the critical line."""
    critical = [point.sigma_w for point in critical_points(config.activation)]
    widest = max(WIDEST, *(1.25 * sigma_w for sigma_w in critical), _power_of_two(1.1 * here.sigma_w))
    highest = max(HIGHEST, 1.2 * here.sigma_b)
    return phase_plane(config.activation, here, *_factors(config.activation, widest, highest), dark=panels.dark())


@st.fragment
def how_we_know(run: Run) -> None:
    """What holds the numbers of this page to something outside of it, with two checks that run on this network."""
    box = st.expander("How we know: check these numbers", key="how-we-know", on_change="rerun")
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
  with this network's very weights and data that prints them, and the tests run such scripts.
- **Theory** knows no measured number: it is computed from the settings and the data. How many networks lie in its band
  can be counted below; for 1,000 networks of eight kinds the tests ask for at least 85 % in every layer.
- **Published numbers** are computed again on the Papers page, with the difference.
"""


def _check_gradient(run: Run) -> None:
    reporter = ProgressReporter(st.empty())
    start = at_start(run)
    with sessions.services().long_queue.slot(reporter.on_queued, "gradient check"):
        found = gradient_check(start.config, start.data, reporter.on_check)
    reporter.clear()
    seen = np.isfinite(found.relative_error) & (found.uncertainty < 1e-3 * np.abs(found.exact))
    if seen.any():
        words = f"Largest relative error: **{number(found.relative_error[seen].max())}**, over {seen.sum()} layers."
    else:
        words = "No layer can be checked: the gradient is zero, not finite, or too small to be seen in the loss."
    hidden = (~seen).sum() if seen.any() else 0
    words += f" In {hidden} more the gradient is too small to be seen in differences of the loss." if hidden else ""
    if found.on_kinks:
        words += (
            f" {found.on_kinks:,} net inputs lie exactly on a kink of the activation, where there is no derivative: "
            "differences see both sides there, backpropagation takes one."
        )
    st.markdown(words)
    with np.errstate(all="ignore"):
        visible = found.uncertainty / np.abs(found.exact)
    table = {
        "layer": found.layer,
        "backpropagation": [number(value, 10) for value in found.exact],
        "differences of the loss": [number(value, 10) for value in found.differences],
        "relative error": [number(value) for value in found.relative_error],
        "error that differences can show": [number(value) for value in visible],
    }
    panels.table(pd.DataFrame(table), hide_index=True)


def _draw_networks(run: Run) -> None:
    reporter = ProgressReporter(st.empty())
    theory, start = expected(run, reporter), at_start(run)
    if theory.grad.reason:
        st.markdown(theory.grad.reason)
        return
    data = start.data
    if data is None:
        given = sessions.get_snapshot(Run(start.config.replace(batch_size=None)), 0, reporter)
        data = given.inputs, given.targets
    with sessions.services().long_queue.slot(reporter.on_queued, "drawn networks"):
        configs = [start.config.replace(seed=seed, holdout=0.0) for seed in range(NETWORKS)]
        norms = np.array([trace.grad_norm[0] for trace in train(configs, data=data, on_progress=reporter.on_progress)])
    reporter.clear()
    inside = ((norms >= theory.grad.low) & (norms <= theory.grad.high)).mean(axis=0)
    st.markdown(
        f"Of {NETWORKS} networks drawn from these settings, on the same data, at least **{inside.min():.0%}** lie in "
        f"the band in every layer, and **{inside.mean():.0%}** on average. The band is made for 95 %."
    )
    middle = np.median(norms, axis=0)
    rows = {
        "layer": np.arange(1, len(inside) + 1),
        "median, measured": [number(v, 3) for v in middle],
        "median, theory": [number(v, 3) for v in theory.grad.median],
        "in the band": [f"{share:.0%}" for share in inside],
    }
    panels.table(pd.DataFrame(rows), hide_index=True)
