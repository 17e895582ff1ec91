"""Messages that wait for the next sending when a fragment begins to run: all of them are sent.

Streamlit drops those of the fragment, since it will draw its own elements once more. Among them is the block in which
a whole run has placed the fragment: without it the browser counts the blocks beside it wrongly, and the fragment takes
the place of another one for good.
"""

from __future__ import annotations

from streamlit.runtime.app_session import AppSession

_clear = AppSession._clear_queue


def _clear_for_whole_run(self: AppSession, fragment_ids_this_run: list[str] | None = None) -> None:
    if fragment_ids_this_run is not None:
        self._browser_queue._delta_index_map = {}  # what waits is no longer replaced by a newer message in its place
    else:
        _clear(self, fragment_ids_this_run)


def install() -> None:
    """Have Streamlit keep them; a second time changes nothing."""
    AppSession._clear_queue = _clear_for_whole_run
