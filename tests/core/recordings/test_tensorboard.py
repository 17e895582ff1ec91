"""Event files: every type that a scalar may be written in is read to its digits, and nothing else is taken for one."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.recordings.tensorboard import is_event_file, read_scalars
from tests.support.events import event_file, field, record, varint

FLOAT, DOUBLE, INT = 1, 2, 3


def scalars(inner, step=7):
    """Return the scalars of an event with one summary value of these fields."""
    event = field(2, 0, varint(step)) + field(5, 2, field(1, 2, field(1, 2, b"tag") + inner))
    return list(read_scalars(record(event)))


def tensor(dtype, payload):
    return field(8, 2, field(1, 0, varint(dtype)) + payload)


FORMS = {
    "a simple value": ("f", lambda raw: field(2, 5, raw)),
    "the content of a float": ("f", lambda raw: tensor(FLOAT, field(4, 2, raw))),
    "the content of a double": ("d", lambda raw: tensor(DOUBLE, field(4, 2, raw))),
    "a float": ("f", lambda raw: tensor(FLOAT, field(5, 5, raw))),
    "a packed float": ("f", lambda raw: tensor(FLOAT, field(5, 2, raw))),
    "a double": ("d", lambda raw: tensor(DOUBLE, field(6, 1, raw))),
    "a packed double": ("d", lambda raw: tensor(DOUBLE, field(6, 2, raw))),
}


@pytest.mark.parametrize("form", FORMS)
@given(value=st.floats(width=32))
def test_a_scalar_is_read_to_its_last_digit_in_every_form(form, value):
    code, write = FORMS[form]
    ((tag, step, found),) = scalars(write(struct.pack(f"<{code}", value)))
    assert (tag, step) == ("tag", 7) and (found == value or value != value != found)


@pytest.mark.parametrize("form", [form for form in FORMS if "packed" in form or "content" in form])
def test_several_numbers_are_no_scalar(form):
    code, write = FORMS[form]
    assert scalars(write(struct.pack(f"<2{code}", 1.0, 2.0))) == []


def test_other_types_and_values_without_a_tag_are_passed_over():
    assert scalars(tensor(INT, field(4, 2, struct.pack("<f", 1.0)))) == []
    assert scalars(b"") == []
    assert list(read_scalars(record(field(5, 2, field(1, 2, field(2, 5, struct.pack("<f", 1.0))))))) == []


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_step_has_64_bits_and_a_sign(step):
    ((_, found, _),) = scalars(field(2, 5, struct.pack("<f", 0.5)), step)
    assert found == step


@given(st.integers(0, 30))
def test_what_a_killed_process_left_of_its_last_record_is_not_read(missing):
    raw = event_file([("a", 1, 0.5), ("b", 2, 0.25)])
    assert list(read_scalars(raw[: len(raw) - missing])) == [("a", 1, 0.5), ("b", 2, 0.25)][: 1 if missing else 2]


@pytest.mark.parametrize("payload", [b"\x0a\xff", b"\x80", b"\x12\x7f", b"\x13", b"\x0d\x00"])
def test_a_record_that_is_no_event_is_damaged(payload):
    with pytest.raises(ValueError):
        list(read_scalars(record(field(5, 2, payload))))


def test_the_first_record_says_what_the_file_is():
    assert is_event_file(event_file([]))
    assert not is_event_file(b"brain.Event:") and not is_event_file(bytes(200) + b"brain.Event:2")
