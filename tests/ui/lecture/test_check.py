"""A gradient computed by hand counts as right to a hundredth of it, or to what four digits leave of a small one."""

import math
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from core.lecture.instances import make_instance
from ui.lecture import check
from ui.lecture.check import ABSOLUTE, RELATIVE, find
from ui.lecture.exercise import Given
from ui.lecture.symbols import WEIGHTS, E, Factor, O, net01, y


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


@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda weight: weight.text)
def test_a_wrong_factor_is_named_by_the_formula_of_its_own_derivative(weight):
    j = weight.indices[-1]
    named = {"dE/do": Factor(E, O), "sum": None, "do/dnet": None}
    if weight.layers == "0,1":
        named |= {"do/dy": Factor(O, y(j)), "dy/dnet": Factor(y(j), net01(j)), "dnet/dw": Factor(net01(j), weight)}
    for name, factor in named.items():
        shown = check.factor_name(weight, name)
        if factor is not None:
            assert shown == f"${factor.inline}$", name
    assert check.factor_name(weight, "sum") == "the sum over the samples"
    assert "net}_n^{(1,2)}" in check.factor_name(weight, "do/dnet")


def test_numbers_of_ones_own_are_kept_as_text_and_come_back_each_to_its_field(monkeypatch):
    session = {"mine": "1,,3,,,0.5"}
    monkeypatch.setattr(check, "session", session)
    monkeypatch.setattr(check, "session_by_name", session)
    assert [check.restored(k) for k in range(6)] == [1.0, None, 3.0, None, None, 0.5]
    session["mine_1"] = -2.5
    check.remember()
    assert session["mine"] == "1,-2.5,3,,,0.5"
    check.clear()
    assert session["mine"] == "" and [check.restored(k) for k in range(6)] == [None] * 6
