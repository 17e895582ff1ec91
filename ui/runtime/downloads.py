"""Files that a visitor asks for by a button: made one at a time, and one for a page at most.

Streamlit makes such a file in a thread for every message that asks for it, as often as one is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import ConfigError
from ui.runtime import queue
from ui.runtime.progress import ProgressReporter

Value = TypeVar("Value")


class AbsenceWatcher(ProgressReporter):
    """Ends work for a file whose visitor has left; shows nothing, since no script runs that could.

    Args:
        session: of the visitor; empty for none, who never leaves.
    """

    def __init__(self, session: str):
        super().__init__(None)
        self._session = session

    def _show(self, share: float, text: str) -> None:
        queue.touch()
        self.check()

    def check(self) -> None:
        """End the work where nobody waits for it.

        Raises:
            ConfigError: the visitor has left.
        """
        if self._session and runtime.exists() and not runtime.get_instance().is_active_session(self._session):
            raise ConfigError("download", "a file", "its visitor has left")


class Downloads:
    """The files that are asked for on a server."""

    def __init__(self):
        self._making = threading.Lock()  # held while a file is made
        self._changing = threading.Lock()
        self._asking: set[str] = set()  # sessions that wait for a file

    def in_turn(
        self, write: Callable[[Value], str | bytes], prepare: Callable[[AbsenceWatcher], Value]
    ) -> Callable[[], str | bytes]:
        """Return a function that makes a file, for a button that the script of this thread draws.

        Args:
            write: makes the file, while no other one is made.
            prepare: gets what `write` takes; may train, and so is not waited for by other visitors.

        The function raises ConfigError where the same page still waits for a file, or its visitor has left.
        """
        context = get_script_run_ctx(suppress_warning=True)
        session = context.session_id if context else ""

        def make() -> str | bytes:
            with self._changing:
                if session in self._asking:
                    raise ConfigError("download", "a second file", "a page waits for one file at a time")
                self._asking.add(session)
            try:
                watcher = AbsenceWatcher(session)
                value = prepare(watcher)
                with self._making:
                    watcher.check()
                    return write(value)
            finally:
                self._asking.discard(session)

        return make
