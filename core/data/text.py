"""The bytes of a file as UTF-8 text: compression, encoding, control characters and line ends."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib

from ..errors import ConfigError
from .messages import table_error

# Encodings that can be chosen for a file that is not UTF-8: (codec, where it is used).
ENCODINGS: dict[str, str] = {
    "utf-8": "Unicode",
    "utf-16": "Unicode, with a byte order mark",
    "cp1252": "Western European",
    "cp1250": "Central European",
    "cp1251": "Cyrillic",
    "koi8_r": "Cyrillic, KOI8-R",
    "cp1253": "Greek",
    "cp1254": "Turkish",
    "cp1255": "Hebrew",
    "cp1256": "Arabic",
    "shift_jis": "Japanese, Shift-JIS",
    "euc_jp": "Japanese, EUC",
    "gb18030": "Simplified Chinese, GBK",
    "big5": "Traditional Chinese, Big5",
    "cp949": "Korean",
    "mac_roman": "Western European, old Macintosh",
    "latin-1": "Western European, ISO 8859-1",
}

# First bytes of files that are often mistaken for tables; they are refused before anything is unpacked or decoded.
SIGNATURES = {
    b"PK\x03\x04": "a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"\x1f\x8b": "a gzip archive within another",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x89HDF\r\n": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF87a": "an image",
    b"GIF89a": "an image",
    b"%PDF-": "a PDF",
    b"{\\rtf": "a word processor’s text (.rtf)",
    b"PAR1": "a Parquet file",
}
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")  # in every encoding above but UTF-16, these bytes are controls
_SLICE = 1 << 20  # bytes decoded at once, so that no second copy of the whole text exists in wide characters
_MAX_STRAY_CONTROLS = 3  # a file with more of them, in more than 1 % of its bytes, is not text

# Bytes above 127 that Western European text uses in cp1252: letters, and the usual punctuation, currency and units.
_WESTERN = frozenset(
    [*range(0xC0, 0x100)]
    + [0x80, 0x82, 0x84, 0x85, 0x8A, 0x8C, 0x8E, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x99, 0x9A, 0x9C, 0x9E, 0x9F]
    + [0xA0, 0xA1, 0xA3, 0xA7, 0xA9, 0xAA, 0xAB, 0xAE, 0xB0, 0xB1, 0xB2, 0xB3, 0xB5, 0xB7, 0xB9, 0xBA, 0xBB, 0xBC]
    + [0xBD, 0xBE, 0xBF]
) - {0xD7, 0xF7}
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


def read_text(raw: bytes, name: str, encoding: str | None, max_bytes: int) -> tuple[bytes, str]:
    """Decodes a file.

    Args:
        raw: the file, perhaps compressed by gzip.
        name: the file's name in messages.
        encoding: a key of ENCODINGS, or None to recognize it.
        max_bytes: limit of the unpacked file.

    Returns:
        The text as UTF-8 bytes whose lines end in a line feed, and its encoding.

    Raises:
        ConfigError: not text, an encoding that cannot be recognized, or bytes that the encoding does not have.
    """
    if encoding is not None and encoding not in ENCODINGS:
        raise ConfigError("encoding", encoding, "it must be one of " + ", ".join(ENCODINGS))
    if raw.startswith(b"\x1f\x8b"):
        raw = _unpack(raw, name, max_bytes)
    for signature, kind in SIGNATURES.items():
        if raw.startswith(signature):
            raise table_error(name, f"it is {kind}; save the table as CSV and upload that file")
    marked = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    if raw.endswith(b"\x1a") and not marked:
        raw = raw[:-1]  # the end mark of DOS
    if not marked and encoding != "utf-16":
        _check_controls(raw, name)
    if encoding is None:
        encoding = "utf-16" if marked else "utf-8-sig" if raw.startswith(codecs.BOM_UTF8) else _recognize(raw, name)
    elif encoding == "utf-8" and raw.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    text = _to_utf8(raw, name, encoding)
    if marked or encoding == "utf-16":
        _check_controls(text, name)
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text, encoding


def _unpack(raw: bytes, name: str, max_bytes: int) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:  # of one member or several
            text = file.read(max_bytes + 1)
    except EOFError:
        raise table_error(name, "it is a gzip archive whose end is missing") from None
    except (OSError, zlib.error):
        raise table_error(name, "it is a gzip archive that cannot be unpacked") from None
    if len(text) > max_bytes:
        raise table_error(name, f"it unpacks to more than {max_bytes:,} bytes")
    return text


def _line_of(raw: bytes, position: int) -> int:
    """Returns the line of a byte, counted from 1 as an editor does."""
    before = raw[:position]
    return 1 + before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")


def _check_controls(raw: bytes, name: str) -> None:
    first = None
    number = 0
    for control in _CONTROL.finditer(raw):
        first = first or control
        number = number + 1
        if number > max(_MAX_STRAY_CONTROLS, len(raw) // 100):
            raise table_error(name, "it contains bytes that no text has, so it is not a table; save the table as CSV")
    if first:
        line = _line_of(raw, first.start())
        code = first[0][0]
        raise table_error(name, f"its line {line:,} contains the control character U+{code:04X}; delete it there")


def _to_utf8(raw: bytes, name: str, encoding: str) -> bytes:
    if encoding == "utf-8":
        _find_bad_byte(raw, name)
        return raw
    decoder = codecs.getincrementaldecoder(encoding)()
    parts = []
    try:
        for start in range(0, len(raw), _SLICE):
            parts.append(decoder.decode(raw[start : start + _SLICE], start + _SLICE >= len(raw)).encode())
    except UnicodeError:
        if encoding == "utf-16":
            raise table_error(name, "it is marked as UTF-16 but broken; save the table as CSV in UTF-8") from None
        if encoding == "utf-8-sig":
            _find_bad_byte(raw, name)
        raise table_error(name, f"it has bytes that the encoding {encoding} does not have; choose another") from None
    return b"".join(parts)


def _first_bad_byte(raw: bytes) -> int | None:
    """Returns the position of the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(raw), _SLICE):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(raw[start : start + _SLICE], start + _SLICE >= len(raw))
        except UnicodeDecodeError as error:
            return start - pending + error.start
    return None


