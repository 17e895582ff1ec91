"""Words on the loss: which way it went, and what it is held against."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, train
from core.diagnosis.report import describe_loss, describe_window, headline_numbers
from core.diagnosis.statistics import TraceStats
from core.wording import format_number, percent


def stats(**changes):
    """A run of so many numbers as the words need; a regression without noise by default."""
    config = SimpleNamespace(steps=changes.pop("steps", 10), batch_size=changes.pop("batch_size", None))
    trace = SimpleNamespace(config=config, diverged_at=changes.pop("diverged_at", None))
    numbers = {"first_loss": 1.0, "last_loss": 0.5, "is_noisy": False, "last_accuracy": math.nan, "majority": math.nan}
    return SimpleNamespace(trace=trace, config=config, **(numbers | {"constant": None, "window": 1} | changes))


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_a_loss_that_did_not_stay_fell_or_rose_from_its_first_to_its_last_value(first, last):
    words = describe_loss(stats(first_loss=first, last_loss=last))
    if abs(last - first) <= 0.01 * first:
        assert words == f"The loss stayed near {format_number(last)}."
    else:
        moved = "fell" if last < first else "rose"
        assert words == f"The loss {moved} from {format_number(first)} to {format_number(last)}."


@given(st.floats(0.01, 10), st.floats(0.01, 10))
def test_a_regression_is_held_against_the_constant_answer_above_half_of_its_loss(last, constant):
    words = describe_loss(stats(last_loss=last, constant=SimpleNamespace(loss=constant)))
    said = f" The best constant answer has {format_number(constant)}."
    assert words.endswith(said) == (last > 0.5 * constant)
    assert "constant" not in describe_loss(stats(last_loss=last))


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_an_accuracy_is_held_against_a_guess_where_it_is_no_better(accuracy, majority, known):
    constant = SimpleNamespace(loss=0.0) if known else None
    words = describe_loss(stats(last_accuracy=accuracy, majority=majority, constant=constant))
    share = "the share of the largest class is" if known else "guessing gets"
    said = f" Accuracy is {percent(accuracy)}; {share} {percent(majority)}."
    assert words.endswith(said) == (accuracy <= majority + 0.05)


@pytest.mark.parametrize("changes", [{"steps": 0}, {"diverged_at": 3}])
def test_of_a_run_without_an_end_nothing_is_said(changes):
    assert describe_loss(stats(**changes)) == ""


@pytest.mark.parametrize(
    "batch_size, window, words", [(None, 1, "recorded step"), (8, 1, "recorded batch"),
                                                       (None, 3, "3 recorded steps"), (8, 5, "5 recorded batches")],
)  # fmt: skip
def test_rows_of_a_median_are_steps_or_batches(batch_size, window, words):
    noisy = stats(batch_size=batch_size, window=window, is_noisy=True)
    assert describe_window(noisy) == words
    assert f", medians over the first and the last {words}." in describe_loss(noisy)


@pytest.mark.parametrize("activation, scale, words", [("relu", 0.0, "no gradient"), ("tanh", 0.0, "0")])
def test_a_layer_1_without_a_gradient_has_no_factor_where_all_units_are_silent_and_else_the_factor_0(
    activation, scale, words
):
    config = RunConfig(activation=activation, hidden=(4, 4), samples=8, steps=0, init_scale=scale)
    trace = train([config])[0]
    assert trace.delta_norm[0, 0] == 0 < trace.delta_norm[0, -1]
    factor, ratio, _ = headline_numbers(TraceStats(trace), 0)
    assert factor.value == ratio.value == words
