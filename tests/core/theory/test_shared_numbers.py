"""Numbers that many networks share: what is asked for decides how much of the pool is drawn, in whole blocks."""

import numpy as np
import pytest

from core.theory import shared_numbers
from core.theory.shared_numbers import BLOCK_NUMBERS, POOL_NUMBERS, Draws, pooled

FAMILIES = ("normal", "uniform")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("span", [1, BLOCK_NUMBERS // 2, BLOCK_NUMBERS])
def test_all_spans_within_a_block_take_the_same_numbers(family, span):
    chosen, block = (pooled(family, np.random.default_rng(3), 35, total) for total in (span, BLOCK_NUMBERS))
    np.testing.assert_array_equal(chosen, block)


def test_networks_that_need_one_block_take_the_same_numbers_whatever_their_count():
    few, many = (Draws("he_normal", 0, 3, networks=count, dtype=np.float32) for count in (3, BLOCK_NUMBERS // 35))
    np.testing.assert_array_equal(few.weights([7, 5]), many.weights([7, 5]))
    np.testing.assert_array_equal(few.biases([7, 5]), many.biases([7, 5]))


class LastPlace:
    """A generator that always chooses the last of the places."""

    def integers(self, high):
        return high - 1


class NoNumbers:
    """A pool that notes where its numbers would end."""

    def window(self, start, count):
        self.end = start + count


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("span", [100, BLOCK_NUMBERS, BLOCK_NUMBERS + 1, 10 * POOL_NUMBERS])
def test_the_numbers_that_are_used_fit_into_what_is_drawn(family, span, monkeypatch):
    pool = NoNumbers()
    monkeypatch.setitem(shared_numbers._POOLS, family, pool)
    pooled(family, LastPlace(), 100, span)
    assert min(span, POOL_NUMBERS) <= pool.end < span + BLOCK_NUMBERS and pool.end <= POOL_NUMBERS
    assert pool.end % BLOCK_NUMBERS == 0
