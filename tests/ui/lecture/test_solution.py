"""The solution in words and numbers, for exercises of many numbers."""

import numpy as np
import pytest

from core.exercise import central_differences, misprinted, solve, update
from core.lecture.instances import NUMBER, make_instance
from ui.charts.style import number
from ui.lecture import solution
from ui.lecture.exercise import Given
from ui.lecture.formulas import tex
from ui.lecture.sheet import _gradient, _math, _table, number_factors, solution_sheet
from ui.lecture.solution import against_misprint, relative, terms, written_out
from ui.lecture.symbols import WEIGHTS, O, x, y

SEEDS = range(0, 9999, 777)


def given_of(seed):
    one = make_instance(seed)
    return Given(w01=one.w01, w12=one.w12, x=one.x, d=one.d, activation=one.activation)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_misprint_is_told_of_the_weight_where_it_is_furthest_off(seed):
    given = given_of(seed)
    s, differences = given.solve(), central_differences(**given.arguments())
    wrong = misprinted(**given.arguments()).ravel()
    k = np.abs(wrong - s.gradient[:4]).argmax()
    words = against_misprint(given, s, differences)
    told = f"would give {number(float(wrong[k]), 4)} for ∂E/∂{WEIGHTS[k].text}"
    assert told in words and f"gives {number(float(differences[k]), 4)}, as the right chain does" in words


@pytest.mark.parametrize("seed", range(5))
def test_a_difference_is_a_share_of_the_largest_size(seed):
    rng = np.random.default_rng(seed)
    ours, other = -rng.uniform(1, 2, 6), rng.normal(size=6)  # all below 0: the largest of them is not the largest size
    assert relative(ours, other) == pytest.approx(np.abs(ours - other).max() / np.abs(ours).max())
    assert relative(np.zeros(6), other) == np.abs(other).max()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_gradient_is_the_sum_of_its_own_terms_and_each_term_the_product_of_its_factors(seed):
    given = given_of(seed)
    s = given.solve()
    np.testing.assert_allclose(terms(s).sum(axis=0), s.gradient, rtol=1e-12)
    for k, weight in enumerate(WEIGHTS):
        factors, total = number_factors(weight, given.x, s)
        np.testing.assert_allclose(factors.prod(axis=1), terms(s)[:, k], rtol=1e-12)
        assert total == s.gradient[k]
        text = written_out(weight, given, s)
        assert all(f"= {tex(float(term))}" in text for term in terms(s)[:, k]) and tex(total, 4) in text


@pytest.mark.parametrize("seed", SEEDS)
def test_a_solution_sheet_says_where_one_step_leads_and_has_every_column_under_its_name(seed):
    one = make_instance(seed)
    sheet, s = solution_sheet(one), one.solution
    samples = {"x": one.x, "d": one.d}
    weights = update(one.w01, one.w12, **samples, learning_rate=1, activation=one.activation)
    after = solve(*weights, **samples, activation=one.activation).error
    goes = f"goes from {_math(tex(s.error, 5))} to {_math(tex(after, 5))}: it {'falls' if after < s.error else 'rises'}"
    assert goes in sheet
    assert all(f">{number(float(value), 4)}</text>" in sheet for value in given_of(seed).weights)
    forward = _table([
        (r"\mathit{net}_{n1}^{(0,1)}", s.net01[:, 0]), (r"\mathit{net}_{n2}^{(0,1)}", s.net01[:, 1]),
        ("y_{n1}", s.y[:, 0]), ("y_{n2}", s.y[:, 1]), (r"\mathit{net}_{n1}^{(1,2)}", s.net12), ("o_{n}", s.o),
        ("d_{n}", one.d),
    ])  # fmt: skip
    assert forward in sheet


def test_every_place_of_the_network_shows_its_own_symbol_or_weight(monkeypatch):
    given = given_of(3)
    shown = []
    monkeypatch.setattr(solution.drawing, "draw", lambda name, words, fill, keys: [fill(key) for key in keys])
    monkeypatch.setattr(solution.st, "badge", lambda text, color: shown.append(text.strip("$")))
    solution.draw_network(given)
    assert shown[5:] == [tex(float(value)) for value in given.weights] and len(shown) == 5 + len(WEIGHTS)
    assert shown[:5] == [symbol.latex for symbol in (x(1), x(2), y(1), y(2), O)]


@pytest.mark.parametrize(
    "seed, following", [(0.0, 1.0), (5.0, 6.0), (NUMBER.high, 0.0), (NUMBER.high - 1, NUMBER.high)]
)
def test_another_exercise_is_the_next_number_and_after_the_last_comes_the_first(seed, following, monkeypatch):
    session = {"exercise": seed}
    monkeypatch.setattr(solution, "session", session)
    monkeypatch.setattr(solution.check, "clear", lambda: None)
    solution._choose_next()
    assert session["exercise"] == following
    assert session["exercise_numbers"] == session["walk"] == "" and session["exercise_version"] == 1


def test_a_negative_number_of_a_product_stands_in_parentheses():
    made = [make_instance(seed) for seed in range(40)]
    negative = 0
    for one in [one for one in made if len(one.x) <= 2][:6]:
        for weight in WEIGHTS:
            factors, total = number_factors(weight, one.x, one.solution)
            _, products, result = _gradient(weight, one, one.solution).split(" = ")
            assert result == tex(total, 4) and products.count(" + ") == len(one.x) - 1
            for value in map(tex, map(float, factors.ravel())):
                negative += value.startswith("-")
                assert not value.startswith("-") or products.count(value) == products.count(f"({value})") > 0
                assert value.startswith("-") or f"({value})" not in products
    assert negative > 20
