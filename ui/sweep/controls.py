"""The controls of a sweep, all in the URL: two axes, the activations, networks in a cell, the quantity, and the base.

In the URL the base is a line of settings, such as depth=20;width=64;steps=0, without those that have their default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core import ConfigError, RunConfig
from core.comparison.arms import Arm, apply_changes, differing_changes
from core.config import Choice, Number
from core.families.activations import ACTIVATIONS
from core.presets.sweeps import SWEEP_PRESETS, Preset
from core.sweeps.maps import AXIS_COUNT, DEFAULT_RANGES, FIELDS, MAX_ACTIVATIONS, QUANTITIES, Axis, SweepMap
from ui import panels
from ui.compare.labels import change_label, field_label, value_label
from ui.controls import fields, sidebar
from ui.session import session, session_by_name
from ui.urls import sync, views
from ui.urls.arms import choices, format_arm_settings, parse_arms, parse_value
from ui.urls.link import Subset, to_query
from ui.urls.sync import Parameters

SPACINGS = {"suited": None, "linear": False, "logarithmic": True}
OPENING = SWEEP_PRESETS["order_and_chaos"]


def base_changes(config: RunConfig) -> dict[str, Any]:
    """The settings of the base that differ from the Lab's opening network; depth and width stand for `hidden`."""
    changes = differing_changes(config, RunConfig())
    changes.pop("activation", None)
    hidden = changes.pop("hidden", None)
    if hidden is not None:
        uniform = len(set(hidden)) == 1
        changes |= {"depth": len(hidden), "width": hidden[0]} if uniform else {"hidden": hidden}
        if uniform and hidden[0] == RunConfig().hidden[0]:
            del changes["width"]
    return changes


def format_base(config: RunConfig) -> str:
    """The line for these settings, without the activation and the seed."""
    return format_arm_settings(Arm("base", base_changes(config), pinned=True), None).removeprefix("!")


