"""The exercise, part (a): the 2-2-1 network without its symbols, each blank filled where it stands, with reasons."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui.lecture import drawing
from ui.lecture.symbols import WEIGHTS, D, O, Symbol, w12, with_formulas, x, y
from ui.session import session_by_name

NODES = (x(1), x(2), y(1), y(2), O)
BLANKS: tuple[Symbol, ...] = (*NODES, *WEIGHTS)
OPTIONS: tuple[Symbol, ...] = (*NODES, D, *WEIGHTS, w12(1, 2))
KEYS = tuple(f"blank_{number}" for number in range(1, len(BLANKS) + 1))

_LAYERS = {"x": "the input layer", "y": "the hidden layer", "o": "the output layer"}
_UNITS = {"0": "input", "1": "hidden unit", "2": "output"}
WHERE = ("first input, top left", "second input, bottom left", "first hidden unit, top", "second hidden unit, bottom",
         "the output, right")  # fmt: skip


def describe_blank(number: int) -> str:
    """Where a blank stands, in words."""
    blank = BLANKS[number - 1]
    return WHERE[number - 1] if blank.letter != "w" else "edge from {} to {}".format(*_ends(blank))


def _ends(weight: Symbol) -> tuple[str, str]:
    left, right = weight.layers.split(",")
    first, second = weight.indices
    return f"{_UNITS[left]} {first}", f"{_UNITS[right]} {second}"


def reason(blank: Symbol, choice: Symbol) -> str | None:
    """Why this choice is wrong for this blank; None where it is right."""
    if choice == blank:
        return None
    if blank.letter == "w":
        return _reason_for_edge(blank, choice)
    if choice.letter == "w":
        return f"{choice.text} is a weight and stands on an edge; a node carries a value that depends on the sample n."
    if choice == D:
        return f"{D.text} is the target, not a node: it comes with the data. The network’s own answer is {O.text}."
    if choice.letter != blank.letter:
        return (
            f"The letter {choice.letter} is for {_LAYERS[choice.letter]}; this node is in {_LAYERS[blank.letter]}, "
            f"which has the letter {blank.letter}."
        )
    return (
        f"The layer is right, the unit is not: n counts samples, the index after it counts units from the top, and "
        f"this is unit {blank.indices[0]}."
    )


def _reason_for_edge(blank: Symbol, choice: Symbol) -> str:
    start, end = _ends(blank)
    here = f"This edge leads from {start} to {end}"
    if choice.letter != "w":
        return f"{choice.text} is a value, and stands in a node. An edge carries the weight w that multiplies it."
    if choice.layers != blank.layers:
        left, right = choice.layers.split(",")
        return f"({choice.layers}) is for weights from layer {left} to layer {right}. {here}: ({blank.layers})."
    other = "{} to {}".format(*_ends(choice))
    if choice == w12(1, 2):
        return f"{choice.text} would lead from {other}, and there is one output only. {here}, so j = 1."
    i, j = blank.indices
    if choice.indices == (j, i):
        return f"The indices are swapped: w with indices i j goes from i to j. {here}, so i = {i} and j = {j}."
    return f"{choice.text} goes from {other}: the first index says from where, the second to where. {here}."


def right() -> int:
    """Number of blanks that hold the right symbol."""
    return sum(session_by_name.get(key) == blank.text for key, blank in zip(KEYS, BLANKS, strict=True))


def section(on_change: Callable[[], None]) -> None:
    """The drawing with its blanks, each a button that opens the symbols to choose from.

    Args:
        on_change: called when a choice changes.
    """
    st.markdown(
        "Two inputs, two hidden units, one output, no biases. **Press a blank and choose its symbol.** $n$ counts "
        "samples; $w_{ij}^{(0,1)}$ leads from unit $i$ of layer 0 to unit $j$ of layer 1."
    )
    filled = draw_blanks(on_change)
    wrong = [number for number, key in enumerate(KEYS, 1) if session_by_name.get(key) and number not in filled]
    if wrong:
        blank_numbers = ", ".join(map(str, wrong))
        st.caption(f"Not right yet: {blank_numbers}. Press the blank to read why.")


def draw_blanks(on_change: Callable[[], None]) -> list[int]:
    """Draws the network with a button for each blank; returns the numbers of those that are right.

    Args:
        on_change: called when a choice changes.
    """
    filled = [
        number
        for number, (key, blank) in enumerate(zip(KEYS, BLANKS, strict=True), 1)
        if session_by_name.get(key) == blank.text
    ]
    marked = [number - 1 for number in filled]
    drawing.draw("blanks", describe(filled), lambda index: _blank(index + 1, on_change), marked)
    return filled


def describe(filled: list[int]) -> str:
    """The drawing in words."""
    spoken = ", ".join(f"{number} is {BLANKS[number - 1].spoken}" for number in filled) or "none is filled yet"
    return (
        "Network of two inputs (blanks 1 and 2), two hidden units (3 and 4) and one output (5); blanks 6 to 9 are the "
        f"edges from input to hidden, 10 and 11 those to the output. Filled: {spoken}."
    )


def _blank(number: int, on_change: Callable[[], None]) -> None:
    """The button of one blank, the symbols to choose from, and at once what is to be said about the choice."""
    blank = BLANKS[number - 1]
    options = {option.text: option for option in OPTIONS}
    choice = options.get(session_by_name.get(KEYS[number - 1]))
    label = f"**{number}**" if choice is None else f"${choice.latex}$" if choice == blank else f":red[{number} ✗]"
    with st.popover(label, key=f"blank_button_{number}", type="primary" if choice == blank else "secondary"):
        st.pills(
            f"Blank {number}: {describe_blank(number)}",
            list(options),
            format_func=lambda text: f"${options[text].latex}$",
            key=KEYS[number - 1],
            on_change=on_change,
        )
        why = reason(blank, choice) if choice else None
        if why:
            st.error(with_formulas(why), icon=":material/cancel:")
        elif choice:
            st.markdown(f":material/check_circle: Right: ${blank.latex}$")
