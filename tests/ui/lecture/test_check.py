"""A gradient computed by hand counts as right to a hundredth of it, or to what four digits leave of a small one."""

import math
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from core.lecture.instances import make_instance
from ui.lecture import check
from ui.lecture.check import ABSOLUTE, RELATIVE, find
from ui.lecture.exercise import Given


@pytest.mark.parametrize("seed", range(1, 9999, 999))
def test_right_is_within_the_larger_of_a_hundredth_and_the_last_digit(seed):
    one = make_instance(seed)
    given = Given(w01=one.w01, w12=one.w12, x=one.x, d=one.d, activation=one.activation)
    for k, right in enumerate(given.solve().gradient.tolist()):
        allowed = max(RELATIVE * abs(right), ABSOLUTE)
        assert find(given, k, right + 0.99 * allowed) is None and find(given, k, right - 0.99 * allowed) is None
        assert find(given, k, right + math.copysign(1.5 * allowed, right)) is not None


def test_the_fields_of_the_six_gradients_fill_their_rows(monkeypatch):
    columns, drawn = [], []

    def grid(count, **_):
        columns.append(count)
        return nullcontext()

    streamlit = SimpleNamespace(markdown=lambda *_: None, grid=grid, container=nullcontext)
    monkeypatch.setattr(check, "st", streamlit)
    monkeypatch.setattr(check, "_restore", lambda: None)
    monkeypatch.setattr(check, "draw_field", drawn.append)
    check.section(None)
    assert drawn == list(range(6)) and [6 % count for count in columns] == [0]
