"""Numbers that many networks share: what is asked for decides how much of the pool is drawn, in whole blocks."""

import numpy as np
import pytest

from core.theory.shared_numbers import BLOCK_NUMBERS, POOL_NUMBERS, Draws


@pytest.mark.parametrize("total", [1, BLOCK_NUMBERS // 2, BLOCK_NUMBERS])
def test_all_totals_within_a_block_take_the_same_numbers(total):
    chosen, block = (Draws("he_normal", 0, 3, count, np.float32) for count in (total, BLOCK_NUMBERS))
    np.testing.assert_array_equal(chosen.weights(7, 5, 0.5), block.weights(7, 5, 0.5))
    np.testing.assert_array_equal(chosen.biases(5, 0.5), block.biases(5, 0.5))


@pytest.mark.parametrize("total", [1, BLOCK_NUMBERS, BLOCK_NUMBERS + 1, 10 * POOL_NUMBERS])
def test_the_numbers_that_are_used_fit_into_what_is_drawn(total):
    span = Draws("he_normal", 0, 3, total, np.float32)._span
    assert isinstance(span, int) and min(total, POOL_NUMBERS) <= span <= POOL_NUMBERS
    assert span < total + BLOCK_NUMBERS
