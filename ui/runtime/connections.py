"""Bounds on connections themselves, which uvicorn has none of: headers, slow senders and readers, number, frames.

And on its belief: uvicorn takes the address of a visitor from a header whenever the connection comes from this machine,
as all do behind a tunnel that passes headers on as they come.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn import Server
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from ui.runtime import limits

MAX_HEADER_BYTES = 64_000  # of one request: its address and its headers
MAX_FRAME_BYTES = 1_000_000  # of one message of a page; an honest one has a few thousand
MAX_CONNECTIONS = 2_000
MAX_UNWANTED_BYTES = 8_000_000  # of a body that goes on after the answer, such as that the file is too large
MAX_PIPELINED = 16  # requests of one connection that wait for the answer to the one before them
HEADER_SECONDS = 20.0  # from the connection, or a request's first byte, to the end of its headers
BODY_SECONDS = 90.0  # and from there to the end of its body
READ_SECONDS = 90.0  # for which an answer may wait for its reader; the largest file has 1.5 MB
MESSAGE_READ_SECONDS = 30.0  # for which messages of a page may wait for theirs
# bytes of messages on their way to a page: in the system, whose own choice is 4 MB, or about a hundred runs; and here
SYSTEM_BUFFER_BYTES = 32_768
WRITE_BUFFER_BYTES = 16_384
DRAIN_SECONDS = 0.01  # in which the next message that waits is handed on, where there is one

PIECE_BYTES = 4_096  # of what a page sends, read at once
# pings and parts of messages within so many seconds
MAX_EXTRA_FRAMES = 200
EXTRA_FRAME_SECONDS = 10.0


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol that hangs up on too many bytes of headers, and on who does not finish a request in time."""

    _timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _header_bytes = 0  # of the headers that are complete
    _raw_bytes = 0  # of a header without an end, which the parser keeps to itself
    _reading_headers = True
    _is_between = False  # after a request, before the first byte of another one
    _unwanted_bytes = 0  # of a request that has its answer and does not end

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Hang up at once where there are too many connections."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._expect(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._expect(None)
        self._expect_reader(None)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start to count a request's headers."""
        super().on_message_begin()
        self._header_bytes = self._raw_bytes = 0
        self._reading_headers = True
        self._is_between = False
        self._unwanted_bytes = 0
        self._expect(HEADER_SECONDS)

    def on_url(self, url: bytes) -> None:
        """Count the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Wait for the body from now on; no browser sends many requests before it has an answer."""
        self._reading_headers = False
        self._expect(BODY_SECONDS)
        super().on_headers_complete()
        if len(self.pipeline) > MAX_PIPELINED:
            self.transport.abort()
            raise ValueError("too many requests wait for their answers")

    def on_message_complete(self) -> None:
        """Wait for nothing: the answer may take its time."""
        self._expect(None)
        self._is_between = True
        self._raw_bytes = 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Wait for nothing: a page is quiet while its visitor reads, and is pinged."""
        self._expect(None)
        self._expect_reader(None)
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """Wait for one who does not read what was sent."""
        super().pause_writing()
        self._expect_reader(READ_SECONDS)

    def resume_writing(self) -> None:
        """Wait no longer: it has been read."""
        super().resume_writing()
        self._expect_reader(None)

    def data_received(self, data: bytes) -> None:
        """Count what comes while no header ends; the first part of a body may come with it."""
        for start in range(0, len(data), PIECE_BYTES):
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            piece = data[start : start + PIECE_BYTES]
            was_between = self._is_between
            super().data_received(piece)
            if was_between and self._is_between:
                self._count_empty_lines(len(piece))
            elif not self._is_between and not self._reading_headers and self.cycle.response_complete:
                self._unwanted_bytes += len(piece)
                if self._unwanted_bytes > MAX_UNWANTED_BYTES:
                    self._hang_up()
        if self._reading_headers:
            self._raw_bytes += len(data)
            if self._raw_bytes > MAX_HEADER_BYTES:
                self._hang_up()

    def _count_empty_lines(self, n_bytes: int) -> None:
        """Bound what comes between two requests: it is ignored, but ends uvicorn's own deadline for an idle line."""
        self._raw_bytes += n_bytes
        if self._raw_bytes > MAX_HEADER_BYTES:
            self._hang_up()
        elif self._timer is None and self.cycle.response_complete:
            self._expect(HEADER_SECONDS)

    def _count(self, n_bytes: int) -> None:
        self._header_bytes += n_bytes
        if self._header_bytes > MAX_HEADER_BYTES:
            self.transport.abort()
            raise ValueError("the headers of a request are too large")

    def _expect(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._hang_up_after(seconds)

    def _expect_reader(self, seconds: float | None) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
        self._reader_timer = self._hang_up_after(seconds)

    def _hang_up_after(self, seconds: float | None) -> asyncio.TimerHandle | None:
        return None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._hang_up)

    def _hang_up(self) -> None:
        self.transport.abort()  # one that is closing too: it would wait until its last bytes are read


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol that does not listen to a page while it reads nothing, and hangs up if that lasts.

    Such a page would stay for good: what it is sent, and the close after a ping without an answer, wait until it reads
    them; and answers to its pings would fill the memory. Little is sent ahead, so that it gets one run or two, and no
    other before it has read them. It also hangs up on a page that sends many frames that are no message, which cost
    the event loop more than the sender: pings, and parts of a message.
    """

    _reader_timer: asyncio.TimerHandle | None = None
    _extra_frames = 0  # that were no message, of late
    _handshake_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send little ahead, and wait for the page to be accepted."""
        super().connection_made(transport)
        line = transport.get_extra_info("socket")
        if line is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SYSTEM_BUFFER_BYTES)
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._handshake_timer = self.loop.call_later(HEADER_SECONDS, self._end_handshake)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._expect_reader(None)
        if self._handshake_timer is not None:
            self._handshake_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a few frames at a time, so that none are read after the one that is too many."""
        for start in range(0, len(data), PIECE_BYTES):
            if not self.transport.is_closing():
                super().data_received(data[start : start + PIECE_BYTES])
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.abort()  # a header above 8 kB, say: uvicorn would keep the connection and say nothing

    def handle_ping(self) -> None:
        """Answer, and count."""
        if not self.transport.is_closing():
            super().handle_ping()
            self._count_extra_frame()

    def handle_pong(self, event: Frame) -> None:
        """Note that the page lives, and count."""
        super().handle_pong(event)
        self._count_extra_frame()

    def handle_cont(self, event: Frame) -> None:
        """Take a part of a message, and count."""
        super().handle_cont(event)
        self._count_extra_frame()

    async def receive(self) -> Any:
        """Return the next message, but none while what was sent, or is about to be, waits for the page to read it."""
        await self._drain()
        message = await super().receive()
        await self._drain()
        return message

    def pause_writing(self) -> None:
        """Wait for one who does not read what was sent, and do not listen to it."""
        super().pause_writing()
        self.transport.pause_reading()
        self._expect_reader(MESSAGE_READ_SECONDS)

    def resume_writing(self) -> None:
        """Wait no longer: it has been read."""
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()
        self._expect_reader(None)

    def keepalive_timeout(self) -> None:
        """Hang up on a page that does not answer a ping, even if it has read everything."""
        super().keepalive_timeout()
        self.transport.abort()

    async def _drain(self) -> None:
        while not self.writable.is_set():
            await self.writable.wait()
            await asyncio.sleep(DRAIN_SECONDS)

    def _end_handshake(self) -> None:
        if not self.handshake_complete:
            self.transport.abort()

    def _count_extra_frame(self) -> None:
        """Hang up on too many; each is forgotten after a while."""
        self._extra_frames += 1
        if self._extra_frames > MAX_EXTRA_FRAMES:
            self.transport.abort()
        else:
            self.loop.call_later(EXTRA_FRAME_SECONDS, self._forget_extra_frame)

    def _forget_extra_frame(self) -> None:
        self._extra_frames -= 1

    def _expect_reader(self, seconds: float | None) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
        loop = asyncio.get_running_loop()
        self._reader_timer = None if seconds is None else loop.call_later(seconds, self.transport.abort)


def install() -> None:
    """Have every uvicorn server of this process keep these bounds, and believe no proxy that its operator does not."""
    if getattr(Server.startup, "bounded", False):
        return
    startup = Server.startup

    async def bounded(self: Server, sockets: list | None = None) -> None:
        if issubclass(self.config.http_protocol_class, HttpToolsProtocol):
            self.config.http_protocol_class = BoundedHttpProtocol
        if self.config.ws_protocol_class is WebSocketsSansIOProtocol:
            self.config.ws_protocol_class = BoundedWebSocketProtocol
        self.config.ws_max_size = min(self.config.ws_max_size, MAX_FRAME_BYTES)
        if isinstance(self.config.loaded_app, ProxyHeadersMiddleware) and not limits.is_proxy_trusted():
            self.config.loaded_app = self.config.loaded_app.app
        await startup(self, sockets)

    bounded.__dict__["bounded"] = True
    Server.startup = bounded
