"""A check of gradients that a student computed by hand, with the first wrong factor of each named."""

from __future__ import annotations

import streamlit as st

from core.lecture.instances import Instance, Mistake, find_mistake
from ui.lecture.exercise import Given
from ui.lecture.symbols import WEIGHTS, E, Factor, Symbol, chain
from ui.session import session, session_by_name
from ui.urls.link import Text

KEY = "mine"
KEYS = tuple(f"mine_{k}" for k in range(len(WEIGHTS)))
_NUMBER = r"(?:-?[0-9.]+(?:e[+-]?[0-9]+)?)?"
ADDRESS = {KEY: Text(rf"(?:{_NUMBER}(?:,{_NUMBER}){{5}})?", "it must be six numbers, some of which may be empty")}
DEFAULTS = {KEY: ""}
# what rounding by hand to three or four digits may leave
RELATIVE = 0.01
ABSOLUTE = 5e-5


def section(given: Given) -> None:
    """A field for each gradient, and at once what is wrong with the number in it."""
    _restore()
    st.markdown("**Check my numbers.** Rounding to three digits is close enough.")
    with st.grid(3, min_column_width=230, gap="small"):
        for k in range(len(WEIGHTS)):
            with st.container():
                value = draw_field(k)
                if value is not None:
                    check_number(given, k, value)


def draw_field(k: int, disabled: bool = False) -> float | None:
    """Draws the field for the gradient by a weight, and returns the number in it."""
    return st.number_input(f"${Factor(E, WEIGHTS[k]).inline}$", value=None, step=None, format="%.6g", key=KEYS[k],
                           on_change=remember, placeholder="your number", disabled=disabled)  # fmt: skip


def restored(k: int) -> float | None:
    """The visitor's own gradient by a weight, from the address or the field; None where there is none."""
    _restore()
    return session_by_name.get(KEYS[k])


def find(given: Given, k: int, value: float) -> Mistake | None:
    """The mistake in a gradient computed by hand; None where it is right.

    Args:
        k: of the weight, in the order of `core.exercise.WEIGHTS`.
    """
    instance = Instance(number=0, **given.arguments())
    right = float(instance.solution.gradient[k])
    return find_mistake(instance, k, value, max(RELATIVE * abs(right), ABSOLUTE))


def check_number(given: Given, k: int, value: float) -> None:
    """Draws what is to be said about a gradient that was computed by hand."""
    mistake = find(given, k, value)
    if mistake is None:
        st.markdown(":material/check_circle: Right.")
    elif mistake.factor == "unknown":
        st.error(mistake.sentence, icon=":material/cancel:")
    else:
        st.error(f"The first wrong factor is {factor_name(WEIGHTS[k], mistake.factor)}. {mistake.sentence}",
                 icon=":material/cancel:")  # fmt: skip


def factor_name(weight: Symbol, factor: str) -> str:
    """A factor of `Mistake` as a formula of this weight's chain."""
    links = chain(weight)
    names = {"dE/do": links[0], "do/dy": links[1], "dy/dnet": links[-2], "dnet/dw": links[-1]}
    if factor == "sum":
        return "the sum over the samples"
    if factor == "do/dnet" or factor not in names:
        return r"$\partial o_n / \partial \mathit{net}_n^{(1,2)}$"
    return f"${names[factor].inline}$"


def remember() -> None:
    """Keeps the numbers as text, which the address holds; for the callbacks of their fields."""
    session["mine"] = _encode()


def clear() -> None:
    """Takes all numbers back; for a callback."""
    session["mine"] = ""
    for key in KEYS:
        session_by_name[key] = None


def _encode() -> str:
    values = [session_by_name.get(key) for key in KEYS]
    return ",".join("" if value is None else f"{value:.10g}" for value in values).strip(",") and ",".join(
        "" if value is None else f"{value:.10g}" for value in values
    )


def _restore() -> None:
    """Sets the fields to the numbers of the address."""
    text = session["mine"]
    if text == _encode():
        return
    for key, entry in zip(KEYS, text.split(",") if text else [""] * len(KEYS), strict=True):
        session_by_name[key] = _number(entry)
    session["mine"] = _encode()


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
