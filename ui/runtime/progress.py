"""The line of text and the bar with which a visitor follows a run."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.runtime import queue

PATIENCE_SECONDS = 0.5  # before any progress is shown


def waiting_slot(name: str = "") -> DeltaGenerator:
    """Return a slot that lies over what follows it, so that nothing moves aside for its bar; app.py has its style.

    Args:
        name: of the slot, where a page has several.
    """
    with st.container(key=f"waiting{name}"):
        return st.empty()


class ProgressReporter:
    """Shows a visitor how a run advances, once it takes longer than half a second.

    Each call is also where Streamlit ends the script of a visitor who has changed a control or closed the tab.

    Args:
        slot: the `st.empty()` in which it is shown; None for a reporter that shows nothing.
    """

    def __init__(self, slot: DeltaGenerator | None):
        self._slot: Any = slot
        self._start = time.monotonic()
        self._text = ""

    def on_queued(self, n_ahead: int) -> None:
        """Wait for a free slot behind so many others."""
        others = {0: "yours is next", 1: "one run is ahead of yours"}.get(n_ahead, f"{n_ahead} runs are ahead of yours")
        self._show(0.0, f"Waiting for a free place to train: {others}.")

    def on_shared(self) -> None:
        """Wait for a result that is computed already, for another visitor or since the page began it."""
        self._show(0.0, "The same settings are being computed already: waiting for the result.")

    def on_progress(self, done: int, total: int) -> None:
        """Show the step of a training."""
        text = f"Training: step {min(done, total - 1):,} of {total - 1:,}. Changing a control stops it."
        self._show(done / total, text)

    def _show(self, share: float, text: str) -> None:
        queue.touch()
        if text != self._text and time.monotonic() - self._start >= PATIENCE_SECONDS:
            self._text = text
            self._slot.progress(min(share, 1.0), text=text)
        else:  # nothing new to read: Streamlit would send the same words again
            stop_if_superseded()

    def clear(self) -> None:
        """Take the bar away."""
        if self._text:
            self._slot.empty()
            self._text = ""


class SilentReporter(ProgressReporter):
    """Shows nothing, and ends the work of a visitor who has changed a control or left."""

    def __init__(self) -> None:
        super().__init__(None)

    def _show(self, share: float, text: str) -> None:
        queue.touch()
        stop_if_superseded()


def stop_if_superseded(n_ahead: int = 0) -> None:
    """End the script of a visitor who has changed a control or left: asking for a key lets Streamlit do so.

    In a thread that runs no script nothing happens.
    """
    if get_script_run_ctx(suppress_warning=True) is not None:
        "any" in st.session_state  # noqa: B015  len() and iteration do not let it
