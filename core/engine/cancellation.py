"""Cancellation of work in other processes once nobody waits for it, and the progress of such work."""

from __future__ import annotations

import os
import platform
import struct
import tempfile
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.1
_SHARE = struct.Struct("<d")


class Cancelled(RuntimeError):
    """The caller of a chunk no longer waits for it."""


@dataclass(frozen=True)
class CancelToken:
    """Travels with every chunk; shows a worker on the same machine if its caller still waits.

    On Linux the caller holds a nameless file in memory open, which a worker sees through the caller's process;
    elsewhere it is a temporary file. Where neither can be made, a chunk runs to its end.

    Attributes:
        host: the machine of the caller; on another one nobody can look, and a chunk runs to its end.
        path: exists as long as the caller waits; empty where no file could be made.
        target: what the path points to, so that a later file of the same number is not taken for it; empty for a file.
    """

    host: str
    path: str
    target: str = ""

    def is_waiting(self) -> bool:
        """Return whether the caller still waits, as far as this process can see."""
        if self.host != platform.node() or not self.path:
            return True
        if not self.target:
            return os.path.exists(self.path)
        try:
            return os.readlink(self.path) == self.target
        except PermissionError:  # another user's process: nobody can look
            return True
        except OSError:
            return False

    def checker(self) -> Callable[..., None]:
        """Return a function to call often, with any arguments: every 0.1 s it looks, and raises Cancelled if needed.

        Called with (done, total), as `on_progress` is, it also writes the share down for the caller.
        """
        last = time.monotonic()

        def check(*progress: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= POLL_SECONDS:
                last = now
                if not self.is_waiting():
                    raise Cancelled("the run was superseded")
                if len(progress) == 2 and progress[1]:
                    self._write(progress[0] / progress[1])

        return check

    @property
    def share(self) -> float:
        """The share of the work that is done, from 0 to 1; 0 where the work says nothing or is on another machine."""
        try:
            with open(self.path, "rb", buffering=0) as file:
                (share,) = _SHARE.unpack(file.read(_SHARE.size))
        except (OSError, struct.error):
            return 0.0
        return min(max(share, 0.0), 1.0)

    def _write(self, share: float) -> None:
        if self.host == platform.node() and self.path:
            with suppress(OSError), open(self.path, "r+b", buffering=0) as file:
                file.write(_SHARE.pack(share))


@contextmanager
def cancel_token() -> Generator[CancelToken]:
    """Hold a token that says "waiting" until the block ends, however it ends."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").exists():
        handle = os.memfd_create(f"gradient-flow-{uuid.uuid4().hex}")
        try:
            path = f"/proc/{os.getpid()}/fd/{handle}"
            yield CancelToken(platform.node(), path, os.readlink(path))
        finally:
            os.close(handle)
        return
    try:
        file = tempfile.NamedTemporaryFile(prefix="gradient-flow-")
    except OSError:  # a full or read-only disk
        yield CancelToken(platform.node(), "")
        return
    with file:
        yield CancelToken(platform.node(), file.name)
