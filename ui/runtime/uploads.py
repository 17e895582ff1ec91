"""Uploaded files, bounded in number and bytes for each session and for the server.

Streamlit takes a file under any id from whoever knows a session, without a limit.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from streamlit.runtime import memory_uploaded_file_manager
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec, UploadFileUrlInfo

from ui.runtime import limits

MAX_FILES = 8  # of one session
MAX_FULL_FILES = 4  # of one session, each of GRADIENT_LAB_MAX_UPLOAD bytes
MAX_ISSUED = 32  # places given out to one session and not used yet; the oldest lapse
OVERHEAD = 1_000_000  # bytes around a file in a request, at most


def max_session_bytes() -> int:
    """Return the bytes that the files of one session may have in all."""
    return MAX_FULL_FILES * limits.value("MAX_UPLOAD")


class BoundedUploads(MemoryUploadedFileManager):
    """Streamlit's store of files, which takes only what it gave out a place for and has room for."""

    def __init__(self, upload_endpoint: str) -> None:
        super().__init__(upload_endpoint)
        self._issued: dict[str, OrderedDict[str, None]] = defaultdict(OrderedDict)

    def get_upload_urls(self, session_id: str, file_names: Sequence[str]) -> list[UploadFileUrlInfo]:
        """Give out places for files, and remember them."""
        urls = super().get_upload_urls(session_id, file_names)
        with self._lock:
            issued = self._issued[session_id]
            issued.update(dict.fromkeys(url.file_id for url in urls))
            while len(issued) > MAX_ISSUED:
                issued.popitem(last=False)
        return urls

    def check(self, session_id: str, file_id: str, n_bytes: int) -> None:
        """Refuse a file before it is read.

        Raises:
            HTTPException: there was no such place given out, or there is no room.
        """
        with self._lock:
            if file_id not in self._issued.get(session_id, ()):
                raise HTTPException(403, "This address for an upload was not issued by this server.")
            files = self.file_storage.get(session_id, {})
            n_session_bytes = sum(len(file.data) for file in files.values())
            if len(files) >= MAX_FILES or n_session_bytes + n_bytes > max_session_bytes() + OVERHEAD:
                raise HTTPException(413, f"A visit may hold {MAX_FILES} files of {max_session_bytes():,} bytes in all.")
            total = limits.value("MAX_UPLOADS")
            if total is not None and self._total_bytes + n_bytes > total:
                raise HTTPException(507, "The server has no room for more files; try again in a minute.")

    def add_file(self, session_id: str, file: UploadedFileRec) -> None:
        """Store a file; its place cannot be used again.

        Raises:
            HTTPException: as `check`.
        """
        self.check(session_id, file.file_id, len(file.data))
        with self._lock:
            self._issued[session_id].pop(file.file_id, None)
        super().add_file(session_id, file)

    def remove_session_files(self, session_id: str) -> None:
        """Forget the files and the places of a session."""
        super().remove_session_files(session_id)
        with self._lock:
            self._issued.pop(session_id, None)


def install() -> None:
    """Have Streamlit keep uploads here, and read them into memory alone: the parser would spool them to disk."""
    memory_uploaded_file_manager.MemoryUploadedFileManager = BoundedUploads  # ty: ignore[invalid-assignment]
    MultiPartParser.spool_max_size = limits.value("MAX_UPLOAD") + OVERHEAD
