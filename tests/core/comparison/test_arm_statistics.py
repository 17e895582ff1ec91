"""Medians and bands over seeds: worked by hand, against NumPy, with seeds that diverge; and what is said of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, diagnose, train
from core.comparison.arm_statistics import CURVES, LAYERS, TABLE, band, summarize_arm, table
from core.wording import format_number

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
SMALL = RunConfig(samples=16, hidden=(4, 4), steps=5)


def parts(found):
    return [found.low80, found.low50, found.median, found.high50, found.high80]


def test_quantiles_of_a_column_worked_by_hand():
    # Ranks 0 to 4: quantile 0.1 lies 0.4 of the way from the first to the second, 0.25 on the second.
    found = band(np.array([[5.0], [1.0], [4.0], [2.0], [3.0]]), logarithmic=False)
    assert [float(part[0]) for part in parts(found)] == pytest.approx([1.4, 2, 3, 4, 4.6], rel=1e-15)


def test_on_a_logarithmic_axis_a_median_of_two_is_their_geometric_mean():
    assert band(np.array([[1e-8], [1e-2]]), logarithmic=True).median[0] == pytest.approx(1e-5, rel=1e-12)


@given(seeds, st.integers(1, 16))
def test_linear_quantiles_are_numpys(rng, count):
    values = rng.standard_normal((count, 3, 2))
    for quantile, part in zip((0.1, 0.25, 0.5, 0.75, 0.9), parts(band(values, logarithmic=False)), strict=True):
        # 1e-12: two orders of the same interpolation; relative to the largest, since neighbors may cancel
        np.testing.assert_allclose(part, np.quantile(values, quantile, axis=0), atol=1e-12 * np.abs(values).max())


@given(seeds, st.floats(1e-6, 1e6))
def test_logarithmic_quantiles_scale_with_the_values_and_stay_between_their_ends(rng, scale):
    values = np.exp(rng.normal(0, 20, (6, 4)))
    found, scaled = band(values, logarithmic=True), band(values * scale, logarithmic=True)
    for part, other in zip(parts(found), parts(scaled), strict=True):
        np.testing.assert_allclose(part * scale, other, rtol=1e-12)  # a few roundings of exp and log
        assert (part >= values.min(axis=0) * (1 - 1e-12)).all() and (part <= values.max(axis=0) * (1 + 1e-12)).all()
    assert all((low <= high * (1 + 1e-12)).all() for low, high in zip(parts(found), parts(found)[1:], strict=False))


@given(st.lists(st.floats(1e-12, 1e12), min_size=2, max_size=16))
def test_logarithmic_quantiles_are_numpys_of_the_logarithms(values):
    found = band(np.array(values), True)
    wanted = np.exp(np.quantile(np.log(values), [0.1, 0.25, 0.5, 0.75, 0.9]))
    np.testing.assert_allclose([getattr(found, name) for name in vars(found)], wanted, rtol=1e-9)


def test_seeds_that_are_not_finite_are_left_out_while_half_remain():
    nan, inf = np.nan, np.inf
    values = np.array([[1.0, 1.0, 1.0], [3.0, 3.0, nan], [nan, inf, nan], [-inf, nan, nan]])
    assert band(values, logarithmic=False).median.tolist()[:2] == [2, 2]
    assert np.isnan(band(values, logarithmic=False).median[2])


def test_zeros_stay_zeros_and_nothing_is_made_of_nothing():
    found = band(np.array([[0.0, 0.0, np.nan], [0.0, 1.0, np.nan]]), logarithmic=True)
    assert found.median[:2].tolist() == [0, 0]
    assert np.isnan(found.median[2])


@pytest.mark.parametrize("logarithmic", [False, True])
def test_one_seed_is_its_own_median_and_has_no_band(logarithmic):
    values = np.array([[0.1, 3e-200, np.nan]])
    found = band(values, logarithmic)
    assert found.narrow
    np.testing.assert_array_equal(found.median, values[0])


@pytest.fixture(scope="module")
def diverging():
    """Seven seeds, of which some break and others do not: an odd number, so that not as many do as do not."""
    config = RunConfig(activation="relu", init="he_normal", learning_rate=0.1)
    traces = train([config.replace(seed=seed) for seed in range(7)])
    assert 0 < sum(trace.diverged_at is not None for trace in traces) < 7
    return traces


def test_a_record_counts_the_seeds_that_still_run(diverging):
    record = summarize_arm(diverging)
    broken = [trace.diverged_at for trace in diverging if trace.diverged_at is not None]
    assert record.running[0] == 7
    assert record.running[-1] == 7 - len(broken) == record.seeds - record.summary["diverged"]
    assert record.summary["diverged_at"] == np.median(broken)


def test_final_values_are_of_the_seeds_that_ended(diverging):
    ended = [trace for trace in diverging if trace.diverged_at is None]
    summary = summarize_arm(diverging).summary
    assert summary["final_loss"] == np.median([trace.loss[-1] for trace in ended])
    assert summary["weight_growth"] < 2  # the broken ones have 1e5
    every = [trace.layer_factor() for trace in diverging]
    assert summary["layer_factor"] == np.median(every)


def test_the_verdict_is_that_of_most_seeds_and_the_sentence_counts_them(diverging):
    record = summarize_arm(diverging)
    verdicts = [diagnose(trace).verdict for trace in diverging]
    count = verdicts.count(record.verdict)
    assert count == max(verdicts.count(verdict) for verdict in verdicts)
    assert f"on {count} of 7 seeds" in record.sentence
    assert f"{record.summary['diverged']} of 7 seeds broke" in record.sentence
    assert f"loss {format_number(record.summary['final_loss'])}" in record.sentence.split("After 300 steps: ")[1]
    assert record.why in [diagnose(trace).findings[0].why for trace in diverging]


def test_the_mechanism_is_that_of_the_first_seed_with_the_verdict(diverging):
    verdict = summarize_arm(diverging).verdict
    other = next(trace for trace in diverging if diagnose(trace).verdict != verdict)
    typical = [trace for trace in diverging if diagnose(trace).verdict == verdict]
    record = summarize_arm([other, *typical])
    assert len(typical) > 1 and record.verdict == verdict
    assert record.why == diagnose(typical[0]).findings[0].why != diagnose(other).findings[0].why


def test_numbers_of_the_start_are_of_all_seeds_and_those_of_the_end_of_the_ones_that_ended(diverging):
    every = [trace.summary() for trace in diverging]
    ended = [summary for summary in every if not summary["diverged"]]
    found = summarize_arm(diverging).summary
    for name, (among, field) in {
        "layer_factor": (every, "layer_factor"), "final_layer_factor": (ended, "final_layer_factor"),
        "final_loss": (ended, "final_loss"), "final_accuracy": (ended, "final_accuracy"),
        "clipped_share": (every, "clipped_share"), "weight_growth": (ended, "weight_growth"),
    }.items():  # fmt: skip
        assert found[name] == np.median([summary[field] for summary in among]), name
    of_all = [trace.delta_norm[0] for trace in diverging]
    of_ended = [trace.delta_norm[-1] for trace in diverging if trace.diverged_at is None]
    for name, norms in (("first_over_last", of_all), ("final_first_over_last", of_ended)):
        decades = [np.log10(row[0] / row[-2]) for row in norms]
        assert found[name] == pytest.approx(10 ** np.median(decades), rel=1e-12)


def test_bands_of_a_record_are_those_of_its_traces():
    traces = train([SMALL.replace(seed=seed) for seed in range(3)])
    record = summarize_arm(traces)
    for name, of in LAYERS.items():
        np.testing.assert_array_equal(record.layers[name].median, np.median([of(t) for t in traces], axis=0))
    for name, of in CURVES.items():
        np.testing.assert_array_equal(record.curves[name].median, np.median([of(t) for t in traces], axis=0))
    assert record.nbytes > 5 * 6 * 3 * 8


@pytest.mark.parametrize("changes", [{"hidden": ()}, {"steps": 0}, {"hidden": (), "dataset": "sine"},
                                     {"activation": "relu", "init_scale": 1e80}, {"init_scale": 0}])  # fmt: skip
def test_every_kind_of_run_has_a_record_in_words(changes):
    config = SMALL.replace(**changes)
    record = summarize_arm(train([config.replace(seed=seed) for seed in range(2)]))
    assert record.sentence.endswith(".") and "nan" not in record.sentence and record.why


def test_the_norm_of_all_weights_is_that_of_the_layers_together_without_overflow():
    (trace,) = train([SMALL])
    huge = replace(trace, weight_norm=trace.weight_norm * 1e200)
    # 1e-14: a handful of roundings
    integer = 1e200 * np.linalg.norm(trace.weight_norm, axis=1)
    np.testing.assert_allclose(CURVES["weight_norm"](huge), integer, rtol=1e-14)


def test_the_table_has_a_row_an_arm_and_survives_csv():
    records = {"a": summarize_arm(train([SMALL])), 'b,"': summarize_arm(train([SMALL.replace(activation="tanh")]))}
    wide = table(records)
    assert list(wide.index) == ["a", 'b,"']
    assert list(wide) == ["verdict", *TABLE.values()]
    assert wide.loc["a", "final loss"] == records["a"].summary["final_loss"]


def test_a_ratio_is_the_median_of_the_seeds_own_ratios_to_the_last_hidden_layer_and_that_of_the_summary():
    traces = train([RunConfig(hidden=(8,) * 6, activation="relu", init="he_normal", steps=5, seed=s) for s in range(5)])
    record = summarize_arm(traces)
    own = np.array([trace.delta_norm[:, 0] / trace.delta_norm[:, -2] for trace in traces])
    # a power of a logarithm: a dozen roundings
    np.testing.assert_allclose(record.ratios["delta_norm"].median, np.median(own, axis=0), rtol=1e-12)
    assert record.ratios["delta_norm"].median[0] == pytest.approx(record.summary["first_over_last"], rel=1e-12)
    medians = record.layers["delta_norm"].median[0]
    assert record.ratios["delta_norm"].median[0] != pytest.approx(medians[0] / medians[-2], rel=1e-3)


def test_a_verdict_of_a_later_step_names_it():
    late = RunConfig(hidden=(8,) * 6, samples=32, steps=60, activation="relu", init="he_normal", loss="bce",
                     output_activation="sigmoid", optimizer="adam", learning_rate=0.3)  # fmt: skip
    record = summarize_arm(train([late.replace(seed=seed) for seed in (0, 2)]))
    assert (record.verdict, record.verdict_step) == ("dead", 60)
    assert record.sentence.startswith("Dead units after 60 steps on 2 of 2 seeds")
    assert summarize_arm(train([SMALL])).verdict_step == 0


def test_a_summary_weighs_what_its_arrays_do():
    summary = summarize_arm(train([RunConfig(hidden=(3,), samples=8, steps=4, seed=seed) for seed in range(2)]))
    rows, layers = 5, 2
    bands = 5 * 8 * rows * (len(LAYERS) * layers + len(LAYERS) + len(CURVES))  # five quantiles of numbers of 8 bytes
    assert summary.nbytes == bands + summary.step.nbytes + summary.running.nbytes
    assert len(summary.step) == len(summary.running) == rows
