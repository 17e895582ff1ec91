"""The error's table: every output of every sample in its own row."""

import numpy as np
import pytest

from core.lecture.small_network import draw
from ui.lecture.error import _sum, _table
from ui.lecture.formulas import tex


@pytest.mark.parametrize("sizes", [(2, 3, 3, 4), (1, 2, 2, 5), (3, 2, 1, 3)], ids=str)
def test_each_row_is_the_output_that_its_numbers_name(sizes):
    net = draw(*sizes, seed=3)
    counted = list(range(sizes[2]))
    for row in _table(net, counted).to_dict("records"):
        n, k = int(row["n"]) - 1, int(row["k"]) - 1
        o, d = net.values.output[n, k], net.d[n, k]
        assert (row["o"], row["d"], row["o − d"], row["(o − d)²"]) == (o, d, o - d, (o - d) ** 2)
    if sizes[2] > 1:
        assert set(_table(net.output(1), [1])["k"]) == {2}


@pytest.mark.parametrize("samples", [1, 3, 4, 6])
def test_the_sum_has_every_sample_once_and_is_divided_by_their_number(samples):
    each = np.random.default_rng(samples).uniform(0.1, 1, samples)
    formula = _sum(each, float(each.mean()))
    assert rf"\tfrac{{1}}{{{samples}}}" in formula and formula.count("+") == samples - 1
    assert all(tex(float(value)) in formula for value in each) and tex(float(each.mean()), 6) in formula
