"""Part (b) of the exercise: the right answers are the numbers of the derivatives, and nothing else counts as right."""

import re

import numpy as np
import pytest

from core.exercise import solve
from core.lecture.instances import make_instance
from tests.support.nothing import anything
from ui.lecture import chain as module
from ui.lecture.chain import CHAIN_KEYS, QUESTIONS, complete, offered, reason, value
from ui.lecture.symbols import WEIGHTS, D, E, Factor, O, chain, net01, w01, w12, x, y

N = 1  # of the samples: sums are over one


def numbers():
    """The value of each symbol in an exercise of one sample, by its plain text; and its derivatives by theirs."""
    one = make_instance(2)
    w, v, inputs, d = one.w01, one.w12, one.x[:1], one.d[:1]
    w = np.where(w == 0, 0.7, w) + np.array([[0.01, 0.02], [0.03, 0.04]])  # no two numbers are equal
    v = np.where(v == 0, 0.9, v) + np.array([0.05, 0.06])
    inputs = inputs + np.array([[0.11, 0.27]])
    found = solve(w, v, inputs, d)
    values = {O.text: found.o[0], D.text: d[0], E.text: found.error}
    for j in (1, 2):
        values |= {x(j).text: inputs[0, j - 1], y(j).text: found.y[0, j - 1], net01(j).text: found.net01[0, j - 1]}
        values[w12(j).text] = v[j - 1]
        values |= {w01(i, j).text: w[i - 1, j - 1] for i in (1, 2)}
    slopes = {Factor(E, O).text: found.dE_do[0]}
    for j in (1, 2):
        slopes[Factor(O, y(j)).text] = found.do_dy[0, j - 1]
        slopes[Factor(O, w12(j)).text] = found.do_dnet12[0] * found.y[0, j - 1]
        slopes[Factor(y(j), net01(j)).text] = found.dy_dnet01[0, j - 1]
        slopes |= {Factor(net01(j), w01(i, j)).text: inputs[0, i - 1] for i in (1, 2)}
    gradient = dict(zip((weight.text for weight in WEIGHTS), found.gradient, strict=True))
    return values, slopes, gradient


VALUES, SLOPES, GRADIENT = numbers()
ASKED = VALUES | SLOPES


def evaluate(formula, names):
    """The number of a formula in which each symbol is written as one of these names."""
    for name in sorted(names, key=len, reverse=True):
        formula = formula.replace(name, f"({float(names[name])!r})")
    for old, new in (("·", "*"), ("−", "-"), (r"\,", "*"), (r"\tfrac{2}{N}", f"2/{N}*"), ("/N", f"/{N}")):
        formula = formula.replace(old, new)
    return eval(formula, {"S": lambda net: 1 / (1 + np.exp(-net))})


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_one_answer_is_the_number_that_is_asked_for_and_the_others_are_not(question):
    wanted = ASKED[question.asked]
    right = [text for text, why in question.options.items() if why is None]
    assert len(right) == 1 and len(question.options) >= 3
    for text, why in question.options.items():
        assert (evaluate(text, VALUES) == pytest.approx(wanted, rel=1e-9)) == (why is None), text


@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda weight: weight.text)
def test_the_factors_of_a_chain_have_the_values_of_their_derivatives_and_multiply_to_the_gradient(weight):
    symbols = [E, O, D, *WEIGHTS, *(make(j) for make in (x, y, net01) for j in (1, 2))]
    by_latex = {symbol.latex: VALUES[symbol.text] for symbol in symbols}
    product = 1.0
    for factor in chain(weight):
        found = evaluate(value(factor), by_latex)
        assert found == pytest.approx(SLOPES[factor.text], rel=1e-12), factor.text
        product *= found
    assert product == pytest.approx(GRADIENT[weight.text], rel=1e-12)


@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda weight: weight.text)
def test_among_the_factors_offered_are_those_of_the_chain_and_every_other_one_has_its_reason(weight):
    factors, links = offered(weight), chain(weight)
    assert len(set(factors)) == len(factors) and set(links) < set(factors)
    known = {E, O, D, *WEIGHTS, *(make(j) for make in (x, y, net01) for j in (1, 2))}
    for factor in factors:
        assert {factor.top, factor.bottom} <= known, factor.text
        why = reason(weight, factor)
        assert (why is None) == (factor in links)
        if why:
            assert why.startswith(f"{factor.text} does not belong here: ")
            named = set(re.findall(r"(?:net|[oxydw])[₀-₉ₙ]+(?:⁽[^⁾]*⁾)?", why))
            assert named <= {symbol.text for symbol in known}, named
    texts = [factor.text for factor in links]
    assert complete(weight, texts[::-1]) and not complete(weight, texts[1:])
    assert not complete(weight, [factor.text for factor in factors])


def test_each_gradient_has_a_key_of_its_own():
    assert list(CHAIN_KEYS) == list(WEIGHTS) and len(set(CHAIN_KEYS.values())) == len(WEIGHTS)


@pytest.mark.parametrize("weight", WEIGHTS, ids=lambda weight: weight.text)
def test_factors_that_are_found_and_those_that_do_not_belong_are_counted_apart(weight, monkeypatch):
    said, reasons = [], []
    right = [factor.text for factor in chain(weight)]
    wrong = [factor.text for factor in offered(weight) if factor.text not in right]
    for some in (right[:1], right[:-1]):
        for more in ([], wrong[:1], wrong):
            chosen = [*more, *some]
            streamlit = anything(pills=lambda *_, chosen=chosen, **__: chosen, caption=said.append,
                                 error=lambda text, **_: reasons.append(text))  # fmt: skip
            monkeypatch.setattr(module, "st", streamlit)
            said.clear()
            reasons.clear()
            module._assemble(weight, None, 2)
            surplus = f", and {len(more)} chosen that do not belong" if more else ""
            assert said == [f"{len(some)} of {len(right)} factors found{surplus}."]
            named = {factor.text: factor for factor in offered(weight)}
            newest = [module.with_formulas(reason(weight, named[text])) for text in more][-2:]
            assert reasons == newest
