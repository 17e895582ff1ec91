"""Sharpness in the Lab, on demand: the largest curvature of the loss over the steps, with the bound of stable steps."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import ConfigError, RunConfig, Trace
from core.config import cost
from core.curvature import sharpness_over, stability_bound
from core.families.optimizers import OPTIMIZERS
from core.wording import percent
from ui import panels
from ui.charts.sharpness import sharpness_chart
from ui.controls.fields import keep_address
from ui.runtime import jobs
from ui.runtime.jobs import Run
from ui.runtime.progress import ProgressReporter
from ui.runtime.services import services
from ui.text import as_text, format_duration

MAX_STEPS = 30  # steps of the run at which sharpness is measured
LANCZOS_PRODUCTS = 60  # Hessian-vector products of one measurement, typically
MAX_COST = 400_000_000_000  # multiply-adds of all measurements: about a minute
MAX_PARAMETERS = 100_000


class SharpnessProgressReporter(ProgressReporter):
    """Shows the progress of the measurements."""

    def on_progress(self, done: int, total: int) -> None:
        self._show(done / total, f"Measuring sharpness: {percent(done / total)}. Changing a control stops it.")


def measured_steps(trace: Trace) -> list[int]:
    """At most 30 evenly spaced steps, up to the end of the run or the step where it diverged."""
    last = trace.config.steps if trace.diverged_at is None else max(trace.diverged_at - 1, 0)
    return np.unique(np.linspace(0, last, MAX_STEPS).round().astype(int)).tolist()


def work_of(run: Run, trace: Trace) -> int:
    """Multiply-adds of all measurements of a run."""
    inputs, outputs, samples = jobs.data_sizes(run)
    steps = measured_steps(trace)
    training = sum(cost(run.config.stop_at(step), inputs, outputs, samples).multiply_adds for step in steps)
    return training + len(steps) * LANCZOS_PRODUCTS * 6 * samples * _parameters(trace)


def _parameters(trace: Trace) -> int:
    return sum(values.size for layer in trace.weights for values in layer if values is not None)


def unsupported_reason(run: Run, trace: Trace) -> str | None:
    """The reason why sharpness is not offered for a run, or None."""
    parameters = _parameters(trace)
    work = work_of(run, trace)
    if parameters > MAX_PARAMETERS:
        return f"Sharpness is measured for up to {MAX_PARAMETERS:,} parameters; this network has {parameters:,}."
    if work > MAX_COST:
        return (
            "Sharpness is not offered for this run because it would take about "
            f"{format_duration(60 * work / MAX_COST)}. Choose fewer steps, samples or units."
        )
    return None


@st.fragment
def panel(run: Run) -> None:
    """Draws an expander with the sharpness over the steps, which is computed when it is opened."""
    box = st.expander("Sharpness: how large a step the loss allows", key="sharpness", on_change=keep_address)
    if not box.open:
        return
    with box:
        trace = jobs.get_trace(run)
        reason = unsupported_reason(run, trace)
        if reason:
            st.info(as_text(reason), icon=":material/hourglass_disabled:")
            return
        _explain(run.config)
        reporter = SharpnessProgressReporter(st.empty())
        try:
            steps = measured_steps(trace)
            values = _values(run, trace, reporter)
        except ConfigError as error:
            panels.show_error(error)
            return
        reporter.clear()
        bound = stability_bound(run.config)
        chart = sharpness_chart(steps, values, bound, trace.diverged_at, dark=panels.dark())
        panels.show(chart, "sharpness-chart", numbers=True)


def _values(run: Run, trace: Trace, reporter: SharpnessProgressReporter) -> np.ndarray:
    def make() -> np.ndarray:
        steps = measured_steps(trace)
        work = work_of(run, trace)
        return jobs.compute(sharpness_over, run, steps, multiply_adds=work, work="sharpness", reporter=reporter)

    return services().sharpness.get_or_compute(run, make, reporter.on_shared)


def _explain(config: RunConfig) -> None:
    optimizer = OPTIMIZERS[config.optimizer]
    words = (
        r"$\nabla^2 E$ is the Hessian of the data loss over all training samples in all weights and biases, "
        r"$\lambda_{\mathrm{max}}$ its largest eigenvalue"
    )
    if optimizer.bound is None:
        st.latex(r"\text{sharpness} = \lambda_{\mathrm{max}}(\nabla^2 E)")
        st.markdown(f"{words}. {optimizer.label} scales each step by earlier gradients, so it has no fixed bound.")
    elif stability_bound(config) is None:
        st.latex(r"\text{sharpness} = \lambda_{\max}(\nabla^2 E)")
        st.markdown(f"{words}. The learning rate, and the bound of stable steps with it, changes during this run.")
    else:
        st.latex(rf"\text{{sharpness}} = \lambda_{{\mathrm{{max}}}}(\nabla^2 E) < {optimizer.bound_formula}")
        momentum = r", $\mu$ the momentum" if optimizer.uses_momentum else ""
        st.markdown(
            rf"{words}, $\eta$ the learning rate{momentum}. On a quadratic loss, full-batch steps grow as soon as the "
            "sharpness exceeds the bound. The bound does not include penalties, weight decay and clipping."
        )
    st.caption("Source: Cohen et al. 2021; Pearlmutter 1994 for products with the Hessian; Lanczos for the eigenvalue.")
