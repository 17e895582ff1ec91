"""Two sliders whose theory follows while they are dragged, in the browser alone; their release trains a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from core import ConfigError
from core.theory.families import DEPTHS, INIT_SCALES, DeltaCurve, Field, curve_family, curve_family_cost
from ui import panels
from ui.browser import components
from ui.compare.labels import field_label
from ui.controls import fields
from ui.lab.theory import TheoryProgressReporter, at_start
from ui.runtime import jobs
from ui.runtime.jobs import Run
from ui.runtime.progress import ProgressReporter
from ui.runtime.services import services
from ui.session import session
from ui.urls import views
from ui.urls.link import CONTROL_RULES

KEY = "live_slider"
DIGITS = 2  # of a power of ten: a pixel of the picture is 0.03 or more


@st.fragment
def panel(run: Run) -> None:
    """Draws an expander with the sliders."""
    if session.pop("live_moved", False):
        st.rerun()
    if not offered(run):
        return
    box = st.expander("Drag: theory while a slider moves", key="live", on_change=fields.keep_address)
    if not box.open:
        return
    with box:
        reporter = TheoryProgressReporter(st.empty())
        try:
            families = [_family(run, field, reporter) for field in offered(run)]
        except ConfigError as error:
            panels.show_error(error)
            return
        reporter.clear()
        components.mount("live", KEY, _move, data={"families": families})
        st.caption(
            "Delta of each layer relative to the output layer’s at initialization, by mean field theory; the band is "
            "that of networks of this width. The network is trained when a slider is released."
        )


def offered(run: Run) -> tuple[Field, ...]:
    """Return the settings that can be dragged: the depth where all layers are alike, and nothing that is fixed."""
    alike = len(set(run.config.hidden)) == 1 and run.config.has_one_activation
    uniform = alike and not session.get("hidden") and not session.get("layer_activations")
    fields: tuple[Field, ...] = ("init_scale", "depth") if uniform else ("init_scale",)
    return tuple(field for field in fields if not views.is_locked(field))


def _family(run: Run, field: Field, reporter: ProgressReporter) -> dict[str, Any]:
    start = at_start(run)
    config = start.config
    own = len(config.hidden) if field == "depth" else config.init_scale
    # The family of a value that the slider has anyway does not depend on it.
    shared = config.replace(hidden=config.hidden[:1]) if field == "depth" else config.replace(init_scale=1.0)
    key = field, Run(shared if own in (DEPTHS if field == "depth" else INIT_SCALES) else config, start.digest)

    def make() -> tuple[list[float], list[DeltaCurve]]:
        work = curve_family_cost(config, field)
        return jobs.compute(curve_family, start, field, multiply_adds=work, work="theory", reporter=reporter)

    values, curves = services().families.get_or_compute(key, make, reporter.on_shared)
    return {
        "field": field,
        "label": "Hidden layers" if field == "depth" else field_label(field),
        "values": list(values),
        "at": list(values).index(own),
        "curves": [{"median": _sent(curve.median), "half": _sent(curve.half_width)} for curve in curves],
    }


def _sent(powers: np.ndarray) -> list[float | None]:
    return [round(power, DIGITS) if np.isfinite(power) else None for power in powers.tolist()]


def _move() -> None:
    """Set the control of a released slider; for use in callbacks."""
    event = session["live_slider"].get("event")
    if not isinstance(event, dict) or event.get("field") not in ("init_scale", "depth"):
        return  # whoever made it up
    try:
        value = CONTROL_RULES[event["field"]].validate(event["field"], event.get("value"))
    except ConfigError:
        return
    fields.set_controls(**{event["field"]: value})
    session["live_moved"] = True
