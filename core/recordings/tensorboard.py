"""Scalars of a TensorBoard event file, read without TensorFlow.

The file is a sequence of records: length (8 bytes, little-endian), checksum (4), payload, checksum (4). A payload is a
protocol buffer, Event: wall_time = 1, step = 2, summary = 5; Summary.value = 1; Value: tag = 1, simple_value = 2,
tensor = 8; TensorProto: dtype = 1, float_val = 5, double_val = 6, tensor_content = 4.
Source: tensorflow/core/util/event.proto, summary.proto, tensor.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

# TensorProto.dtype
FLOAT = 1
DOUBLE = 2
# bytes before and after a payload
HEAD = 12
TAIL = 4


def is_event_file(raw: bytes) -> bool:
    """True if this begins like an event file: a record whose first field is a time and whose text names a version."""
    return len(raw) > HEAD and b"brain.Event:" in raw[: HEAD + 64]


def read_scalars(raw: bytes) -> Iterator[tuple[str, int, float]]:
    """(tag, step, value) of every scalar, in the order of the file; a record cut off at the end is left out.

    Raises:
        ValueError: a record whose payload is no protocol buffer.
    """
    at = 0
    while at + HEAD <= len(raw):
        (length,) = struct.unpack_from("<Q", raw, at)
        end = at + HEAD + length
        if end + TAIL > len(raw):
            return
        yield from _event(raw[at + HEAD : end])
        at = end + TAIL


def _event(payload: bytes) -> Iterator[tuple[str, int, float]]:
    step = 0
    summaries = []
    for number, value in _fields(payload):
        if number == 2 and isinstance(value, int):
            step = value if value < 1 << 63 else value - (1 << 64)
        elif number == 5 and isinstance(value, bytes):
            summaries.append(value)
    for summary in summaries:
        for number, value in _fields(summary):
            if number == 1 and isinstance(value, bytes):
                scalar = _value(value)
                if scalar is not None:
                    yield scalar[0], step, scalar[1]


def _value(payload: bytes) -> tuple[str, float] | None:
    tag = ""
    number_found = None
    for number, value in _fields(payload):
        if number == 1 and isinstance(value, bytes):
            tag = value.decode("utf-8", "replace")
        elif number == 2 and isinstance(value, float):
            number_found = value
        elif number == 8 and isinstance(value, bytes):
            number_found = _tensor(value)
    return None if number_found is None or not tag else (tag, number_found)


def _tensor(payload: bytes) -> float | None:
    """The one number of a tensor; None for other types and for more than one number."""
    dtype = 0
    content = b""
    numbers = []
    for number, value in _fields(payload):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number == 4 and isinstance(value, bytes):
            content = value
        elif number in (5, 6):
            if isinstance(value, float):
                numbers.append(value)
            elif isinstance(value, bytes) and dtype in (FLOAT, DOUBLE):
                code = "f" if number == 5 else "d"
                numbers += struct.unpack(f"<{len(value) // struct.calcsize(code)}{code}", value)
    if content and dtype in (FLOAT, DOUBLE):
        code = "f" if dtype == FLOAT else "d"
        if len(content) == struct.calcsize(code):
            numbers = [*struct.unpack(f"<{code}", content)]
    return float(numbers[0]) if len(numbers) == 1 else None


def _fields(payload: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """(field number, value) of a protocol buffer: whole numbers, 4- and 8-byte floats, and bytes."""
    at = 0
    end = len(payload)
    while at < end:
        key, at = _varint(payload, at)
        number = key >> 3
        kind = key & 7
        if kind == 0:
            value, at = _varint(payload, at)
        elif kind == 1:
            value, at = _unpack("<d", payload, at)
        elif kind == 5:
            value, at = _unpack("<f", payload, at)
        elif kind == 2:
            length, at = _varint(payload, at)
            if at + length > end:
                raise ValueError("a field ends beyond its record")
            value = payload[at : at + length]
            at = at + length
        else:
            raise ValueError(f"a field of the unknown wire type {kind}")
        yield number, value


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(payload) or shift > 63:
            raise ValueError("a number ends beyond its record")
        byte = payload[at]
        value |= (byte & 127) << shift
        at = at + 1
        shift = shift + 7
        if byte < 128:
            return value, at


def _unpack(code: str, payload: bytes, at: int) -> tuple[float, int]:
    size = struct.calcsize(code)
    if at + size > len(payload):
        raise ValueError("a number ends beyond its record")
    return struct.unpack_from(code, payload, at)[0], at + size
