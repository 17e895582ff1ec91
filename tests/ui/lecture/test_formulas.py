"""Numbers in formulas: digits from a thousandth to a hundred thousand, powers of ten beyond."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.lecture.formulas import tex

EDGES = {1e-3: "0.001", 9.99e-4: r"9.99 \cdot 10^{-4}", 1e5: r"1.00 \cdot 10^{5}", 99_999.0: "99999", 0.0: "0",
         np.inf: r"\text{not finite}"}  # fmt: skip


@pytest.mark.parametrize("value", EDGES)
def test_powers_of_ten_begin_below_a_thousandth_and_at_a_hundred_thousand(value):
    assert tex(value) == EDGES[value]
    if 0 < value < np.inf:
        assert tex(-value) == "-" + EDGES[value]


@given(st.floats(1e-12, 1e12), st.integers(2, 6))
def test_a_number_in_a_formula_is_the_number_to_its_digits(value, digits):
    mantissa, _, power = tex(value, digits).partition(r" \cdot 10^{")
    shown = float(mantissa) * 10.0 ** int(power.rstrip("}") or 0)
    assert shown == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits))
