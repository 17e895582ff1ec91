"""Traces and snapshots into Plotly figures. Every function is pure and returns a `Chart`; no Streamlit here."""
