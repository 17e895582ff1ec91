"""Pages on paper: text and pictures alone, each picture whole on one sheet and no wider than on the screen."""

# What a hand uses, and what is closed or waits to be reached.
_NOT_PRINTED = (
    "[data-testid=stSidebar], [data-testid=stHeader], .modebar, .updatemenu-container, .slider-container, "
    ".st-key-glossary, .st-key-section, .st-key-section-turn, "
    ".st-key-page-header .stHorizontalBlock .stHorizontalBlock, "
    "[data-testid=stElementContainer]:has(> .stButton):not([class*=st-key-suggestion_]), "
    "[data-testid=stPopover]:not(.st-key-blanks *), [data-testid=stLinkButton], "
    "[data-testid=stDownloadButton], [data-testid=stFileUploader], "
    "[data-testid=stExpander]:has(> details:not([open])), [class*=st-key-][class*=_place], "
    ".st-key-lecture-surface"  # browsers print no WebGL, and the level lines are there
)
_CHART = ":is([data-testid=stPlotlyChart], .js-plotly-plot, .plot-container, .svg-container)"
_BESIDE = ":is(.stHorizontalBlock, .stGrid)"
# ui/browser/assets/charts.js sets these variables of charts and tables before the browser prints.
STYLE = f"""<style>
@page {{margin: 12mm}}
@media print {{
  :is({_NOT_PRINTED}) {{display: none !important}}
  .stMainBlockContainer {{padding: 0 !important}}
  {_CHART} {{width: 100% !important; height: auto !important; min-height: 0 !important}}
  :is([data-testid=stElementContainer], [data-testid=stFullScreenFrame], .stVerticalBlock, .stGridCell):has({_CHART})
    {{height: auto !important; flex: none !important}}
  [data-testid=stMain] [data-testid=stPlotlyChart] .js-plotly-plot {{max-width: var(--printed-width) !important}}
  .js-plotly-plot .svg-container {{aspect-ratio: var(--printed-ratio)}}
  .js-plotly-plot .main-svg {{width: 100% !important; height: auto !important}}
  [data-testid=stDataFrame] {{zoom: var(--printed-zoom)}}
  {_BESIDE}:has(.js-plotly-plot) {{display: block}}
  {_BESIDE}:has(.js-plotly-plot) > * {{width: auto !important; min-width: 0 !important}}
  :is([data-testid=stPlotlyChart], [data-testid=stDataFrame], [data-testid=stMetric], [data-testid=stAlert],
    .katex-display, tr, li) {{break-inside: avoid}}
  :is(h1, h2, h3) {{break-after: avoid}}
}}
</style>"""
