"""TensorBoard event files, written by hand for the tests that read them."""

import struct


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number, kind, payload):
    return varint(number << 3 | kind) + (varint(len(payload)) + payload if kind == 2 else payload)


def record(payload):
    return struct.pack("<Q", len(payload)) + bytes(4) + payload + bytes(4)


def event_file(scalars, as_tensor=False):
    """(tag, step, value) as TensorFlow 1 wrote them, or as tensors, as its second version does."""
    out = record(field(1, 1, struct.pack("<d", 1.0)) + field(3, 2, b"brain.Event:2"))
    for tag, step, value in scalars:
        if as_tensor:
            tensor = field(1, 0, varint(1)) + field(4, 2, struct.pack("<f", value))
            inner = field(1, 2, tag.encode()) + field(8, 2, tensor)
        else:
            inner = field(1, 2, tag.encode()) + field(2, 5, struct.pack("<f", value))
        event = field(1, 1, struct.pack("<d", 2.0)) + field(2, 0, varint(step)) + field(5, 2, field(1, 2, inner))
        out += record(event)
    return out
