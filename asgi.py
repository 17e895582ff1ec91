"""The dashboard for a public server: `make serve`, or any ASGI server with `asgi:app`. docs/hosting.md says more."""

from pathlib import Path

import streamlit as st

from core.compiled.preparation import prepare
from ui.runtime.hosting import settings

checked = settings()  # a wrong one ends the start at once, in one sentence
prepare()  # before the first visitor
app = st.App(Path(__file__).with_name("app.py"), **checked)
