"""Looks one key of the session state up where Streamlit would copy all of it.

Every select box and number box of Streamlit makes a dictionary of the whole session state to see whether its own key
is there. In the Lab that is 31 widgets times 92 entries: half of the time of a rerun whose results are all cached, and
all of it under Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from streamlit.runtime.state import SafeSessionState


class StateView(Mapping[str, Any]):
    """View of `SafeSessionState.filtered_state`, copied only for a caller who iterates over all of it.

    Args:
        state: of a session.
        copy: makes the dictionary.
    """

    def __init__(self, state: SafeSessionState, copy: Callable[[SafeSessionState], dict[str, Any]]):
        self._state = state
        self._copy = copy

    def __contains__(self, key: Any) -> bool:
        with self._state._lock:
            return key in self._state._state

    def __getitem__(self, key: str) -> Any:
        with self._state._lock:
            return self._state._state[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._copy(self._state))

    def __len__(self) -> int:
        return len(self._copy(self._state))

    def __repr__(self) -> str:
        return repr(self._copy(self._state))


def install() -> None:
    """Have the sessions of this process look keys up."""
    copy = SafeSessionState.filtered_state.fget
    if getattr(copy, "is_lookup", False):
        return

    def filtered_state(self: SafeSessionState) -> StateView:
        return StateView(self, copy)

    filtered_state.__dict__["is_lookup"] = True
    SafeSessionState.filtered_state = property(filtered_state)  # ty: ignore[invalid-assignment]
