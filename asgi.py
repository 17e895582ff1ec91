"""The dashboard for a public server: `make serve`, or any ASGI server with `asgi:app`. docs/hosting.md says more."""

from pathlib import Path

import streamlit as st

from core.compiled.preparation import prepare
from ui.runtime.hosting import settings

prepare()  # before the first visitor
app = st.App(Path(__file__).with_name("app.py"), **settings())
