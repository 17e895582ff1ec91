"""The exercise, part (b): net inputs, factors and chains of the gradients, chosen from given ones, with reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from ui.lecture.symbols import (
    WEIGHTS,
    D,
    E,
    Factor,
    O,
    Symbol,
    chain,
    formula,
    net01,
    product,
    w01,
    w12,
    with_formulas,
    x,
    y,
)
from ui.session import session_by_name


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question for the value of a symbol or factor.

    Attributes:
        key: of its widget.
        asked: the symbol or factor, in plain text as the options are; the page draws them as formulas.
        options: each answer, and why it is wrong; None for the right one.
    """

    key: str
    asked: str
    options: dict[str, str | None]


def _sum(*terms: tuple[Symbol, Symbol]) -> str:
    return " + ".join(f"{weight.text} · {value.text}" for weight, value in terms)


_OUTPUT_SLOPE = f"{O.text} · (1 − {O.text})"
_RESIDUAL = f"({O.text} − {D.text})"
_OUTPUT_SLOPE_LATEX = rf"{O.latex}\,(1 - {O.latex})"
_RESIDUAL_LATEX = rf"({O.latex} - {D.latex})"

QUESTIONS = (
    Question(
        key="question_net1",
        asked=net01(1).text,
        options={
            _sum((w01(1, 1), x(1)), (w01(1, 2), x(2))): f"The indices are swapped: {w01(1, 2).text} goes from input 1 "
            f"to hidden unit 2. The weights into hidden unit 1 are {w01(1, 1).text} and {w01(2, 1).text}: their "
            "second index is 1.",
            _sum((w01(1, 1), x(1)), (w01(2, 1), x(2))): None,
            f"S({_sum((w01(1, 1), x(1)), (w01(2, 1), x(2)))})": f"That is the output {y(1).text}. The net "
            "input is the sum before S is applied.",
        },
    ),
    Question(
        key="question_net2",
        asked=net01(2).text,
        options={
            _sum((w01(1, 2), x(1)), (w01(2, 1), x(2))): f"This misprint circulates: {w01(2, 1).text} {x(2).text} "
            "belongs to the net input of hidden unit 1 and is printed a second time here. The weight from input 2 to "
            f"hidden unit 2 is {w01(2, 2).text}.",
            _sum((w01(2, 1), x(1)), (w01(2, 2), x(2))): f"The first term’s indices are swapped: {w01(2, 1).text} "
            f"goes from input 2 to hidden unit 1. The weight from input 1 to hidden unit 2 is {w01(1, 2).text}.",
            _sum((w01(1, 2), x(1)), (w01(2, 2), x(2))): None,
        },
    ),
    Question(
        key="question_error",
        asked=Factor(E, O).text,
        options={
            f"1/N · {_RESIDUAL}": "E = (1/N) Σ (oₙ − dₙ)² has no ½ in front: the 2 of the square stays.",
            f"2/N · ({D.text} − {O.text})": "The sign is wrong: where the output is above its target, E grows "
            "with the output, and the derivative is positive.",
            f"2/N · {_RESIDUAL}": None,
        },
    ),
    Question(
        key="question_output",
        asked=Factor(O, y(1)).text,
        options={
            f"{_OUTPUT_SLOPE} · {w12(1).text}": None,
            f"{_OUTPUT_SLOPE} · {y(1).text}": f"That is {Factor(O, w12(1)).text}. In the product of weight and "
            f"output, the derivative by {y(1).text} leaves the weight; that by the weight leaves {y(1).text}.",
            f"{_OUTPUT_SLOPE} · {w01(1, 1).text}": f"{w01(1, 1).text} leads into the hidden unit. The weight "
            f"from {y(1).text} to {O.text} is {w12(1).text}.",
        },
    ),
    Question(
        key="question_hidden",
        asked=Factor(y(1), net01(1)).text,
        options={
            _OUTPUT_SLOPE: f"That is the slope of the output unit, at {O.text}; the question asks for the hidden "
            "unit’s.",
            y(1).text: f"{y(1).text} = S(net) is the value; its slope is S′ = S (1 − S).",
            f"{y(1).text} · (1 − {y(1).text})": None,
        },
    ),
    Question(
        key="question_input",
        asked=Factor(net01(1), w01(2, 1)).text,
        options={
            w01(
                2, 1
            ).text: f"That would be the derivative by {x(2).text}. By the weight, what the weight multiplies is left.",
            x(2).text: None,
            x(1).text: f"{x(1).text} is multiplied by {w01(1, 1).text}; {w01(2, 1).text} comes from input 2.",
        },
    ),
)

CHAIN_KEYS = {weight: f"chain_{''.join(map(str, weight.indices))}_{weight.layers[0]}" for weight in WEIGHTS}


def offered(weight: Symbol) -> tuple[Factor, ...]:
    """The factors to choose from for one gradient: those of its chain among wrong ones."""
    if weight.layers == "1,2":
        j = weight.indices[0]
        return (Factor(O, y(j)), Factor(O, weight), Factor(E, D), Factor(O, w12(3 - j)), Factor(E, O),
                Factor(y(j), net01(j)))  # fmt: skip
    i, j = weight.indices
    return (
        Factor(net01(j), weight),
        Factor(O, w12(j)),
        Factor(y(3 - j), net01(3 - j)),
        Factor(E, O),
        Factor(net01(j), w01(3 - i, j)),
        Factor(O, y(j)),
        Factor(O, y(3 - j)),
        Factor(y(j), net01(j)),
    )


