"""Numbers in LaTeX, and tables of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st


def tex(value: float, digits: int = 3) -> str:
    """A number in LaTeX, to so many significant digits: 0.25, -3, 6.9 x 10^-8."""
    if not math.isfinite(value):
        return r"\text{not finite}"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        shown = f"{value:.{digits}g}"
        return f"{value:.0f}" if "e" in shown else shown
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


WIDE = 4  # columns that fit beside each other on a phone in small letters only


def fitted(body: str, columns: int) -> str:
    """A formula in small letters where it has many columns."""
    return rf"\footnotesize {body}" if columns >= WIDE else body


def matrix(values: np.ndarray, digits: int = 3) -> str:
    """A matrix in LaTeX; a vector is written as a column."""
    rows = np.atleast_2d(values) if np.ndim(values) == 2 else np.reshape(values, (-1, 1))
    body = r" \\ ".join(" & ".join(tex(float(value), digits) for value in row) for row in rows)
    return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"


def formula_table(columns: Mapping[str, Any], alt: str, digits: int = 4) -> None:
    """Draws a table headed by formulas; numbers are set like those of formulas.

    Args:
        columns: by the LaTeX of its heading, the values of each column: numbers, or LaTeX.
        alt: the text alternative.
        digits: significant digits of a number.
    """

    def cell(value: Any) -> str:
        if isinstance(value, str):
            return f"${value}$"
        return f"${value}$" if isinstance(value, (int, np.integer)) else f"${tex(float(value), digits)}$"

    frame = pd.DataFrame({f"${head}$": [cell(value) for value in values] for head, values in columns.items()})
    st.table(frame, hide_index=True, width="content", border="horizontal", alt=alt)