def parse_base(line: str) -> RunConfig:
    """Parses a line of settings.

    Raises:
        ConfigError: an unknown setting, a bad value, or text that is not a setting.
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
    **views.SWEEP,
}
FREE_TEXT_PARAMS = ("base",)  # validated where it is parsed


def to_values(spec: SweepMap, show: str) -> dict[str, Any]:
    """The value of every control for this map."""
    values: dict[str, Any] = {"activations": list(spec.activations), "per_cell": float(spec.seeds), "show": show}
    for name, axis in (("x", spec.x), ("y", spec.y)):
        spacing = next(word for word, log in SPACINGS.items() if log is axis.log)
        values |= {name: axis.field, f"{name}_from": _number(axis.low), f"{name}_to": _number(axis.high)}
        values |= {f"{name}_count": _number(axis.count), f"{name}_spacing": spacing}
    return values | {"base": format_base(spec.base)}


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


DEFAULTS = to_values(OPENING.map, OPENING.show)
PARAMETERS = Parameters(
    page="sweep",
    rules=RULES,
    free=FREE_TEXT_PARAMS,
    defaults=DEFAULTS | views.SWEEP_DEFAULTS,
    view=frozenset(views.SWEEP),
)


def query(spec: SweepMap, show: str) -> str:
    """The query string whose page shows this map."""
    return urlencode(sync.to_query(PARAMETERS, to_values(spec, show)), doseq=True, safe="=;")


def apply(preset: Preset) -> None:
    """Sets every control to a ready sweep; for use in callbacks."""
    session_by_name.update(to_values(preset.map, preset.show))


@dataclass(frozen=True, eq=False, kw_only=True)
class Chosen:
    """The choices of the controls.

    Attributes:
        map: the map; None where it is refused.
        show: the name of the quantity.
        refused: the reason why there is no map.
    """

    map: SweepMap | None
    show: str
    refused: ConfigError | None

    @property
    def preset(self) -> Preset | None:
        """The ready sweep of this map, for any quantity shown."""
        return next((preset for preset in SWEEP_PRESETS.values() if preset.map == self.map), None)


def choose() -> Chosen:
    """Draws all controls of the sidebar and reads them."""
    chosen = read()
    with st.sidebar:
        _start_from(chosen)
        st.pills(
            "Activations",
            list(ACTIVATIONS),
            selection_mode="multi",
            format_func=lambda name: fields.option_label("activation", name),
            key="activations",
            help=f"One map for each, at most {MAX_ACTIVATIONS}.",
        )
        _axis("x", "Horizontal axis")
        _axis("y", "Vertical axis")
        about = "The networks have the seeds 0, 1, ...; a cell shows their median, or the mean of a share."
        st.number_input("Networks in a cell", 1.0, 100.0, step=1.0, format="%.0f", key="per_cell", help=about)
        _draw_base()
    return read()


def draw_quantity() -> None:
    """Draws the choice of the quantity that the map shows."""
    st.selectbox("Show", list(QUANTITIES), format_func=quantity_label, key="show", width=400)


def _start_from(chosen: Chosen) -> None:
    """Draws the box of ready sweeps, Undo and Reset."""
    preset = chosen.preset
    current = next((name for name, other in SWEEP_PRESETS.items() if other is preset), None)
    about = "Ready sweeps. Each sets every control and shows one claim."
    sidebar.draw_presets("ready", SWEEP_PRESETS, current, apply=apply, about=about)
    sidebar.draw_undo_and_reset(
        apply,
        OPENING,
        is_default=(chosen.map, chosen.show) == (OPENING.map, OPENING.show),
        about="Sets every control to the sweep with which the page opens.",
    )


def _axis(name: str, label: str) -> None:
    """Draws the field of an axis and its range, which starts with the default of the field."""
    st.selectbox(
        label,
        FIELDS,
        format_func=lambda field: fields.CONTROLS[field].label,
        key=name,
        on_change=_use_default_range,
        args=(name,),
    )
    field = session_by_name[name]
    if field not in DEFAULT_RANGES:
        st.caption("Every option is a row or column of the map.")
        return
    low, high, count, log = DEFAULT_RANGES[field]
    parts = (("from", low), ("to", high), ("count", count))
    for column, (part, recommended) in zip(st.columns(3, gap="xsmall"), parts, strict=True):
        with column:
            maximum = float(AXIS_COUNT.high) if part == "count" else None
            st.number_input(part.capitalize(), 0.0, maximum, None, key=f"{name}_{part}", format="%.6g",
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
        session_by_name[f"{name}_{part}"] = None
    session_by_name[f"{name}_spacing"] = "suited"


def _draw_base() -> None:
    """Draws the settings that no axis changes as chips, a menu to change one, and the ways from and to the Lab."""
    try:
        base = parse_base(session["base"])
    except ConfigError:
        st.caption("The other settings of this address cannot be read.")
        st.button("Use the default settings", key="clear_base", on_click=_set_base, args=(RunConfig(),))
        return
    changes = base_changes(base)
    at = session["base"]
    st.multiselect(
        "Other settings",
        list(changes),
        default=list(changes),
        key=f"base_changes_{at}",
        format_func=lambda field: change_label(field, changes.get(field)),
        on_change=_keep_base,
        args=(f"base_changes_{at}",),
        placeholder="as the Lab opens",
        help="The settings that no axis changes, where they differ from the Lab’s opening network. With 0 steps, the "
        "map shows the initialization only.",
    )
    with st.popover("Change a setting", icon=":material/tune:", width="stretch"):
        options = [field for field in fields.CONTROLS if field not in ("activation", "layer_activations", "seed")]
        field = st.selectbox("Setting", options, format_func=field_label, key="base_field")
        few = choices(field)
        key = f"base_value_{field}_{at}"
        common: dict[str, Any] = {"key": key, "on_change": _set_base_field, "args": (field, key)}
        if few:
            st.selectbox("Value", few, index=None, format_func=lambda name: value_label(field, name), **common)
        else:
            st.text_input("Value", **common)
    error = session.pop("base_error", None)
    if error is not None:
        panels.show_error(error)
    shown = session.get("shown", (None, None))[1]
    if shown is not None:
        st.button("Use the Lab’s settings", key="take_lab", on_click=_take, args=(shown.config,),
                  icon=":material/input:", width="stretch")  # fmt: skip
    base = base.replace(activation=next(iter(session["activations"]), base.activation))
    st.link_button("Open the base in the Lab", f"./?{to_query(base)}", icon=":material/open_in_new:", width="stretch")


def _set_base(config: RunConfig) -> None:
    session["base"] = format_base(config)


def _set_base_field(field: str, key: str) -> None:
    text = session_by_name[key]
    if not text:
        return
    changes = base_changes(parse_base(session["base"]))
    if field in ("depth", "width"):
        changes.pop("hidden", None)
    try:
        _set_base(apply_changes(RunConfig(), changes | {field: parse_value(field, text.strip())}))
    except ConfigError as error:
        session["base_error"] = error


def _keep_base(key: str) -> None:
    changes = base_changes(parse_base(session["base"]))
    kept = {field: value for field, value in changes.items() if field in session_by_name[key]}
    try:
        _set_base(apply_changes(RunConfig(), kept))
    except ConfigError as error:
        session["base_error"] = error


def _take(config: RunConfig) -> None:
    _set_base(config)
    names: list[str] = (
        [config.activation] if isinstance(config.activation, str) else list(dict.fromkeys(config.activation))
    )
    session["activations"] = names[:MAX_ACTIVATIONS]


def read() -> Chosen:
    """Reads the controls, as they are drawn or as the address states them."""
    show = session["show"]
    try:
        return Chosen(map=to_map({key: session_by_name[key] for key in DEFAULTS}), show=show, refused=None)
    except ConfigError as error:
        return Chosen(map=None, show=show, refused=error)


def to_map(values: Mapping[str, Any]) -> SweepMap:
    """The map of the values of the controls.

    Raises:
        ConfigError: a value that is not allowed, or settings that no network can have.
    """
    axes = []
    for name in ("x", "y"):
        low, high, count = (values[f"{name}_{part}"] for part in ("from", "to", "count"))
        log = SPACINGS[values[f"{name}_spacing"]]
        axes.append(Axis(values[name], low, high, None if count is None else int(count), log))
    base = parse_base(values["base"])
    spec = SweepMap(base, tuple(values["activations"]), *axes, int(values["per_cell"]))
    spec.grid  # noqa: B018  refuses settings that no network can have
    return spec
