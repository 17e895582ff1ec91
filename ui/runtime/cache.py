"""A cache of results that visitors share, bounded in number and in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from ui.runtime.turns import aside

POLL_SECONDS = 0.1  # between two calls of `wait`

Value = TypeVar("Value")


class LRUCache(Generic[Value]):
    """Values by key, bounded in number and in bytes: the least recently used goes first.

    The newest value stays even above the bound, because the page that asked for it draws from it.
    """

    def __init__(self, max_values: int, max_bytes: int, size: Callable[[Value], int]):
        self._max_values = max_values
        self._max_bytes = max_bytes
        self._size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._bytes = 0
        self._pending: dict[Hashable, threading.Event] = {}

    def __len__(self) -> int:
        return len(self._values)

    @property
    def bytes(self) -> int:
        """Bytes of all cached values."""
        return self._bytes

    def get(self, key: Hashable) -> Value | None:
        """Return the value cached under this key, or None."""
        with self._lock:
            return self._lookup(key)

    def get_or_compute(self, key: Hashable, make: Callable[[], Value], wait: Callable[[], None]) -> Value:
        """Return the cached value, or compute it; a caller who comes meanwhile waits for it.

        If `make` raises, only its own caller fails: one of those who wait computes the value then.

        Args:
            wait: called every 0.1 s while another caller computes the value; an exception from it ends the waiting.
        """
        while True:
            with self._lock:
                value = self._lookup(key)
                if value is not None:
                    return value
                done = self._pending.get(key)
                if done is None:
                    own = self._pending[key] = threading.Event()
            if done is None:
                try:
                    value = make()
                    self._store(key, value)
                    return value
                finally:
                    with self._lock:
                        del self._pending[key]
                    own.set()
            with aside():
                while not done.wait(POLL_SECONDS):
                    wait()

    def _lookup(self, key: Hashable) -> Value | None:
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def _store(self, key: Hashable, value: Value) -> None:
        size = self._size(value)
        with self._lock:
            self._values[key] = value, size
            self._bytes += size
            while len(self._values) > 1 and (len(self._values) > self._max_values or self._bytes > self._max_bytes):
                self._bytes -= self._values.popitem(last=False)[1][1]


def array_bytes(value: Any) -> int:
    """Count the bytes of all arrays in a trace, a snapshot, a table, or a list of such; a text counts as 64."""
    if isinstance(value, np.ndarray):
        return 64 * value.size if value.dtype == object else value.nbytes
    if isinstance(value, (list, tuple)):
        return sum(map(array_bytes, value))
    return sum(array_bytes(getattr(value, field.name)) for field in fields(value)) if is_dataclass(value) else 0
