"""Additions of a public server around the dashboard: headers, compression, a health check, and error pages."""

from __future__ import annotations

import atexit
import base64
import gzip
import importlib
import math
import pkgutil
import re
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import streamlit as st
from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
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
from ui.margins import first_style
from ui.runtime import connections, event_log, garbage, guard, limits, turns, uploads, widget_states
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
PART_BYTES = 65_536  # of a file, sent at once
_WATCHER = "server.fileWatcherType"
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# Streamlit answers these for everybody: figures of the server, and its interface for programs.
_CLOSED = ("/_stcore/metrics", "/_stcore/agent/")
# Scripts of Streamlit, by the part of their name before the dot, that the browser would ask for only once a page's own
# script has run: Plotly's is four fifths of all.
SOON_NEEDED = ("PlotlyChart", "BidiComponent", "ButtonGroup", "Checkbox", "Html", "Metric", "NumberInput", "Selectbox",
               "TextInput")  # fmt: skip
_TEXT = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}


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
    """Adds the security headers to every answer, closes what is not for visitors, and compresses Streamlit's files.

    Streamlit leaves its own files uncompressed, because it would compress them again for every visitor: 7.7 MB, of
    which Plotly is 4.7. Here each is compressed once, at the start; their names change with their content.
    """

    def __init__(self, app: ASGIApp):
        self._app = app
        self._headers = security_headers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        page: list[Message] = []

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if headers.get("content-type", "").startswith("text/html"):
                    headers["Link"] = early_links()
                    if scope["method"] == "GET" and message["status"] == 200:
                        page.append(message)
                        return
            elif page:
                page.append(message)
                if not message.get("more_body"):
                    await _send_with_style(page, scope, send)
                return
            await send(message)

        await (self._own_answer(scope) or self._app)(scope, receive, guarded)

    def _own_answer(self, scope: Scope) -> Response | None:
        path = _local_path(scope)
        if path.startswith(_CLOSED):
            return PlainTextResponse("Not found", 404)
        if not path.startswith("/static/"):
            return None
        if path not in static_files():  # another spelling of a file's path too
            return PlainTextResponse("Not found", 404)
        kind, packed = static_files()[path]
        takes_gzip = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        if scope["method"] != "GET" or packed is None or not takes_gzip:
            return None
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding",
                   "Cache-Control": "public, immutable, max-age=31536000"}  # fmt: skip
        return PackedFile(packed, media_type=kind, headers=headers)


def _local_path(scope: Scope) -> str:
    """The path of a request below the server's base path."""
    path = scope["path"].removeprefix("/" + (config.get_option("server.baseUrlPath") or "").strip("/"))
    return "/" + path.lstrip("/")


async def _send_with_style(page: list[Message], scope: Scope, send: Send) -> None:
    """Sends Streamlit's page, all messages of its answer, with the style that keeps room for what comes later."""
    start, *parts = page
    style = first_style(_local_path(scope).strip("/"), scope["query_string"].decode("latin-1"))
    body = b"".join(part.get("body", b"") for part in parts)
    headers = MutableHeaders(scope=start)
    packed = headers.get("Content-Encoding") == "gzip"
    if packed:
        body = gzip.decompress(body)
    body = body.replace(b"</head>", f"<style>{style}</style></head>".encode(), 1)
    if packed:
        body = gzip.compress(body)
    headers["Content-Length"] = str(len(body))
    for name in ("ETag", "Last-Modified"):  # those of Streamlit's file, which says nothing of the style
        del headers[name]
    await send(start)
    await send({"type": "http.response.body", "body": body})


class PackedFile(Response):
    """A file sent in parts, each when the one before it is read.

    The connection of a slow reader would hold a copy of all the rest, 1.5 MB each.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for start in range(0, len(self.body), PART_BYTES):
            part = self.body[start : start + PART_BYTES]
            more = start + PART_BYTES < len(self.body)
            await send({"type": "http.response.body", "body": part, "more_body": more})


@cache
def static_files() -> dict[str, tuple[str | None, bytes | None]]:
    """Return every file of Streamlit under /static/ by its path: (media type, compressed), both None for no text."""
    folder = Path(file_util.get_static_dir())
    files = {}
    for file in sorted(folder.glob("static/**/*")):
        kind = _TEXT.get(file.suffix)
        if file.is_file():
            packed = gzip.compress(file.read_bytes(), 6) if kind else None
            files[f"/{file.relative_to(folder).as_posix()}"] = kind, packed
    return files


@cache
def early_links() -> str:
    """The header of a page with which the browser loads what the page soon needs, while its script still runs."""
    scripts = [path for path in static_files() if path.startswith("/static/js/") and path.endswith(".js")]
    soon = [path for path in scripts if Path(path).name.split(".")[0] in SOON_NEEDED]
    return ", ".join(f"<.{path}>; rel=modulepreload; fetchpriority=low" for path in soon)


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
        "middleware": [Middleware(SecurityHeadersMiddleware), Middleware(guard.GuardMiddleware)],
        "lifespan": lifespan,
        "on_script_error": on_script_error,
        "exception_handlers": {Exception: error_page},
    }
