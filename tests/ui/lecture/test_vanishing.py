"""Words and tables about a stack of layers: every number is the one that it is named for."""

import numpy as np
import pytest

from core import RunConfig, train
from core.lecture.paths import trace_paths
from core.wording import percent
from ui.charts.style import number
from ui.lecture.vanishing import describe, of_activations, of_scales, outcome, path_table


@pytest.mark.parametrize("scale, does", [(1.0, "vanishes"), (10.15, "stays nearly level"), (16.0, "explodes")])
@pytest.mark.parametrize("layers", [3, 6])
def test_every_number_about_a_product_is_its_own(layers, scale, does):
    paths = trace_paths(RunConfig(hidden=(8,) * layers, init_scale=scale))
    words, root = describe(paths), 1 / (layers - 1)
    measured, worst, typical = (getattr(paths, name)[0] ** root for name in ("measured", "worst", "typical"))
    share = number(float(paths.measured[0]))
    assert f"multiplies its norm by {number(measured, 3)}, so that the first of {layers} layers gets {share}" in words
    assert (f"the worst case, {number(worst, 3)} a layer, is below 1" in words) == (worst < 1)
    assert (f"The worst case is {number(worst, 3)} a layer: a bound above 1" in words) == (worst >= 1)
    assert f"by mean field theory, is {number(typical, 3)}." in words
    told = f"sums {number(8.0 ** (layers - 2))} paths; the strongest carries {number(float(paths.path[0]))}."
    assert told in words
    assert (f"the gradient {does}" in words) == (
        {"vanishes": measured < 0.95, "explodes": measured > 1.05}.get(does, 0.95 <= measured <= 1.05)
    )


@pytest.mark.parametrize("layers, paths", [(2, False), (3, True)])
def test_paths_are_counted_where_there_is_more_than_one(layers, paths):
    assert ("paths; the strongest" in describe(trace_paths(RunConfig(hidden=(8,) * layers)))) == paths


@pytest.mark.parametrize("layers", [2, 5])
def test_a_row_of_the_strongest_path_has_its_unit_from_1_its_factor_and_all_products_above(layers):
    paths = trace_paths(RunConfig(hidden=(6,) * layers, activation="tanh"))
    table = path_table(paths)
    assert table["layer"].tolist() == list(range(1, layers + 1))
    assert table["unit"].tolist() == (paths.units + 1).tolist()
    factors = (table["φ′(net)"] * table["w"]).to_numpy()
    np.testing.assert_allclose(table["factor"], factors)
    np.testing.assert_allclose(table["product"], np.append(np.abs(np.cumprod(factors[:-1][::-1])[::-1]), 1.0))


@pytest.mark.parametrize("critical", [1.0, 10.149])
def test_four_scales_are_a_quarter_half_once_and_twice_the_critical_one(critical):
    arms = of_scales(RunConfig(hidden=(8, 8)), critical).arms
    scales = [dict(arm.changes)["init_scale"] for arm in arms]
    assert scales == pytest.approx([critical / 4, critical / 2, critical, 2 * critical], rel=1e-3)


def test_the_end_of_every_arm_is_its_own():
    comparison = of_activations(RunConfig(hidden=(4, 4), steps=8, samples=16))
    traces = train([arm.config(comparison.base) for arm in comparison.arms])
    text = outcome(comparison, traces).lower()
    for arm, trace in zip(comparison.arms, traces, strict=True):
        summary = trace.summary()
        end = f"loss {number(summary['final_loss'])}, accuracy {percent(summary['final_accuracy'])}"
        assert f"{arm.name} ends at {end}".lower() in text
