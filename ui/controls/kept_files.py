"""A field for files that stay for the visit: Streamlit forgets them where the field is not drawn for one run.

Back and Forward, another data set and another page thus leave a visitor's own file in use.
"""

from __future__ import annotations

import math

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui.runtime import limits
from ui.session import session
from ui.text import as_text


def draw_uploader(label: str, key: str, *, help: str, several: bool = False) -> list[UploadedFile]:
    """Draws the field; returns its files, or those that it had earlier in this visit.

    Args:
        several: whether it takes more than one file.
    """
    kept = session.setdefault("kept_files", {})
    files = st.file_uploader(
        label,
        key=key,
        accept_multiple_files=True if several else False,
        max_upload_size=math.ceil(limits.value("MAX_UPLOAD") / 1_000_000),
        help=help,
        on_change=_forget,
        args=(key,),
    )
    if files:
        kept[key] = files if isinstance(files, list) else [files]
    elif key in kept:
        st.caption(as_text(f"Uploaded earlier in this visit: {', '.join(file.name for file in kept[key])}."))
        st.button("Remove it", key=f"remove_{key}", on_click=_forget, args=(key,), icon=":material/close:")
    return kept.get(key, [])


def _forget(key: str) -> None:
    """Forgets the files of a field: another one was chosen, or none."""
    session["kept_files"].pop(key, None)