def _find_bad_byte(raw: bytes, name: str) -> None:
    position = _first_bad_byte(raw)
    if position is not None:
        line = _line_of(raw, position)
        byte = f"0x{raw[position]:02X}"
        raise table_error(
            name,
            f"its line {line:,} contains the byte {byte}, which is not UTF-8 like the rest; correct that character, or "
            "choose the file’s encoding",
        )


def _recognize(raw: bytes, name: str) -> str:
    """Returns "utf-8" or "cp1252".

    A file with valid UTF-8 beyond ASCII is UTF-8, so that one bad byte is an error. Otherwise it is Western European if
    its bytes above 127 are common letters or signs there and stand alone or in pairs; the letters of Cyrillic, Greek
    or East Asian text stand side by side or fall on bytes that Western text hardly uses.
    """
    if _first_bad_byte(raw) is None:
        return "utf-8"
    runs = [run[0] for run, _ in zip(_HIGH_RUN.finditer(raw), range(20_000), strict=False)]
    decodable = sum(len(run) > 1 and _is_utf8(run) for run in runs)
    if decodable and 2 * decodable >= len(runs):
        return "utf-8"
    western = all(len(run) <= 2 and _WESTERN.issuperset(run) for run in runs)
    pairs = sum(len(run) == 2 for run in runs)
    if western and 4 * pairs <= len(runs):
        return "cp1252"
    line = _line_of(raw, next(_HIGH_RUN.finditer(raw)).start())
    raise table_error(
        name, f"the encoding of its line {line:,} is unknown (it is neither UTF-8 nor Western European); choose it"
    )


def _is_utf8(run: bytes) -> bool:
    try:
        run.decode()
    except UnicodeDecodeError:
        return False
    return True
