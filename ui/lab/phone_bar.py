"""A bar at the foot of a phone's screen with the settings that matter most; a wide screen has them in the sidebar."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.charts import style
from ui.controls import fields
from ui.session import session_by_name
from ui.urls import views
from ui.urls.link import CONTROL_RULES

SETTINGS = {"activation": "Activation", "depth": "Layers", "init_scale": "Scale"}  # field -> a label that fits the bar
MAX_PHONE_PIXELS = 640  # pixels: the widest screen that has the bar

_STYLE = """<style>
.st-key-phone-bar {{display: none}}
@media (max-width: {phone}px) {{
  .st-key-phone-bar {{
    display: flex; flex-wrap: nowrap; position: fixed; z-index: 100; left: 0; right: 0; bottom: 0;
    padding: .25rem .75rem .6rem; background: {page}; border-top: 1px solid {line}
  }}
  .st-key-phone-bar > * {{min-width: 0; flex: 1 1 0}}
  .st-key-phone-bar label {{min-height: 1.2rem}}
  body:has([data-testid=stSidebar][aria-expanded=true]) .st-key-phone-bar {{display: none}}
  .stMainBlockContainer {{padding-bottom: 7rem}}
  .st-key-page-header button [data-testid=stMarkdownContainer] p {{font-size: 0}}
}}
@media print {{.st-key-phone-bar {{display: none}}}}
</style>"""


def draw_bar(dark: bool) -> None:
    """Draws the bar; its settings are those of the sidebar."""
    if st.context.is_embedded:
        return
    theme = style.theme(dark)
    st.html(_STYLE.format(phone=MAX_PHONE_PIXELS, page=theme.page, line=theme.grid))
    with st.container(key="phone-bar", horizontal=True, gap="xsmall"):
        for field, label in SETTINGS.items():
            if not views.is_hidden(field):
                _draw(field, label)


def _draw(field: str, label: str) -> None:
    control = fields.CONTROLS[field]
    rule = CONTROL_RULES[field]
    key = f"bar_{field}"
    session_by_name[key] = session_by_name[field]
    common: dict[str, Any] = {
        "label": label,
        "key": key,
        "disabled": fields.reason_against(field, session_by_name) is not None or views.is_locked(field),
        "on_change": _take,
        "args": (field,),
    }
    if hasattr(rule, "names"):
        st.selectbox(options=rule.names, format_func=lambda name: fields.option_label(field, name), **common)
        return
    st.number_input(**common, **fields.number_options(rule, control.step))


def _take(field: str) -> None:
    value = session_by_name[f"bar_{field}"]
    if value is not None:
        session_by_name[field] = value
