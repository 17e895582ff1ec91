"""A comparison as one HTML file for print, which opens without a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd
from plotly.offline import get_plotlyjs

from ui.charts.style import Chart

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #0d1620; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
figure { margin: 1.5rem 0; break-inside: avoid; }
table { border-collapse: collapse; font-size: 14px; }
th, td { border: 1px solid #d3dbe2; padding: 0.3rem 0.6rem; text-align: right; }
div.wide { overflow-x: auto; }
"""


def document(title: str, lines: Sequence[str], charts: Sequence[Chart], tables: Sequence[pd.DataFrame]) -> str:
    """Returns the file: a title, sentences, charts in light colors, tables. It loads nothing else.

    Args:
        title, lines: plain text, which is escaped.
        charts: each with its finding as text alternative.
        tables: their index is a column of names.
    """
    figures = "".join(
        f'<figure role="figure" aria-label="{escape(chart.alt)}">'
        + chart.figure.to_html(full_html=False, include_plotlyjs=False, auto_play=False, config={"displaylogo": False})
        + "</figure>"
        for chart in charts
    )
    numbers = "".join(
        f'<div class="wide">{table.to_html(float_format="{:.4g}".format, na_rep="", escape=True)}</div>'
        for table in tables
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body><h1>{escape(title)}</h1>"
        + "".join(f"<p>{escape(line)}</p>" for line in lines)
        + numbers
        + figures
        + "</body></html>"
    )
