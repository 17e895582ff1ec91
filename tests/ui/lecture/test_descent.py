"""Words about a descent: which side of the limit, which way E went, and how unequal the curvatures are."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lecture.descent import SURFACES, Outcome, bowl, descend
from core.wording import percent
from tests.support.nothing import anything
from ui.charts.style import number
from ui.lecture import descent
from ui.lecture.descent import _curved, against_limit, describe


@given(st.floats(1e-3, 10), st.floats(1e-3, 10))
def test_a_learning_rate_is_told_by_its_side_of_the_limit_and_its_share_of_it(limit, rate):
    words = against_limit(bowl(), limit, rate)
    side = "below" if rate < limit else "above" if rate > limit else "exactly at"
    share = f"{percent(rate / limit)} of it" if rate / limit <= 10 else f"{number(rate / limit, 3)} times it"
    assert words == f"The limit is {number(limit, 4)}; the learning rate {number(rate, 4)} is {side} it, {share}."


@pytest.mark.parametrize("kind, grown", [("diverges", "E has grown"), ("swings", "it has grown"),
                                         ("underway", "after 4 steps E has grown")])  # fmt: skip
def test_growth_is_told_from_the_first_to_the_last_value(kind, grown):
    surface = bowl(10, 30)
    path = descend(surface, (-2.0, 1.0), 0.3, steps=4)
    first, last = number(path.values[0], 3), number(path.values[-1], 3)
    assert first != last
    words = describe(Outcome(kind=kind, step=4, done=-5.0, turning=0.2), path)
    assert f"{grown} from {first} to {last}" in words


@given(st.floats(0.01, 100), st.floats(1.001, 1000))
def test_curvatures_are_told_by_the_larger_over_the_smaller(low, ratio):
    words = _curved(bowl(), np.array([low, low * ratio]))
    assert f"E curves {number(low * ratio / low, 3)} times as much one way" in words


@pytest.mark.parametrize("name", SURFACES)
def test_only_where_the_hessian_changes_the_limit_is_called_local(name):
    surface = SURFACES[name]()
    assert ("this limit is local" in _curved(surface, np.array([1.0, 2.0]))) == (not surface.quadratic)
    assert ("at the minimum" in against_limit(surface, 1.0, 0.5)) == (not surface.quadratic)
    assert "curves down (−3)" in _curved(surface, np.array([-3.0, 2.0]))


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("where", [None, ((1.5, -2.5), 40)])
def test_a_rate_beside_the_limit_is_set_alone_or_with_a_start_and_the_path_shown_anew(name, where, monkeypatch):
    session = {f"{name}_{part}": 7.0 for part in ("x", "y", "eta", "steps", "step")}
    monkeypatch.setattr(descent, "session_by_name", session)
    descent._set_rate(name, 0.125, where)
    kept = {f"{name}_{part}": 7.0 for part in ("x", "y", "steps", "step")}
    moved = {f"{name}_x": 1.5, f"{name}_y": -2.5, f"{name}_steps": 40.0, f"{name}_step": 0}
    assert session == {f"{name}_eta": 0.125} | (moved if where else kept)


def test_a_click_starts_there_and_shows_the_path_from_its_start(monkeypatch):
    session = {"bowl_x": 0.0, "bowl_y": 0.0, "bowl_step": 9}
    points = [{"x": 1.23456789, "y": -2.0}]
    clicked = SimpleNamespace(selection=SimpleNamespace(points=points))
    monkeypatch.setattr(descent, "session", {"lecture-contours": clicked})
    monkeypatch.setattr(descent, "session_by_name", session)
    descent.start_at("bowl")
    assert session == {"bowl_x": 1.234568, "bowl_y": -2.0, "bowl_step": 0}
    session["bowl_step"] = 4
    points.clear()
    descent.start_at("bowl")
    assert session["bowl_step"] == 4


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("condition, rotation, step", [(10, 30, 0), (4, 75, 2)])
def test_each_eigenvalue_stands_beside_its_own_direction_and_the_numbers_are_those_of_the_point(
    condition, rotation, step, momentum, monkeypatch
):
    formulas, words = [], []
    streamlit = anything(latex=formulas.append, markdown=words.append)
    monkeypatch.setattr(descent, "st", streamlit)
    surface = bowl(condition, rotation)
    path = descend(surface, (1.5, -0.75), 0.02, momentum, 5)
    point = path.points[step]
    descent._written_out(surface, point, step, momentum)
    assert words[0].startswith(f"**At step {step}**, $w = ({descent.tex(point[0])},")
    _, gradient, hessian, steep, flat, limit = formulas
    H = surface.hessian(point)
    np.testing.assert_allclose([float(x) for x in NUMBER.findall(gradient)], surface.gradient(point), rtol=0.01)
    np.testing.assert_allclose([float(x) for x in NUMBER.findall(hessian)], H.ravel(), rtol=0.01, atol=0.01)
    for formula, value in ((steep, condition), (flat, 1.0)):
        eigenvalue, *direction = [float(x) for x in NUMBER.findall(formula)]
        assert eigenvalue == pytest.approx(value, rel=0.01)
        # two digits of each entry are left
        np.testing.assert_allclose(H @ direction, np.array(direction) * value, atol=0.02 * condition)
    assert (r"2\,(1 + \mu)" in limit) == (momentum > 0)
    assert float(NUMBER.findall(limit)[-1]) == pytest.approx(2 * (1 + momentum) / condition, rel=0.001)
