"""Headline, card and picture of a run state one number of one step, of any network, whatever happened to it."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core import RunConfig, diagnose, train
from core.layer_norms import JUDGED, LAYER_NORMS
from core.trace import first_to_last, last_compared
from core.wording import power_of_ten
from tests.support.strategies import quick_runs
from ui.charts.profile import gradient_profile
from ui.text import typeset

TIME = re.compile(r"At initialization|After ([\d,]+) steps?")
# A layer that is silent on every sample stops the gradient, and a card says that none is there to compare.
NO_NUMBER = ("one layer", "no gradient", "not finite")


@st.composite
def deep_runs(draw):
    """A deep run of ordinary numbers, long enough that a verdict may judge one of its later steps."""
    fields = {
        "activation": ["sigmoid", "tanh", "relu", "selu", "linear"],
        "init": ["normal", "he_normal", "glorot_uniform", "orthogonal", "torch_default"],
        "init_scale": [0.3, 1.0, 1.0, 1.5, 3.0],
        "optimizer": ["sgd", "adam"],
        "learning_rate": [1e-3, 0.03, 0.3, 3.0, 30.0],
        "normalization": ["none", "none", "layer", "batch"],
        "batch_size": [None, 8],
        "dropout": [0.0, 0.0, 0.3],
        "weight_decay": [0.0, 0.0, 1.0],
        "record_every": [1, 3],
        "bias_std": [0.0, 0.5],
        "residual": [False, False, True],
    }
    hidden = (draw(st.integers(2, 9)),) * draw(st.integers(8, 14))
    drawn = {name: draw(st.sampled_from(values)) for name, values in fields.items()}
    return RunConfig(hidden=hidden, samples=16, steps=40, seed=draw(st.integers(0, 999)), **drawn)


def first_time(words):
    """The step that a sentence names first; None where it names none."""
    found = TIME.search(words)
    return None if found is None else int((found[1] or "0").replace(",", ""))


def named(figure, name):
    (found,) = [drawn for drawn in figure.data if drawn.name == name]
    return found


@settings(max_examples=80, deadline=None)
@given(quick_runs() | deep_runs())
def test_the_picture_opens_on_the_step_of_the_headline_and_shows_the_number_of_the_cards(config):
    [trace] = train([config])
    diagnosis = diagnose(trace)
    gravest = diagnosis.findings[0]
    chart = gradient_profile(trace, judged=diagnosis.step)
    assert diagnosis.step in trace.step[: trace.rows_recorded]
    row = int(np.searchsorted(trace.step, diagnosis.step))
    norms = LAYER_NORMS[JUDGED].values(trace)[row]

    if TIME.match(gravest.what):
        assert first_time(gravest.what) == diagnosis.step
    shares = re.findall(r"layer 1 gets (\S+?) times", gravest.what)
    factor, share, _ = diagnosis.numbers
    assert (f", step {diagnosis.step:,}" in share.label) == (diagnosis.step > 0)
    assert all(each == share.value for each in shares)
    factors = re.findall(r"multiplies the gradient by about (\S+) on", gravest.what)
    assert all(each == factor.value for each in factors)

    if not np.isfinite(norms).any():
        return
    words = named(chart.figure, "words").text[0].replace("<br>", " ")
    assert words.startswith(f"Step {diagnosis.step:,}: ")
    decades = float(first_to_last(norms[None])[0])
    if np.isfinite(decades) and share.value not in NO_NUMBER and norms[-1] > 0:
        last = int(last_compared(norms[None])[0])
        assert share.value == power_of_ten(decades)
        assert share.label.startswith(f"Layer 1 / layer {last}")
        assert f"layer 1 has {typeset(share.value)} times layer {last}’s delta." in words
        drawn = np.array(named(chart.figure, "this network").y, float)
        np.testing.assert_allclose(np.log10(drawn[0] / drawn[last - 1]), decades, atol=1e-6)
