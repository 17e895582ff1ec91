"""How work sent to other processes learns that nobody waits for it any more."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

POLL_SECONDS = 0.1


class Cancelled(RuntimeError):
    """The caller of a chunk no longer waits for it."""


@dataclass(frozen=True)
class CancelToken:
    """A file that exists as long as its caller waits; it travels with every chunk.

    Attributes:
        host: the machine of the caller; on another one nobody can look, and a chunk runs to its end.
        path: the file.
    """

    host: str
    path: str

    def checker(self) -> Callable[..., None]:
        """A function to call often, whatever with: every 0.1 s it looks, and raises Cancelled once nobody waits."""
        watched, looked = platform.node() == self.host, time.monotonic()

        def check(*_: object) -> None:
            nonlocal looked
            now = time.monotonic()
            if watched and now - looked >= POLL_SECONDS:
                looked = now
                if not os.path.exists(self.path):
                    raise Cancelled("the run was superseded")

        return check


@contextmanager
def cancel_token() -> Iterator[CancelToken]:
    """A lease that ends with the block, however that ends."""
    with tempfile.NamedTemporaryFile(prefix="gradient-flow-") as file:
        yield CancelToken(platform.node(), file.name)
