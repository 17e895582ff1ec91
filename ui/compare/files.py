"""What one takes away from a comparison, and brings back: its link and its settings."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import streamlit as st

from core import ConfigError
from core.comparison.arms import Comparison
from core.export import read_json
from ui import panels
from ui.compare import state
from ui.urls import link


def query(comparison: Comparison) -> str:
    """The query string whose page shows this comparison."""
    own = urlencode(state.query(comparison), safe=",;~=!")
    return "&".join(filter(None, (own, link.to_query(comparison.base))))


def to_json(comparison: Comparison) -> str:
    """The file of a comparison."""
    return json.dumps(comparison.to_dict(), indent=2, ensure_ascii=False) + "\n"


def from_json(raw: bytes) -> Comparison:
    """The comparison in a file.

    Raises:
        ConfigError: as `core.export.read_json`; or not a comparison.
    """
    return Comparison.from_dict(read_json(raw, "comparison"))


def share_menu(comparison: Comparison | None) -> None:
    """The link to this comparison, its settings as a file, and a file of settings to load."""
    with st.popover("Share", icon=":material/ios_share:"):
        if comparison is not None:
            st.caption("Link to this comparison")
            address = (st.context.url or "").partition("?")[0]
            st.code("?".join(filter(None, (address, query(comparison)))), language=None, wrap_lines=True)
            panels.download(
                "Settings (JSON)", lambda: to_json(comparison), "gradient-comparison.json", "application/json"
            )
        panels.choose_picture()
        st.file_uploader(
            "Load settings (JSON)", type=["json"], key="comparison_file", on_change=_load, max_upload_size=1
        )
        if st.session_state.get("comparison_fault"):
            panels.show_error(st.session_state["comparison_fault"])


def _load() -> None:
    file = st.session_state["comparison_file"]
    st.session_state["comparison_fault"] = None
    if file is not None:
        try:
            state.apply(from_json(file.getvalue()))
        except ConfigError as error:
            st.session_state["comparison_fault"] = error
