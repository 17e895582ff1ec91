"""A script in the page that writes step and axis of the main picture to the address, where a scene finds them."""

from __future__ import annotations

import streamlit as st

SCRIPT = """
// The slider and the zoom of a picture live in the browser. The first press outside it writes them to the address, and
// popstate makes Streamlit read the address again.
(() => {
  if (window.gradientLabPicture) return;
  window.gradientLabPicture = true;
  const PICTURES = ".st-key-gradient-profile, .st-key-compare-profile, .st-key-run-profile";
  const write = event => {
    const plot = document.querySelector(`:is(${PICTURES}) .js-plotly-plot`);
    const layout = plot && plot._fullLayout;
    if (!layout || plot.contains(event.target)) return;
    const url = new URL(location.href), before = url.search;
    const slider = layout.sliders && layout.sliders[0];
    if (slider && slider.steps.length && layout.meta) {
      const [opened, judged, stated] = layout.meta, active = slider.active;
      const step = active === opened ? stated : active === judged ? "" : slider.steps[active].args[0][0];
      if (step) url.searchParams.set("step", step);
      else url.searchParams.delete("step");
    }
    const axis = layout.yaxis, ends = axis && axis.range;
    const isZoomed = ends && axis._rangeInitial0 !== undefined &&
      (Math.abs(ends[0] - axis._rangeInitial0) > 1e-6 || Math.abs(ends[1] - axis._rangeInitial1) > 1e-6);
    if (isZoomed) url.searchParams.set("axis", ends.map(end => +end.toFixed(3)).join(","));
    url.search = url.search.replaceAll("%2C", ",");
    if (url.search === before.replaceAll("%2C", ",")) return;
    history.replaceState(history.state, "", url);
    window.dispatchEvent(new PopStateEvent("popstate", {state: history.state}));
  };
  for (const event of ["pointerdown", "keydown"]) window.addEventListener(event, write, true);
  window.addEventListener("click", event => {
    if (event.target.closest && event.target.closest(".st-key-section-turn button"))
      document.querySelector("[data-testid=stMain]").scrollTo(0, 0);
  }, true);
})();
"""


def write_picture_to_address() -> None:
    """Adds the script to the page. A public server allows it by its hash in the content security policy."""
    st.html(f"<script>{SCRIPT}</script>", unsafe_allow_javascript=True)
