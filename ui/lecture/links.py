"""Links from the lecture to the other pages, which open exactly the network or the comparison shown."""

from __future__ import annotations

from urllib.parse import urljoin

import streamlit as st

from core import RunConfig
from core.comparison.arms import Comparison
from ui.compare import files
from ui.urls import link


def address(page: str, query: str) -> str:
    """A page of this app with a query string; beside the page that is open, so that a hosted sub-path is kept."""
    here = (st.context.url or "").partition("?")[0].partition("#")[0].rstrip("/")
    return urljoin(here, f"./{page}") + (f"?{query}" if query else "")


def to_lab(label: str, config: RunConfig, key: str) -> None:
    """A button that opens this network in the Lab, in a tab of its own."""
    st.link_button(label, address("", link.to_query(config)), key=key, icon=":material/science:")


def to_compare(label: str, comparison: Comparison, key: str) -> None:
    """A button that opens this comparison in Compare, in a tab of its own."""
    where = address("compare", files.query(comparison))
    st.link_button(label, where, key=key, icon=":material/compare_arrows:")
