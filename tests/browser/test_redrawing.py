"""Streamlit hands Plotly each new chart twice, the second time as a copy: Plotly must see that nothing has changed."""

from pathlib import Path

import plotly
import plotly.io

from core import RunConfig, train
from ui.charts.curves import loss_chart, saturation_chart
from ui.charts.heatmap import gradient_heatmap
from ui.charts.profile import gradient_profile

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
CHARTS = (gradient_profile, gradient_heatmap, loss_chart, saturation_chart)
# Draws a figure, then a copy of it, and counts what the second drawing changes in the page.
REDRAWN = """async ([text, isRevised]) => {
  const plot = document.body.appendChild(document.createElement("div"));
  const draw = () => {
    const {data, layout, frames} = JSON.parse(text);
    if (!isRevised) delete layout.datarevision;
    return Plotly.react(plot, {data, layout: {...layout, width: 900}, frames, config: {}});
  };
  const rest = () => new Promise((resolve) => setTimeout(resolve, 100));
  await draw(); await rest();
  let changes = 0;
  const observer = new MutationObserver((list) => { changes += list.length; });
  observer.observe(plot, {subtree: true, childList: true, attributes: true, characterData: true});
  await draw(); await rest();
  return changes;
}"""

# Counts the new charts of a page, and what is drawn in them after their first drawing.
COUNTED = """() => {
  window.charts = window.redrawn = 0;
  const drawing = new MutationObserver((list) => {
    for (const change of list) window.redrawn += change.addedNodes.length;
  });
  const onDrawn = (plot) => {
    window.charts += 1;
    for (const layer of plot.querySelectorAll(".main-svg")) drawing.observe(layer, {subtree: true, childList: true});
  };
  new MutationObserver(() => {
    for (const plot of document.querySelectorAll(".js-plotly-plot:not([data-counted])")) {
      plot.dataset.counted = "";
      plot.once("plotly_afterplot", () => onDrawn(plot));
    }
  }).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ["class"]});
}"""


def test_a_copy_of_a_chart_changes_nothing_in_the_page(page):
    [trace] = train([RunConfig(hidden=(4,) * 3, samples=16, steps=30)])
    page.goto("about:blank")
    page.add_script_tag(path=PLOTLY)
    for draw in CHARTS:
        text = plotly.io.to_json(draw(trace).raw_figure.to_dict(), validate=False)
        assert page.evaluate(REDRAWN, [text, True]) == 0, draw.__name__
        assert page.evaluate(REDRAWN, [text, False]) > 100  # without the revision all is drawn again


def test_a_move_in_the_lab_draws_its_picture_once(tab, server, settled):
    for width in (1440, 1397):  # 3 % of both are no whole number of pixels
        page = tab(width)
        page.add_init_script(f"({COUNTED})()")
        page.goto(f"{server}/?depth=3&width=4&steps=20&samples=16")
        settled(page)
        assert page.locator(".js-plotly-plot").count() == 1
        page.evaluate("() => { window.charts = window.redrawn = 0; }")
        page.locator(".st-key-init_scale input").press("ArrowUp")
        settled(page)
        assert page.evaluate("() => [window.charts, window.redrawn]") == [1, 0], width
