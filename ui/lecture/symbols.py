"""The symbols of the 2-2-1 exercise, as a formula, as plain text, as a label in a picture, and as words read aloud."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LOWERED = str.maketrans("0123456789n", "₀₁₂₃₄₅₆₇₈₉ₙ")
_RAISED = str.maketrans("0123456789(),", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾’")  # no raised comma exists; a low one looks misplaced


@dataclass(frozen=True)
class Symbol:
    """One symbol: a letter, its indices, and for what belongs to two layers these layers.

    Attributes:
        letter: "E", "x", "y", "o", "d", "w" or "net".
        indices: of the unit, or (from, to) of a weight; the sample's n goes before those of all but weights and E.
        layers: "0,1" or "1,2"; empty for inputs, outputs and targets.
    """

    letter: str
    indices: tuple[int, ...] = ()
    layers: str = ""

    @property
    def _lower(self) -> str:
        return ("" if self.letter in "wE" else "n") + "".join(map(str, self.indices))

    @property
    def latex(self) -> str:
        letter = r"\mathit{net}" if self.letter == "net" else self.letter
        lower = f"_{{{self._lower}}}" if self._lower else ""
        return letter + lower + (f"^{{({self.layers})}}" if self.layers else "")

    @property
    def text(self) -> str:
        """As in w₁₂⁽⁰’¹⁾, where formulas cannot be drawn."""
        upper = f"({self.layers})".translate(_RAISED) if self.layers else ""
        return self.letter + self._lower.translate(_LOWERED) + upper

    @property
    def html(self) -> str:
        """For a label in a picture."""
        return f"{self.letter}<sub>{self._lower}</sub>" + (f"<sup>({self.layers})</sup>" if self.layers else "")

    @property
    def spoken(self) -> str:
        """As in "w 1 2 of layers 0 to 1"."""
        layers = f" of layers {self.layers.replace(',', ' to ')}" if self.layers else ""
        return " ".join((self.letter, *self._lower)) + layers


def x(i: int) -> Symbol:
    return Symbol("x", (i,))


def y(j: int) -> Symbol:
    return Symbol("y", (j,))


def w01(i: int, j: int) -> Symbol:
    return Symbol("w", (i, j), "0,1")


def w12(j: int, k: int = 1) -> Symbol:
    return Symbol("w", (j, k), "1,2")


def net01(j: int) -> Symbol:
    return Symbol("net", (j,), "0,1")


E = Symbol("E")
O = Symbol("o")
D = Symbol("d")
WEIGHTS = (*(w01(i, j) for i in (1, 2) for j in (1, 2)), w12(1), w12(2))


@dataclass(frozen=True)
class Factor:
    """A derivative, one link of a chain: of `top` by `bottom`."""

    top: Symbol
    bottom: Symbol

    @property
    def latex(self) -> str:
        return rf"\dfrac{{\partial {self.top.latex}}}{{\partial {self.bottom.latex}}}"

    @property
    def inline(self) -> str:
        """LaTeX of the height of a line, for buttons and tabs."""
        return self.latex.replace("dfrac", "frac")

    @property
    def text(self) -> str:
        return f"∂{self.top.text}/∂{self.bottom.text}"

    @property
    def spoken(self) -> str:
        return f"the derivative of {self.top.spoken} by {self.bottom.spoken}"


def chain(weight: Symbol) -> tuple[Factor, ...]:
    """The factors of dE/dw for one sample, from the error to the weight."""
    if weight.layers == "1,2":
        return Factor(E, O), Factor(O, weight)
    j = weight.indices[1]
    return Factor(E, O), Factor(O, y(j)), Factor(y(j), net01(j)), Factor(net01(j), weight)


def product(formulas: Iterable[str]) -> str:
    """LaTeX of a product."""
    return r" \cdot ".join(formulas)


# -- plain text as formulas ---------------------------------------------------------------------------------------

_LOWER_RUN = re.compile("[₀-₉ₙ]+")
_UPPER_RUN = re.compile("[⁰¹²³⁴-⁹⁽⁾’]+")
_DERIVATIVE = re.compile(r"∂([^\s/]+)/∂([^\s,;:.?]+)")
_SYMBOL = rf"[A-Za-z]+{_LOWER_RUN.pattern}(?:⁽[^⁾]*⁾)?"
_IN_WORDS = re.compile(rf"∂[^\s/]+/∂{_SYMBOL}|{_SYMBOL}")
_TO_PLAIN = {ord(high): low for low, high in zip("0123456789(),", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾’", strict=True)}
_TO_PLAIN |= {ord(low): plain for plain, low in zip("0123456789n", "₀₁₂₃₄₅₆₇₈₉ₙ", strict=True)}


def formula(text: str) -> str:
    """LaTeX of a formula in plain text, such as "w₁₁⁽⁰’¹⁾ · xₙ₁" or "∂E/∂oₙ"."""
    text = _DERIVATIVE.sub(r"\\dfrac{\\partial \1}{\\partial \2}", text)
    text = _LOWER_RUN.sub(lambda match: f"_{{{match[0].translate(_TO_PLAIN)}}}", text)
    text = _UPPER_RUN.sub(lambda match: f"^{{{match[0].translate(_TO_PLAIN)}}}", text)
    text = re.sub(r"\bnet(?=_)", r"\\mathit{net}", text)
    return text.replace("1/N", r"\tfrac{1}{N}").replace("2/N", r"\tfrac{2}{N}").replace(" · ", r" \cdot ")


def with_formulas(sentence: str) -> str:
    """Markdown of a sentence in plain text, its symbols and derivatives as formulas."""
    return _IN_WORDS.sub(lambda match: f"${formula(match[0]).replace('dfrac', 'frac')}$", sentence)
