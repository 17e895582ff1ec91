"""Has the browser ask for a fragment again, or no longer: Streamlit has messages for it, but no command."""

from __future__ import annotations

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

SOON_SECONDS = 0.05


def current_fragment() -> str | None:
    """Return the name of the fragment that runs; None outside of all."""
    return ThreadState.get().fragment_id


def rerun_soon(fragment: str | None) -> None:
    """Have the browser ask for a fragment, again and again until `stop_rerunning`."""
    message = ForwardMsg()
    message.auto_rerun.interval = SOON_SECONDS
    message.auto_rerun.fragment_id = fragment or ""
    _send(message, fragment)


def stop_rerunning(fragment: str | None) -> None:
    """Have the browser no longer ask for a fragment by itself."""
    message = ForwardMsg()
    message.stop_auto_rerun.fragment_ids.append(fragment or "")
    _send(message, fragment)


def _send(message: ForwardMsg, fragment: str | None) -> None:
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and fragment is not None:
        context.enqueue(message)
