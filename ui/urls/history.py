"""A script in the page that leaves in the browser's history what the visitor chose, and nothing else."""

from __future__ import annotations

import streamlit as st

SCRIPT = """
// Joins the two history entries of a page switch: Streamlit pushes the path, then the page pushes its settings.
// A page that writes its address again as it opens (a compact scene, an invalid parameter) adds no entry. Where it did
// so before this script was there, Back passes over the address as it was opened.
(() => {
  if (window.gradientLabHistory) return;
  window.gradientLabHistory = true;
  const push = history.pushState.bind(history);
  const opened = performance.getEntriesByType("navigation")[0]?.name;
  const rewritten = opened !== location.href;
  let acted = false, switched = false;
  for (const event of ["pointerdown", "keydown"])
    window.addEventListener(event, () => { acted = true; switched = false; }, true);
  window.addEventListener("popstate", event => {
    switched = false;
    if (event.isTrusted && rewritten && location.href === opened) history.back();
  }, true);
  history.pushState = (state, title, url) => {
    const samePage = new URL(url, location.href).pathname === location.pathname;
    if (samePage && (switched || !acted)) history.replaceState(state, title, url);
    else push(state, title, url);
    switched = !samePage;
  };
})();
"""


def join_page_switches() -> None:
    """Adds the script to the page. A public server allows it by its hash in the content security policy."""
    st.html(f"<script>{SCRIPT}</script>", unsafe_allow_javascript=True)
