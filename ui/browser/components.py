"""Mounts the components of `assets/`, whose scripts are files of this server, as its security policy asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

_PACKAGE = "gradient_flow_lab"
_FOLDER = Path(__file__).parent


def mount(name: str, key: str, on_event: Callable[[], None], *, data: Mapping[str, Any] | None = None) -> None:
    """Mount the component with the script assets/<name>.js and, where there is one, the style assets/<name>.css.

    Streamlit runs a script that is given as text from a blob: address, and serves one of an installed package as a
    file. A checkout is not installed, so each runtime gets the manifest here.

    Args:
        key: of the widget.
        on_event: called when the script triggers "event"; `st.session_state[key]["event"]` has the value.
        data: what the script gets, ready for JSON.
    """
    manager = get_bidi_component_manager()
    if manager.get_component_asset_root(f"{_PACKAGE}.{name}") is None:
        manifest = ComponentManifest(_PACKAGE, "", [ComponentConfig(name, "assets")])
        manager.register_from_manifest(manifest, _FOLDER)
    _component(name)(key=key, data=dict(data or {}), on_event_change=on_event)


@cache
def _component(name: str) -> Callable[..., object]:
    style = _FOLDER / "assets" / f"{name}.css"
    css = style.read_text(encoding="utf-8") if style.exists() else None
    return st.components.v2.component(f"{_PACKAGE}.{name}", js=f"{name}.js", css=css)
