"""A script in the page that makes a switch between pages one entry of the browser's history."""

from __future__ import annotations

import streamlit as st

SCRIPT = """
// Joins the two history entries of a page switch: Streamlit pushes the path, then the page pushes its settings.
(() => {
  if (window.gradientLabHistory) return;
  window.gradientLabHistory = true;
  const push = history.pushState.bind(history);
  let switched = false;
  for (const event of ["pointerdown", "keydown", "popstate"])
    window.addEventListener(event, () => { switched = false; }, true);
  history.pushState = (state, title, url) => {
    const samePage = new URL(url, location.href).pathname === location.pathname;
    if (samePage && switched) history.replaceState(state, title, url);
    else push(state, title, url);
    switched = !samePage;
  };
})();
"""


def join_page_switches() -> None:
    """Adds the script to the page. A public server allows it by its hash in the content security policy."""
    st.html(f"<script>{SCRIPT}</script>", unsafe_allow_javascript=True)
