"""The link to a comparison, and its settings as a file."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import streamlit as st

from core.comparison.arms import Comparison
from core.export import read_json
from ui import panels
from ui.compare import state
from ui.urls import link


def query(comparison: Comparison) -> str:
    """The query string that opens the page with this comparison."""
    own = urlencode(state.query(comparison), safe=",;~=!")
    return "&".join(filter(None, (own, link.to_query(comparison.base))))


def to_json(comparison: Comparison) -> str:
    """A comparison as JSON."""
    return json.dumps(comparison.to_dict(), indent=2, ensure_ascii=False) + "\n"


def from_json(raw: bytes) -> Comparison:
    """Reads a comparison from JSON.

    Raises:
        ConfigError: as `core.export.read_json`, or the file is not a comparison.
    """
    return Comparison.from_dict(read_json(raw, "comparison"))


def settings_and_files(comparison: Comparison | None) -> None:
    """Draws the settings as a file, and the upload of such a file, for the menu to share."""
    if comparison is not None:
        panels.download("Settings (JSON)", lambda: to_json(comparison), "gradient-comparison.json", "application/json")
    panels.choose_picture()
    panels.draw_settings_upload("comparison_file", _load)


def _load(raw: bytes) -> None:
    state.apply(from_json(raw))
    st.rerun()  # the menu is a fragment, and the settings stand all over the page
