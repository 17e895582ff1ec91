"""Collects the garbage of the pages' scripts in one thread, for a small share of the time.

Streamlit collects all of it after every script, also after one that was superseded before it drew anything. Each time
the objects of every session are walked through under Python's lock: beside forty pages that reran all the time that was
three quarters of the time for which anything had it, and the event loop, with the health check, waited for seconds.

What is free then goes back to the system. The C library of Linux keeps it otherwise: 70 MB for good after thousands of
pages that were opened and left.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time

from streamlit import config
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

MIN_PAUSE_SECONDS = 1.0  # between two collections
MAX_SHARE = 0.05  # of the time, for collections

_OPTION = "runner.postScriptGC"


class GarbageCollector:
    """A thread that collects garbage soon after it is asked to, unless it has done so a moment ago."""

    def __init__(self) -> None:
        self._wanted = threading.Event()
        threading.Thread(target=self._run, name="garbage", daemon=True).start()

    def ask(self) -> None:
        """Have garbage collected; many may ask for one collection."""
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            start = time.perf_counter()
            gc.collect()
            return_memory()
            time.sleep(pause_after(time.perf_counter() - start))


def return_memory() -> None:
    """Return free memory to the system, where its C library has a call for that (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def pause_after(seconds: float) -> float:
    """Return the seconds to wait after a collection that took so many."""
    return max(MIN_PAUSE_SECONDS, seconds * (1 / MAX_SHARE - 1))


def install() -> None:
    """Have the garbage of the scripts of this process collected here, unless an operator has set Streamlit's option."""
    if config.get_where_defined(_OPTION) != "<default>" or getattr(ScriptRunner._run_script_thread, "collects", False):
        return
    config.set_option(_OPTION, False)
    collector = GarbageCollector()
    run = ScriptRunner._run_script_thread

    def run_and_ask(self: ScriptRunner) -> None:
        try:
            run(self)
        finally:
            collector.ask()

    run_and_ask.__dict__["collects"] = True
    ScriptRunner._run_script_thread = run_and_ask
