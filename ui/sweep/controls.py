"""The controls of a sweep, all in the URL: two axes, the activations, networks a cell, what is shown, and the base.

The base is a line of settings, such as depth=20;width=64;steps=0, in which what is not said has its default.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from core import ConfigError, RunConfig
from core.comparison.arms import Arm, differing_changes
from core.config import Choice, Number
from core.families.activations import ACTIVATIONS
from core.presets.sweeps import SWEEP_PRESETS, Preset
from core.sweeps.maps import AXIS_COUNT, DEFAULT_RANGES, FIELDS, MAX_ACTIVATIONS, QUANTITIES, Axis, SweepMap
from ui import panels
from ui.controls import fields
from ui.urls.arms import format_arm_settings, parse_arms
from ui.urls.link import Subset, to_query
from ui.urls.sync import Parameters

SPACINGS = {"suited": None, "linear": False, "logarithmic": True}
OPENING = SWEEP_PRESETS["order_and_chaos"]


def format_base(config: RunConfig) -> str:
    """The line that stands for these settings; the activation and the seed are not in it."""
    changes = differing_changes(config, RunConfig())
    changes.pop("activation", None)
    hidden = changes.pop("hidden", None)
    if hidden is not None:
        uniform = len(set(hidden)) == 1
        changes |= {"depth": len(hidden), "width": hidden[0]} if uniform else {"hidden": hidden}
        if uniform and hidden[0] == RunConfig().hidden[0]:
            del changes["width"]
    return format_arm_settings(Arm("base", changes, pinned=True), None).removeprefix("!")


def parse_base(line: str) -> RunConfig:
    """The settings that a line stands for.

    Raises:
        ConfigError: an unknown setting, a bad value, or something else than settings.
    """
    if "," in line or "~" in line:
        raise ConfigError("base", line, "settings are separated by semicolons, as in depth=20;width=64;steps=0")
    (arm,) = parse_arms(f"base~!{line}", None)
    return arm.config(RunConfig())


_BOTH = {
    "from": Number(0, optional=True),
    "to": Number(0, optional=True),
    "count": Number(AXIS_COUNT.low, AXIS_COUNT.high, integer=True, optional=True),
    "spacing": Choice(tuple(SPACINGS)),
}
RULES = {
    "activations": Subset(tuple(ACTIVATIONS)),
    "x": Choice(FIELDS),
    "y": Choice(FIELDS),
    **{f"{axis}_{part}": rule for axis in ("x", "y") for part, rule in _BOTH.items()},
    "per_cell": Number(1, 100, integer=True),
    "show": Choice(tuple(QUANTITIES)),
}
FREE_TEXT_PARAMS = ("base",)  # a text that is refused where it is read


def to_values(chart: SweepMap, show: str) -> dict[str, object]:
    """The value of every control that stands for this map."""
    found = {"activations": list(chart.activations), "per_cell": float(chart.seeds), "show": show}
    for name, axis in (("x", chart.x), ("y", chart.y)):
        spacing = next(word for word, log in SPACINGS.items() if log is axis.log)
        found |= {name: axis.field, f"{name}_from": _number(axis.low), f"{name}_to": _number(axis.high)}
        found |= {f"{name}_count": _number(axis.count), f"{name}_spacing": spacing}
    return found | {"base": format_base(chart.base)}


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


DEFAULTS = to_values(OPENING.map, OPENING.show)
PARAMETERS = Parameters("sweep", RULES, FREE_TEXT_PARAMS, DEFAULTS)


def query(chart: SweepMap, show: str) -> str:
    """The query string whose page shows this map."""
    values = to_values(chart, show)
    apply_changes = {key: value for key, value in values.items() if value != DEFAULTS[key]}
    told = {key: f"{value:.10g}" if isinstance(value, float) else value for key, value in apply_changes.items()}
    return urlencode({k: "" if v is None else v for k, v in told.items()}, doseq=True, safe="=;")


def apply(ready: Preset) -> None:
    """Sets every control to a ready sweep; for a callback."""
    st.session_state.update(to_values(ready.map, ready.show))


@dataclass(frozen=True, eq=False)
class Asked:
    """What the controls say: a map, or why there is none; and the quantity to show."""

    map: SweepMap | None
    show: str
    refused: ConfigError | None

    @property
    def ready(self) -> Preset | None:
        """The ready sweep that the controls stand at."""
        return next(
            (ready for ready in SWEEP_PRESETS.values() if (ready.map, ready.show) == (self.map, self.show)), None
        )


def choose() -> Asked:
    """Draws all controls and reads them."""
    with st.sidebar:
        st.pills(
            "Activations",
            list(ACTIVATIONS),
            selection_mode="multi",
            format_func=lambda name: fields.option_label("activation", name),
            key="activations",
            help=f"A map for each, {MAX_ACTIVATIONS} at most.",
        )
        _axis("x", "Across")
        _axis("y", "Upwards")
        about = "Seeds 0, 1, ...; a cell shows their median, of shares the mean."
        st.number_input("Networks in a cell", 1.0, 100.0, step=1.0, format="%.0f", key="per_cell", help=about)
        st.text_input(
            "All other settings",
            key="base",
            max_chars=2000,
            placeholder="as the Lab opens",
            help="What no axis changes, as in `depth=20;width=64;steps=0`; what is not said is as the Lab opens. With "
            "`steps=0` only the initialization is looked at.",
        )
        _lab()
    with st.container(horizontal=True, gap="xsmall"):
        for name, ready in SWEEP_PRESETS.items():
            st.button(ready.label, key=f"ready_{name}", on_click=apply, args=(ready,))
    st.selectbox("Show", list(QUANTITIES), format_func=quantity_label, key="show", width=400)
    return _read()


def _axis(name: str, label: str) -> None:
    """The field of an axis and its range, which starts as suits the field."""
    st.selectbox(
        label,
        FIELDS,
        format_func=lambda field: fields.CONTROLS[field].label,
        key=name,
        on_change=_use_default_range,
        args=(name,),
    )
    field = st.session_state[name]
    if field not in DEFAULT_RANGES:
        st.caption("Every option is a row or column of the map.")
        return
    low, high, count, log = DEFAULT_RANGES[field]
    parts = (("from", low), ("to", high), ("count", count))
    for column, (part, recommended) in zip(st.columns(3, gap="xsmall"), parts, strict=True):
        with column:
            most = float(AXIS_COUNT.high) if part == "count" else None
            st.number_input(part.capitalize(), 0.0, most, None, key=f"{name}_{part}", format="%.6g",
                            placeholder=f"{recommended:g}")  # fmt: skip
    st.selectbox(
        "Spacing",
        list(SPACINGS),
        format_func=lambda name: "Recommended" if name == "suited" else name.capitalize(),
        key=f"{name}_spacing",
        help=f"Recommended for {fields.CONTROLS[field].label.lower()}: {'logarithmic' if log else 'linear'}.",
    )


def quantity_label(name: str) -> str:
    """The label of a quantity, capitalized."""
    label = QUANTITIES[name].label
    return label[0].upper() + label[1:]


def _use_default_range(name: str) -> None:
    """Resets the range of an axis to the default of its field; for use in callbacks."""
    for part in ("from", "to", "count"):
        st.session_state[f"{name}_{part}"] = None
    st.session_state[f"{name}_spacing"] = "suited"


def _lab() -> None:
    """The settings that the Lab showed last in this session, as the base; and the base in the Lab."""
    shown = st.session_state.get("shown", (None, None))[1]
    if shown is not None:
        st.button("Take the Lab’s settings", key="take_lab", on_click=_take, args=(shown.config,),
                  icon=":material/input:", width="stretch")  # fmt: skip
    try:
        base = parse_base(st.session_state["base"] or "")
    except ConfigError:
        return
    base = base.replace(activation=next(iter(st.session_state["activations"]), base.activation))
    st.link_button("Open the base in the Lab", f"./?{to_query(base)}", icon=":material/open_in_new:", width="stretch")
    st.caption(panels.summary_line(base))


def _take(config: RunConfig) -> None:
    st.session_state["base"] = format_base(config)
    st.session_state["activations"] = [config.activation]


def _read() -> Asked:
    state = st.session_state
    show = state["show"]
    try:
        axes = []
        for name in ("x", "y"):
            low, high, count = (state.get(f"{name}_{part}") for part in ("from", "to", "count"))
            log = SPACINGS[state.get(f"{name}_spacing") or "suited"]
            axes.append(Axis(state[name], low, high, None if count is None else int(count), log))
        base = parse_base(state["base"] or "")
        chart = SweepMap(base, tuple(state["activations"]), *axes, int(state["per_cell"] or 1))
        chart.grid  # noqa: B018  refuses what no network could be made of
        return Asked(chart, show, None)
    except ConfigError as error:
        return Asked(None, show, error)
