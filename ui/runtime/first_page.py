"""The first answers to a browser: the page with a style that keeps room for later parts, and compressed files."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config, file_util

from ui.margins import FIRST_STYLE, first_style

PART_BYTES = 65_536  # of a file, sent at once
# Scripts of Streamlit, by the part of their name before the dot, that the browser would ask for only once a page's own
# script has run: Plotly's is four fifths of all.
SOON_NEEDED = ("PlotlyChart", "BidiComponent", "ButtonGroup", "Checkbox", "Html", "Metric", "NumberInput", "Selectbox",
               "TextInput")  # fmt: skip
# Fonts by the same part of their name. A letter drawn before its font is there has another width: lines break
# elsewhere, and what stands below them moves. The names of icons are words until then.
FONTS = ("SourceSansVF-Upright", "MaterialSymbols-Rounded")
FORMULA_FONTS = ("KaTeX_Main-Regular", "KaTeX_Math-Italic", "KaTeX_Size1-Regular", "KaTeX_Main-Italic")
_TEXT = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}


class FirstPageMiddleware:
    """Adds the style and early links to Streamlit's page, and compresses Streamlit's files.

    Streamlit leaves its own files uncompressed, because it would compress them again for every visitor: 7.7 MB, of
    which Plotly is 4.7. Here each is compressed once, at the start; their names change with their content.
    """

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        page: list[Message] = []

        async def with_style(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers["Link"] = early_links(formulas=local_path(scope).strip("/") == "lecture")
                    if scope["method"] == "GET" and message["status"] == 200:
                        page.append(message)
                        return
            elif page:
                page.append(message)
                if not message.get("more_body"):
                    await _send_with_style(page, scope, send)
                return
            await send(message)

        await (_packed_file(scope) or self._app)(scope, receive, with_style)


def _packed_file(scope: Scope) -> Response | None:
    """A compressed file of Streamlit's, where that is what is asked for."""
    kind, packed = static_files().get(local_path(scope), (None, None))
    takes_gzip = "gzip" in Headers(scope=scope).get("accept-encoding", "")
    if scope["method"] != "GET" or packed is None or not takes_gzip:
        return None
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding",
               "Cache-Control": "public, immutable, max-age=31536000"}  # fmt: skip
    return PackedFile(packed, media_type=kind, headers=headers)


def local_path(scope: Scope) -> str:
    """The path of a request below the server's base path."""
    path = scope["path"].removeprefix("/" + (config.get_option("server.baseUrlPath") or "").strip("/"))
    return "/" + path.lstrip("/")


async def _send_with_style(page: list[Message], scope: Scope, send: Send) -> None:
    """Sends Streamlit's page, all messages of its answer, with the style that keeps room for what comes later."""
    start, *parts = page
    style = first_style(local_path(scope).strip("/"), scope["query_string"].decode("latin-1"))
    body = b"".join(part.get("body", b"") for part in parts)
    headers = MutableHeaders(scope=start)
    packed = headers.get("Content-Encoding") == "gzip"
    if packed:
        body = gzip.decompress(body)
    body = body.replace(b"</head>", f"<style id={FIRST_STYLE}>{style}</style></head>".encode(), 1)
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
def early_links(*, formulas: bool) -> str:
    """The header of a page with which the browser loads what the page soon needs, while its script still runs.

    Args:
        formulas: whether formulas stand in the page from the start.
    """
    fonts = FONTS + FORMULA_FONTS * formulas
    scripts = [f"<.{path}>; rel=modulepreload; fetchpriority=low" for path in _files_named("js", ".js", SOON_NEEDED)]
    return ", ".join(
        [f"<.{path}>; rel=preload; as=font; crossorigin" for path in _files_named("media", ".woff2", fonts)] + scripts
    )


def _files_named(folder: str, suffix: str, names: Iterable[str]) -> list[str]:
    """The paths of Streamlit's files in a folder whose names up to the first dot are these."""
    paths = [path for path in static_files() if path.startswith(f"/static/{folder}/") and path.endswith(suffix)]
    return [path for path in paths if Path(path).name.split(".")[0] in names]
