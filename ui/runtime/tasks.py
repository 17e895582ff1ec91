"""Tasks in the background that several pages may wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Task = TypeVar("Task")


class TaskRegistry(Generic[Task]):
    """The tasks under way, one for each key at most."""

    def __init__(self):
        self._lock = threading.Lock()
        self._tasks: dict[Hashable, Task] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._tasks

    def get_or_start(self, key: Hashable, start: Callable[[], Task]) -> Task:
        """Return the task of this key; `start` begins it where there is none."""
        with self._lock:
            if key not in self._tasks:
                self._tasks[key] = start()
            return self._tasks[key]

    def remove(self, key: Hashable) -> None:
        """Forget a task that has ended."""
        with self._lock:
            self._tasks.pop(key, None)
