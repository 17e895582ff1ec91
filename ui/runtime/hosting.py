"""Additions of a public server around the dashboard: headers, compression, a health check, and error pages."""

from __future__ import annotations

import atexit
import base64
import importlib
import math
import pkgutil
import re
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import streamlit as st
from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config, file_util

import ui
from core import ConfigError, RunConfig, train
from core.config import check_cost
from core.engine import workers
from ui import scenes
from ui.runtime import connections, event_log, garbage, guard, limits, turns, uploads, widget_states
from ui.runtime.first_page import FirstPageMiddleware, local_path, static_files
from ui.runtime.services import services, start_services
from ui.text import as_text, to_page_words
from ui.urls import history, picture_script

# Streamlit and Plotly make their styles by script, hence 'unsafe-inline' for these, and pictures and downloads from
# blob: and data: addresses. What runs comes from this server: `security_headers` adds the hashes of the scripts that
# Streamlit writes into its page.
_POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# Short work has processes of its own, before those of sweeps and comparisons, which may hold these for minutes.
NICENESS = 5
_WATCHER = "server.fileWatcherType"
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# Streamlit answers these for everybody: figures of the server, and its interface for programs.
_CLOSED = ("/_stcore/metrics", "/_stcore/agent/")


def security_headers() -> dict[str, str]:
    """The headers of every answer.

    Raises:
        ConfigError: GRADIENT_LAB_FRAME_ANCESTORS is not a list of addresses.
    """
    frames = limits.frame_ancestors()
    page = Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
    inline = [*_INLINE.findall(page), history.SCRIPT, picture_script.SCRIPT]
    hashes = [base64.b64encode(sha256(script.encode()).digest()).decode() for script in inline]
    scripts = " ".join((_POLICY["script-src"], *(f"'sha256-{code}'" for code in hashes)))
    policy = _POLICY | {"script-src": scripts, "frame-ancestors": " ".join(("'self'", *frames))}
    older = {} if frames else {"X-Frame-Options": "SAMEORIGIN"}  # it cannot name a site
    return _HEADERS | older | {"Content-Security-Policy": "; ".join(f"{k} {v}" for k, v in policy.items())}


class SecurityHeadersMiddleware:
    """Adds the security headers to every answer, and closes what is not for visitors."""

    def __init__(self, app: ASGIApp):
        self._app = app
        self._headers = security_headers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        path = local_path(scope)
        # A file's path has one spelling.
        is_closed = path.startswith(_CLOSED) or (path.startswith("/static/") and path not in static_files())
        await (PlainTextResponse("Not found", 404) if is_closed else self._app)(scope, receive, with_headers)


async def health(request: Request) -> Response:
    """200 as long as the trainings get on; 503 when one has held its place without progress for too long.

    It is a coroutine because a function would wait for one of the server's threads.
    """
    training, queued, still = services().queue_stats()
    stuck = still > limits.value("STUCK_SECONDS")
    status = {
        "status": "stuck" if stuck else "ok",
        "training": training,
        "waiting": queued,
        "still": round(still, 1),
    }
    return JSONResponse(status, 503 if stuck else 200, {"Cache-Control": "no-store"})


def on_script_error(error: Exception) -> bool:
    """Message for an error that no page foresaw; its number is also in the event log.

    What was sent for the controls is forgotten, so that it does not break the next script too.
    """
    if isinstance(error, ConfigError):
        event_log.log_refusal(error)
        st.error(as_text(to_page_words(str(error))), icon=":material/block:")
        return True
    if isinstance(error, workers.worker_lost_errors()):
        st.error(workers.describe_loss(error), icon=":material/block:")
        return True
    widget_states.forget()
    number = event_log.failure(error)
    st.error(
        f"Something went wrong on this server; it is not your fault. The error is logged as number {number}. Change a "
        "control or reload the page. If it happens again, report the number to the operator of this server.",
        icon=":material/report:",
    )
    return True


async def error_page(request: Request, error: Exception) -> Response:
    """The same outside the dashboard's pages."""
    number = event_log.failure(error)
    words = f"Something went wrong on this server; it is not your fault. The error is logged as number {number}.\n"
    return PlainTextResponse(words, 500, security_headers())  # such an answer passes the guard by


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncGenerator[None]:
    """Loads everything before the first visitor comes, and writes down the start and the end of the server."""
    start = time.monotonic()
    await to_thread.run_sync(static_files)
    await to_thread.run_sync(_warm)
    limited = {name.lower(): limits.value(name) for name in limits.LIMITS}
    event_log.record("start", seconds=round(time.monotonic() - start, 3), **limited)
    event_log.hide_foreign_words()
    yield
    event_log.record("stop")


def _warm() -> None:
    """All modules, and one small training in this process and in a worker, for which compiled code is loaded."""
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        importlib.import_module(module.name)
    # Threads that wait for results and threads that draw pages hand Python's lock over more often: with 40 visitors a
    # median answer came after 1.7 s instead of 2.4 s (benchmarks/load.py).
    sys.setswitchinterval(0.0005)
    apart = workers.Workers(limits.value("MAX_TRAININGS"), NICENESS)
    atexit.register(apart.shutdown, cancel_futures=True)
    for executor in (None, apart):
        train([RunConfig(hidden=(4,), steps=1)], executor=executor)
    start_services(apart)


def settings() -> dict[str, Any]:
    """The arguments of `st.App`; ends the program with one sentence when a setting of the environment is wrong."""
    try:
        limits.apply_server_defaults()
        scenes.lessons()
        check_cost(RunConfig(hidden=(), samples=2, steps=0))
    except ConfigError as error:
        sys.exit(str(error))
    event_log.open_event_log()
    for part in (guard, uploads, connections, turns, garbage, widget_states):
        part.install()
    if config.get_where_defined(_WATCHER) == "<default>":
        config.set_option(_WATCHER, "none")  # nobody edits the pages of a public server
    config.set_option("server.maxUploadSize", math.ceil(limits.value("MAX_UPLOAD") / 2**20))
    return {
        "routes": [Route("/healthz", health)],
        "middleware": [
            Middleware(SecurityHeadersMiddleware),
            Middleware(FirstPageMiddleware),
            Middleware(guard.GuardMiddleware),
        ],
        "lifespan": lifespan,
        "on_script_error": on_script_error,
        "exception_handlers": {Exception: error_page},
    }
