"""The dashboard for one person at home, by `make run`: app.py, with a first page that keeps room for what follows."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from anyio import to_thread
from starlette.middleware import Middleware
from streamlit import cli_util, config
from streamlit.web.server import server_util

from ui.runtime.first_page import FirstPageMiddleware, static_files

START_SECONDS = 0.2  # from the end of `lifespan`'s first part until the server answers


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncGenerator[None]:
    """Compresses Streamlit's files, and opens a browser: Streamlit does so for a script alone."""
    await to_thread.run_sync(static_files)
    if not config.get_option("server.headless"):
        address = server_util.get_url("localhost")
        asyncio.get_running_loop().call_later(START_SECONDS, cli_util.open_browser, address)
    yield


app = st.App(Path(__file__).with_name("app.py"), middleware=[Middleware(FirstPageMiddleware)], lifespan=lifespan)