def reason(weight: Symbol, factor: Factor) -> str | None:
    """Why this factor is not in the chain of dE/dw; None where it is."""
    if factor in chain(weight):
        return None
    text = f"{factor.text} does not belong here: "
    if factor.bottom == D:
        return f"{text}the target is given and depends on no weight. E depends on the weights through {O.text}."
    if weight.layers == "1,2":
        if factor.bottom.letter == "w":
            return f"{text}it is for the other weight, {factor.bottom.text}."
        return (
            f"{text}{y(weight.indices[0]).text} and what lies before it do not change with {weight.text}, which comes "
            f"after. {O.text} depends on this weight directly: {Factor(O, weight).text}."
        )
    i, j = weight.indices
    if factor == Factor(O, w12(j)):
        return (
            f"{text}this misprint circulates. It asks how {O.text} changes with another weight, {w12(j).text}, and "
            f"gives {y(j).text} where {w12(j).text} belongs. The way from {weight.text} to {O.text} leads through "
            f"{y(j).text}: {Factor(O, y(j)).text}."
        )
    if factor.top == net01(j):
        return f"{text}it ends at {factor.bottom.text}, and the chain must end at {weight.text}."
    return f"{text}{weight.text} leads into hidden unit {j}, and {y(3 - j).text} does not depend on it."


def complete(weight: Symbol, chosen: list[str]) -> bool:
    """True if these are the factors of its chain, no more and no fewer."""
    return sorted(chosen) == sorted(factor.text for factor in chain(weight))


def right() -> int:
    """Number of questions and chains that are answered correctly."""
    answered = sum(
        question.options.get(session_by_name.get(question.key), "not answered") is None for question in QUESTIONS
    )
    return answered + sum(complete(weight, session_by_name.get(key) or []) for weight, key in CHAIN_KEYS.items())


def value(factor: Factor) -> str:
    """LaTeX of what a factor of a chain equals."""
    if factor.top == E:
        return rf"\tfrac{{2}}{{N}}{_RESIDUAL_LATEX}"
    if factor.top == O:
        parameter = y(factor.bottom.indices[0]) if factor.bottom.letter == "w" else w12(factor.bottom.indices[0])
        return rf"{_OUTPUT_SLOPE_LATEX}\,{parameter.latex}"
    if factor.top.letter == "y":
        return rf"{factor.top.latex}\,(1 - {factor.top.latex})"
    return x(factor.bottom.indices[0]).latex


def section(on_change: Callable[[], None]) -> None:
    """The questions, then a tab for each gradient.

    Args:
        on_change: called when an answer changes.
    """
    st.markdown("First the parts. **Choose what each equals**, for one sample $n$ of $N$.")
    with st.grid(2, min_column_width=340, gap="medium"):
        for question in QUESTIONS:
            with st.container():
                _ask(question, on_change)
    st.markdown(
        "Now the chains. **Choose the factors whose product, summed over $n$, is the gradient.** Their order is free, "
        "since numbers commute; below they are written from the error to the weight."
    )
    draw_chains(on_change)


def draw_chains(on_change: Callable[[], None], *, max_reasons: int = 8) -> None:
    """Draws a tab for each gradient, in which its chain is put together.

    Args:
        on_change: called when an answer changes.
        max_reasons: the number of wrong factors that are explained at a time, the newest ones.
    """
    tabs = st.tabs([f"${Factor(E, weight).inline}$" for weight in WEIGHTS])
    for tab, weight in zip(tabs, WEIGHTS, strict=True):
        with tab:
            _assemble(weight, on_change, max_reasons)


def _ask(question: Question, on_change: Callable[[], None]) -> None:
    choice = st.radio(
        f"${formula(question.asked)} =\\;?$",
        list(question.options),
        index=None,
        format_func=lambda text: f"${formula(text)}$",
        key=question.key,
        on_change=on_change,
    )
    if choice is not None:
        why = question.options[choice]
        if why is None:
            st.markdown(":material/check_circle: Right.")
        else:
            st.error(with_formulas(why), icon=":material/cancel:")


def _assemble(weight: Symbol, on_change: Callable[[], None], max_reasons: int) -> None:
    factors = chain(weight)
    names = {factor.text: factor for factor in offered(weight)}
    picture = st.container()
    chosen = st.pills(
        f"{len(factors)} of these factors belong",
        list(names),
        selection_mode="multi",
        format_func=lambda text: f"${names[text].inline}$",
        key=CHAIN_KEYS[weight],
        on_change=on_change,
    )
    gap = r"\square"
    links = [factor.latex if factor.text in chosen else gap for factor in factors]
    with picture:
        st.latex(rf"\small {Factor(E, weight).latex} = \sum_{{n=1}}^{{N}} {product(links)}")
    reasons = [why for text in chosen if (why := reason(weight, names[text]))]
    for why in reasons[-max_reasons:]:
        st.error(with_formulas(why), icon=":material/cancel:")
    if complete(weight, chosen):
        st.markdown(":material/check_circle: Right. With what each factor equals:")
        st.latex(rf"\small {Factor(E, weight).latex} = \sum_{{n=1}}^{{N}} {product(map(value, factors))}")
        st.caption("In words: the sum over the samples of " + " times ".join(factor.spoken for factor in factors) + ".")
    else:
        n_right = sum(factor.text in chosen for factor in factors)
        extra = len(chosen) - n_right
        surplus = f", and {extra} chosen that do not belong" if extra else ""
        st.caption(f"{n_right} of {len(factors)} factors found{surplus}.")
