"""Numbers in sentences."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.wording import format_number, format_setting, name_layers, part_of, percent, power_of_ten


@pytest.mark.parametrize(
    "x, text",
    [
        (0, "0"),
        (1, "1"),
        (0.2281, "0.228"),
        (0.001, "0.001"),
        (0.00099, "9.9e-4"),
        (2.34e-8, "2.3e-8"),
        (651.4, "651"),
        (37904.0, "37,904"),
        (1.5e67, "1.5e67"),
        (np.nan, "not finite"),
        (np.inf, "not finite"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_have_three_digits_or_a_power_of_ten(x, text):
    assert format_number(x) == text


@pytest.mark.parametrize("decades, text", [(-2.0, "0.01"), (0.5, "3.16"), (-400.0, "1e-400"), (-np.inf, "0")])
def test_powers_of_ten_go_beyond_float64(decades, text):
    assert power_of_ten(decades) == text


@pytest.mark.parametrize(
    "share, text",
    [(0, "0 %"), (1, "100 %"), (0.5234, "52 %"), (0.0264, "2.6 %"), (0.0996, "10 %"), (4.4e-7, "4.4e-5 %")],
)
def test_shares_are_told_in_per_cent(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    "ratio, text", [(0.52, "52 % of"), (1.72, "172 % of"), (12.34, "12.3 times"), (1e300, "1.0e300 times")]
)
def test_large_ratios_are_told_as_multiples(ratio, text):
    assert part_of(ratio) == text


@pytest.mark.parametrize(
    "numbers, text",
    [
        ([3], "layer 3"),
        ([1, 2], "layers 1 and 2"),
        ([4, 5, 6], "layers 4 to 6"),
        ([2, 5, 9], "layers 2, 5 and 9"),
        ([*range(1, 20, 2)], "10 layers"),
    ],
)
def test_layers_are_told_in_words(numbers, text):
    assert name_layers(np.array(numbers)) == text


@pytest.mark.parametrize(
    "setting, text", [(0.002, "0.002"), (5e-5, "5e-5"), (1e-300, "1e-300"), (1e80, "1e80"), (20, "20")]
)
def test_settings_are_told_in_full(setting, text):
    assert format_setting(setting) == text and float(text) == setting


@given(st.floats(1e-3, 9.9e4), st.sampled_from([1, -1]))
@example(999.5, 1)
@example(999.4, 1)
@example(1000.0, -1)
@example(1000.4, 1)
def test_a_number_between_a_thousandth_and_a_hundred_thousand_is_written_without_a_power_of_ten(size, sign):
    text = format_number(sign * size)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(sign * size, rel=5e-3)  # three digits
