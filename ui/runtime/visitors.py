"""Who asks: the address, the browser and the session of the script that runs, for turns in the queues."""

from __future__ import annotations

import ipaddress

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.runtime.queue import Visitor
from ui.session import session

# Headers that this server's gate gives each page's websocket, in place of any that a visitor sends.
BROWSER_HEADER = "X-Lab-Browser"
ADDRESS_HEADER = "X-Lab-Address"
RESUME_HEADER = "X-Lab-Resume"  # "1" for a page that has lost its connection and asks for its session again


def current_visitor() -> Visitor:
    """Return (address, browser, session) of the visitor whose script runs in this thread; () outside of one.

    At home, and where the address is that of this machine (a proxy that is not trusted), it stands for nobody.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return ()
    headers = st.context.headers
    address = headers.get(ADDRESS_HEADER, "")
    return address_group(address), headers.get(BROWSER_HEADER, ""), context.session_id


def show_lost_session() -> None:
    """Say in one sentence that a visit could not go on, in the first script of the session that takes its place."""
    if session.setdefault("visit_begun", False):
        return
    session["visit_begun"] = True
    if st.context.headers.get(RESUME_HEADER) == "1":
        st.info(
            "The connection was lost for so long that this visit begins again: your settings are back, from the page’s "
            "address, but an uploaded table or recording is no longer in memory. Upload it again.",
            icon=":material/restart_alt:",
        )


def address_group(address: str) -> str:
    """Return the address; of IPv6 the network of 64 bits, which one visitor has whole.

    A server that listens on both names an address of IPv4 as one of IPv6, and all of them would be one network.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if parsed.version == 6 and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return ""
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
