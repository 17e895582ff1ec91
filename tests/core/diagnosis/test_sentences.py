"""The layer named is the layer meant, and every number in a sentence is the median, mean, ratio or share that it says.

Traces are made of random numbers, so that another row, another layer or another quantity would be another number.
"""

import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import RunConfig, diagnose, train
from core.data.datasets import load
from core.diagnosis.causes import MAX_INPUT_RMS
from core.diagnosis.statistics import TraceStats
from core.families.activations import ACTIVATIONS
from core.wording import format_number, name_layers, part_of, percent, power_of_ten

BASE = RunConfig(activation="tanh", init="glorot_normal", hidden=(4,) * 6, samples=16, steps=60)
SEEDS = st.integers(0, 10**6)
LAYERS = 7
few = settings(max_examples=15)


@cache
def run(config):
    return train([config])[0]


def made(config=BASE, **fields):
    """A trace of this config that learned nothing and has a level gradient, with some arrays replaced."""
    trace = run(config)
    shape = trace.grad_norm.shape
    level = {name: np.ones(shape) for name in ("grad_norm", "delta_norm", "total_grad_norm", "weight_norm")}
    level |= {"update_ratio": np.full(shape, 1e-3), "saturation": np.zeros(shape), "dead": np.zeros(shape)}
    level |= {name: np.full(len(trace.step), 0.25) for name in ("loss", "total_loss")}
    level |= {"accuracy": np.full(len(trace.step), 0.5), "global_grad_norm": np.ones(len(trace.step))}
    return dataclasses.replace(trace, **level | {"clip_scale": np.ones(len(trace.step))} | fields)


def finding(trace, name):
    (found,) = [found for found in diagnose(trace).findings if found.name == name]
    return found


def names(trace):
    return [found.name for found in diagnose(trace).findings]


def rows_by_layers(rng, low, high, rows=61):
    return np.exp(rng.uniform(np.log(low), np.log(high), (rows, LAYERS)))


# -- steps ----------------------------------------------------------------------------------------------------------


@few
@given(SEEDS, st.integers(0, LAYERS - 1), st.integers(0, LAYERS - 1))
def test_the_layer_of_large_steps_has_the_largest_median_of_the_first_tenth(seed, fastest, later):
    rng = np.random.default_rng(seed)
    ratio = rows_by_layers(rng, 1e-3, 5e-3)
    ratio[6:, later] *= 1e4  # not in the first tenth of 61 rows
    ratio[:6, fastest] = rng.uniform(0.2, 3, 6)
    loss = rng.uniform(0.2, 0.3, 61)
    loss[20] = rng.uniform(2, 50)
    what = finding(made(update_ratio=ratio, loss=loss), "large_steps").what
    assert f"layer {fastest + 1} moves by {part_of(np.median(ratio[:6, fastest]))} its weights" in what
    assert f"jumped to {format_number(loss.max() / loss[0])} times its first value" in what


@few
@given(SEEDS, st.integers(0, LAYERS - 1), st.integers(0, LAYERS - 1))
def test_the_layer_of_small_steps_is_the_fastest_of_the_first_tenth(seed, fastest, later):
    rng = np.random.default_rng(seed)
    ratio = rows_by_layers(rng, 1e-9, 1e-8)
    ratio[6:, later] *= 100
    ratio[:6, fastest] = rng.uniform(1e-6, 1e-4, 6)
    what = finding(made(update_ratio=ratio, loss=np.linspace(0.3, 0.25, 61)), "small_steps").what
    assert f"layer {fastest + 1}, the fastest, moves by only {percent(np.median(ratio[:6, fastest]))} of" in what


@few
@given(SEEDS, st.integers(0, LAYERS - 1))
def test_a_run_that_diverged_names_the_layer_that_its_first_step_moved_most(seed, moved):
    config = BASE.replace(dataset="sine", activation="leaky_relu", init_scale=3.0, learning_rate=1e4)
    assert run(config).diverged_at > 0
    ratio = rows_by_layers(np.random.default_rng(seed), 1e-3, 5e-3)
    ratio[0, moved] = 7.0
    ratio[1:, 0] = 1e3
    trace = dataclasses.replace(run(config), update_ratio=ratio)
    assert f"The first step moved layer {moved + 1} by 700 % of its weights." in finding(trace, "diverged").what
    ratio[0, moved] = 0.005  # no large step
    assert "first step" not in finding(dataclasses.replace(trace, update_ratio=ratio), "diverged").what


# -- penalties and clipping -------------------------------------------------------------------------------------------


@few
@given(SEEDS, st.sampled_from([(0.3, 0.0), (0.0, 0.4), (0.3, 0.4)]))
def test_a_penalty_is_weighed_by_the_median_over_all_rows(seed, strengths):
    rng, (l1, l2) = np.random.default_rng(seed), strengths
    norm, gradient = rows_by_layers(rng, 0.5, 2), rows_by_layers(rng, 1e-3, 1e-1)
    trace = made(BASE.replace(l1=l1, l2=l2), weight_norm=norm, grad_norm=gradient)
    count = sum(W.size for W, _ in trace.weights)
    pull = np.hypot(2 * l2 * np.linalg.norm(norm, axis=1), l1 * np.sqrt(count))
    times = np.median(pull / np.linalg.norm(gradient, axis=1))
    left = np.linalg.norm(norm[-1]) / np.linalg.norm(norm[0])
    what = finding(trace, "penalty").what
    assert f"the penalty’s gradient is {format_number(times)} times the data loss’s" in what
    assert f"The weights’ norm ended at {part_of(left)} its first value." in what


@few
@given(SEEDS)
def test_weight_decay_is_weighed_against_the_whole_step(seed):
    rng = np.random.default_rng(seed)
    config = BASE.replace(weight_decay=2.0, learning_rate=0.05)
    norm, ratio = rows_by_layers(rng, 0.5, 2), rows_by_layers(rng, 0.06, 0.18)
    share = np.median(0.1 * np.linalg.norm(norm, axis=1) / np.linalg.norm(ratio * norm, axis=1))
    what = finding(made(config, weight_norm=norm, update_ratio=ratio), "penalty").what
    assert f"weight decay alone is {part_of(share)} the length of the whole step" in what


def test_a_penalty_below_the_data_is_not_mentioned():
    assert "penalty" not in names(made(BASE.replace(l2=1e-3)))  # a norm of sqrt 7 against the gradient's sqrt 7


@few
@given(SEEDS, st.integers(31, 60))
def test_clipping_counts_the_steps_made_and_takes_the_median_of_those_that_it_binds(seed, bound):
    rng = np.random.default_rng(seed)
    scale = np.ones(61)
    scale[rng.permutation(60)[:bound]] = rng.uniform(0.01, 0.9, bound)
    scale[60] = 1e-9  # after the last step nothing is clipped
    config = BASE.replace(clip="global_norm", clip_threshold=0.3, learning_rate=1e-6)
    found = finding(made(config, clip_scale=scale), "clipping")
    assert f"binds in {percent(bound / 60)} of the steps" in found.what
    assert f"leaves {percent(np.median(scale[:60][scale[:60] < 1]))} of the gradient’s norm" in found.what
    (threshold,) = {one.changes["clip_threshold"] for one in found.suggestions}
    assert threshold == float(f"{0.3 / np.quantile(scale[:60], 0.1):.1g}")


def test_clipping_of_half_the_steps_or_fewer_is_a_note():
    config = BASE.replace(clip="global_norm")
    for bound, severity in ((30, "note"), (31, "warning")):
        scale = np.where(np.arange(61) < bound, 0.5, 1.0)
        assert finding(made(config, clip_scale=scale), "clipping").severity == severity


# -- units ------------------------------------------------------------------------------------------------------------


@few
@given(SEEDS)
def test_saturation_is_told_at_the_end_and_at_the_start(seed):
    saturation = np.random.default_rng(seed).uniform(0.05, 0.3, (61, LAYERS))
    saturation[-1] += 0.6
    saturation[:, -1] = 1.0  # the output layer does not count
    what = finding(made(saturation=saturation), "saturated").what
    first, last = saturation[[0, -1], :-1].mean(axis=1)
    assert what.startswith(f"After 60 steps, {percent(last)} of the hidden activations are saturated")
    assert what.endswith(f"At initialization {percent(first)} were.")


@few
@given(SEEDS)
def test_dead_units_are_told_at_the_end_and_at_the_start(seed):
    dead = np.random.default_rng(seed).uniform(0.05, 0.3, (61, LAYERS))
    dead[-1] += 0.6
    dead[:, -1] = 0.0
    what = finding(made(BASE.replace(activation="relu"), dead=dead), "dead").what
    first, last = dead[[0, -1], :-1].mean(axis=1)
    assert what.startswith(f"After 60 steps, {percent(last)} of the hidden units are silent")
    assert what.endswith(f"At initialization {percent(first)} of all hidden units were.")


def test_units_of_several_activations_are_counted_where_they_can_die_or_saturate():
    config = BASE.replace(activation=("relu", "tanh", "sigmoid", "relu", "relu", "elu")[: LAYERS - 1])
    dead, saturation = np.full((61, LAYERS), 0.1), np.full((61, LAYERS), 0.1)
    dead[-1, [0, 3, 4]], saturation[-1, [1, 2]] = 1.0, 0.9
    trace = made(config, dead=dead, saturation=saturation)
    names = list(dict.fromkeys(name for name in config.activations if name not in ("tanh", "sigmoid")))
    can_die = np.isin(config.activations, names)
    found = finding(trace, "dead")
    labels = [ACTIVATIONS[name].label for name in names]
    share = percent(dead[-1, :-1][can_die].mean())
    assert f"{share} of the hidden units of the {' and '.join(labels)} layers are silent" in found.what
    assert f"the {' or '.join(labels)} units’ net input" in found.why
    found = finding(trace, "saturated")
    assert "90 % of the hidden activations of the tanh and sigmoid layers are saturated" in found.what
    assert found.why.startswith("Tanh and sigmoid are flat far from 0, and where they are flat ")


def test_where_no_gradient_passes_the_units_of_the_silent_layer_alone_are_named():
    config = BASE.replace(activation=("relu", "elu", "tanh", "gelu", "relu", "elu")[: LAYERS - 1])
    dead, delta = np.full((61, LAYERS), 0.1), np.ones((61, LAYERS))
    dead[-1, 3], delta[-1, :4] = 1.0, 0.0
    found = finding(made(config, dead=dead, delta_norm=delta, grad_norm=delta), "dead")
    assert found.what.startswith("After 60 steps, all units of layer 4 are silent on every sample: no gradient in ")
    assert "took the GELU units’ net input" in found.why


def test_a_suggested_activation_is_that_of_every_layer_where_they_differed():
    (trace,) = train([RunConfig(activation=("sigmoid", "tanh") * 5, steps=0)])
    labels = [one.label for found in diagnose(trace).findings for one in found.suggestions]
    assert any(label.startswith("ReLU in every layer with He normal init") for label in labels)
    (trace,) = train([RunConfig(steps=0)])
    assert not any("in every layer" in one.label for found in diagnose(trace).findings for one in found.suggestions)


def test_a_vanishing_gradient_names_the_largest_slope_of_every_activation():
    names = ("sigmoid", "tanh") * 5
    (trace,) = train([RunConfig(activation=names, steps=0)])
    why = next(one.why for one in diagnose(trace).findings if one.name == "vanishing")
    assert "φ′ of sigmoid is at most 0.25 and φ′ of tanh is at most 1, and with these weights" in why
    offered = next(one.suggestions for one in diagnose(trace).findings if one.name == "vanishing")
    assert offered and all(isinstance(one.changes.get("activation", ""), str) for one in offered)


@pytest.mark.parametrize("share, words", [(0.0, "hardly any"), (0.004, "hardly any"), (0.02, "2 %")])
def test_hardly_any_means_less_than_half_a_percent(share, words):
    dead = np.full((61, LAYERS), 0.8)
    dead[0] = share
    what = finding(made(BASE.replace(activation="relu"), dead=dead), "dead").what
    assert f"At initialization {words} of all hidden units were." in what


@pytest.mark.parametrize("silent", [[1], [2], [1, 2], [3, 5], [2, 3, 4], [6]])
def test_silent_layers_keep_the_gradient_from_those_below_the_highest_of_them(silent):
    config = BASE.replace(activation="relu", hidden=(4,) * 6)
    dead, delta = np.full((61, LAYERS), 0.1), np.ones((61, LAYERS))
    dead[:, np.array(silent) - 1] = 1.0
    delta[:, : silent[-1]] = 0.0
    what = finding(made(config, dead=dead, delta_norm=delta, grad_norm=delta), "dead").what
    below = {1: "layer 1", 2: "layers 1 and 2"}.get(silent[-1], f"layers 1 to {silent[-1]}")
    assert f"all units of {name_layers(np.array(silent))} are silent on every sample: no gradient in {below}." in what


# -- the flow of the gradient -----------------------------------------------------------------------------------------


@few
@given(SEEDS, st.sampled_from([(1e3, "exploding", 5.0, 2.0), (1e-3, "vanishing", 0.05, 0.3)]))
def test_where_only_the_weights_gradients_tell_the_sentence_is_about_them(seed, case):
    ratio, name, delta_ratio, less = case
    rng = np.random.default_rng(seed)
    gradient = np.tile(rng.uniform(0.5, 2, LAYERS), (61, 1))
    gradient[0, 0] = ratio * gradient[0, 5]
    gradient[0, 6] = 1e9  # the output layer is not compared
    delta = np.ones((61, LAYERS))
    delta[0, 0] = delta_ratio
    what = finding(made(grad_norm=gradient, delta_norm=delta), name).what
    assert f"The gradient of layer 1’s weights is {power_of_ten(np.log10(ratio))} times that of layer 6’s" in what
    for signals in (
        less,
        1 / delta_ratio,
    ):  # where delta hardly goes this way, the weights' ratio is the signal's doing
        delta[0, 0] = signals
        assert name not in names(made(grad_norm=gradient, delta_norm=delta))


def test_a_shallow_network_whose_gradient_grows_later_is_not_exploding_and_a_deep_one_is():
    for depth in (6, 12):
        config = BASE.replace(hidden=(4,) * depth)
        delta = np.ones((61, depth + 1))
        delta[30:, 0] = 100.0
        assert ("exploding" in names(made(config, delta_norm=delta))) == (depth == 12)


def test_layer_and_ratio_are_those_of_the_last_layer_that_has_a_gradient():
    delta = np.tile(np.array([0.001, 1.0, 1.0, 1.0, 0.25, 0.0, 1.0]), (61, 1))  # layer 6 is silent, a skip leads around
    what = finding(made(BASE.replace(residual=True), delta_norm=delta), "vanishing").what
    assert "layer 1 gets 0.004 times" in what and "layer 5" in what


def test_healthy_speaks_of_initialization():
    learned = {"loss": np.geomspace(1, 0.001, 61), "accuracy": np.ones(61)}
    delta = np.ones((61, LAYERS))
    delta[1:, 0] = 1e-9
    assert "level enough" in finding(made(delta_norm=delta, **learned), "healthy").why
    delta[0, 0] = 1e-9
    assert "far from level" in finding(made(delta_norm=delta, **learned), "healthy").why


# -- causes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", ["wine", "breast_cancer"])
def test_the_largest_column_of_unscaled_inputs_is_told(dataset):
    config = BASE.replace(dataset=dataset, scaling="none", steps=0)
    X = load(dataset, 16, config.noise, 0.0, config.seed, "none").X
    largest = np.sqrt((X**2).mean(axis=0)).max()
    assert largest > MAX_INPUT_RMS
    what = finding(run(config), "unscaled_data").what
    assert f"a root mean square of up to {format_number(largest)}" in what


def test_the_size_of_unscaled_targets_is_told():
    config = BASE.replace(dataset="diabetes", scaling="none", steps=0)
    D = load("diabetes", 16, config.noise, 0.0, config.seed, "none").D
    what = finding(run(config), "unscaled_data").what
    assert f"targets have a root mean square of {format_number(np.sqrt((D**2).mean()))}" in what


@pytest.mark.parametrize("size, judged", [(100.0, True), (1.0, False)])
def test_inputs_of_one_s_own_are_measured_by_their_largest_column(size, judged):
    rng = np.random.default_rng(0)
    data = size * rng.uniform(0.8, 1.2, (16, 3)), np.ones((16, 1)) * (np.arange(16) > 0)[:, None]
    (trace,) = train([BASE.replace(dataset="custom", hidden=(4,), activation="linear", init_scale=1e-3)], data=data)
    what = [found.what for found in diagnose(trace).findings if found.name == "unscaled_data"]
    assert bool(what) == judged
    if judged:
        largest = np.sqrt((data[0] ** 2).mean(axis=0)).max()
        assert f"up to {format_number(largest)}, where" in what[0]


@pytest.mark.parametrize("layer", [2, 3, 4])
def test_layers_of_equal_units_and_layers_of_zeros_are_named(layer):
    rng = np.random.default_rng(layer)
    sizes = [2, 6, 5, 4, 3, 1]
    weights = [(rng.standard_normal((a, b)), np.zeros(b)) for a, b in zip(sizes, sizes[1:], strict=False)]
    weights[layer - 1][0][:] = 0.0  # all units of this layer get nothing,
    weights[layer][0][:] = weights[layer][0][:1]  # and pass on alike
    (trace,) = train([BASE.replace(hidden=(6, 5, 4, 3), steps=30)], initial=[weights])
    what = finding(trace, "identical_units").what
    assert what.startswith(f"All units of layer {layer} have equal weights")
    assert f"The weights of layer {layer} are zero at initialization." in what
    assert what.endswith("No gradient comes back through them to layer 1.")
    weights[layer][0][0] += 1.0  # now they pass on differently
    (trace,) = train([BASE.replace(hidden=(6, 5, 4, 3), steps=30)], initial=[weights])
    assert "identical_units" not in names(trace)


@pytest.mark.parametrize("row", [0, 60])
def test_a_dead_output_is_told_with_the_loss_of_its_row(row):
    config = BASE.replace(output_activation="relu", activation="relu")
    dead, delta = np.zeros((61, LAYERS)), np.ones((61, LAYERS))
    dead[row, -1], delta[row] = 1.0, 0.0
    loss = np.linspace(0.3, 0.2, 61)
    what = finding(made(config, dead=dead, delta_norm=delta, loss=loss), "dead_output").what
    assert what.startswith("At initialization" if row == 0 else "After 60 steps")
    assert what.endswith(f"although the loss is {format_number(loss[row])}.")


@pytest.mark.parametrize("zeros, n_lost", [(2, 3), (0, 3), (1, 1), (0, 1)])
def test_layers_whose_gradient_underflows_are_named_and_their_zeros_counted(zeros, n_lost):
    config = BASE.replace(dtype="float32", steps=0)
    norms = np.array([[*np.full(n_lost, 1e-39), *np.geomspace(1e-36, 1, LAYERS - n_lost)]])  # tiny is 1.2e-38
    norms[0, :zeros] = 0.0
    what = finding(made(config, delta_norm=norms, grad_norm=np.ones((1, LAYERS))), "underflow").what
    assert f"the gradient of {name_layers(np.arange(1, n_lost + 1))} is below 1.2e-38" in what
    if n_lost == 1:
        assert what.endswith("it is exactly 0." if zeros else "it is not yet 0.")
    else:
        assert what.endswith(f"in {zeros or 'none'} of them it is exactly 0.")


# -- the loss ---------------------------------------------------------------------------------------------------------


@given(st.floats(0.05, 5), st.floats(0.5, 1.6))
def test_the_loss_stayed_fell_or_rose_by_a_bound_of_one_percent(first, ratio):
    loss = np.linspace(first, first * ratio, 61)
    sentence = diagnose(made(loss=loss)).sentence
    last = format_number(loss[-1])
    if abs(ratio - 1) < 0.0099:
        assert f"The loss stayed near {last}." in sentence
    elif abs(ratio - 1) > 0.0101:
        moved = "fell" if ratio < 1 else "rose"
        assert f"The loss {moved} from {format_number(first)} to {last}." in sentence


@pytest.mark.parametrize("accuracy, is_named", [(0.5, True), (0.54, True), (0.57, False), (0.9, False)])
def test_accuracy_is_told_where_it_is_near_that_of_the_largest_class(accuracy, is_named):
    trace = made(accuracy=np.full(61, accuracy))
    majority = TraceStats(trace).majority
    assert majority == pytest.approx(0.5)
    words = f"Accuracy is {percent(accuracy)}; the share of the largest class is {percent(majority)}."
    assert (words in diagnose(trace).sentence) == is_named


@pytest.mark.parametrize("outputs, guess", [(1, "50 %"), (3, "33 %")])
def test_where_the_samples_are_unknown_guessing_is_among_equal_classes(outputs, guess):
    rng = np.random.default_rng(0)
    D = np.eye(3)[rng.integers(0, 3, 30)] if outputs == 3 else rng.integers(0, 2, (30, 1)).astype(float)
    (trace,) = train([BASE.replace(dataset="custom", hidden=(3,), steps=2)], data=(rng.standard_normal((30, 5)), D))
    trace = dataclasses.replace(trace, accuracy=np.full(3, 0.1), data_summary=None)
    assert f"Accuracy is 10 %; guessing gets {guess}." in diagnose(trace).sentence


@few
@given(SEEDS)
def test_the_numbers_on_top_are_of_the_deltas_at_row_0_and_of_both_ends(seed):
    rng = np.random.default_rng(seed)
    gradient, delta = rows_by_layers(rng, 1e-3, 1), rows_by_layers(rng, 1e-3, 1)
    loss = rng.uniform(0.1, 1, 61)
    factor, ratio, told = diagnose(made(grad_norm=gradient, delta_norm=delta, loss=loss)).numbers
    slope = np.polyfit(np.arange(6), np.log(delta[0, :6]), 1)[0]
    assert factor.value == format_number(np.exp(-slope))
    assert (ratio.label, ratio.value) == ("Layer 1 / layer 6", power_of_ten(np.log10(delta[0, 0] / delta[0, 5])))
    assert told.value == f"{format_number(loss[0])} → {format_number(loss[-1])}"


@few
@given(SEEDS)
def test_a_loss_at_rest_is_told_by_the_medians_of_the_last_two_sixths(seed):
    rng = np.random.default_rng(seed)
    before, after = 0.25 * (1 + rng.uniform(0.002, 0.015)), 0.25
    loss = np.concatenate([np.linspace(0.5, 0.26, 41), np.full(10, before), np.full(10, after)])
    loss[45], loss[55] = 0.9, 0.9  # no median feels them
    size = np.geomspace(1, rng.uniform(1e-3, 0.5), 61)
    found = finding(made(loss=loss, global_grad_norm=size, update_ratio=np.full((61, LAYERS), 0.01)), "stuck")
    assert f"The loss settled at {format_number(after)}: " in found.what
    assert f"its median changed by {percent((before - after) / after)}." in found.what
    assert f"The gradient’s norm ended at {part_of(size[-1])} its first value." in found.what


@pytest.mark.parametrize("early, late, is_stuck", [(1e-2, 1e-6, True), (1e-6, 1e-2, False)])
def test_a_loss_at_rest_is_stuck_where_the_first_tenth_of_the_steps_was_long_enough(early, late, is_stuck):
    ratio = np.full((61, LAYERS), late)
    ratio[:6] = 1e-6
    ratio[5, 3] = early  # one layer in one of the first six rows of 61 is enough
    assert ("stuck" in names(made(update_ratio=ratio))) == is_stuck


@few
@given(SEEDS, st.sampled_from([-1, 1]), st.booleans())
def test_a_loss_that_rises_is_no_more_at_rest_than_one_that_falls(seed, direction, still):
    change = np.random.default_rng(seed).uniform(0.001, 0.018) if still else 0.04
    before, after = 0.25 * (1 - direction * change), 0.25  # by a share of the later median
    loss = np.concatenate([np.linspace(0.5, before, 41), np.full(10, before), np.full(10, after)])
    assert TraceStats(made(loss=loss)).at_rest == still


@pytest.mark.parametrize("hidden, few_units", [((4, 64), True), ((64, 4), True), ((64, 64), False)])
def test_few_units_are_blamed_where_one_layer_has_few(hidden, few_units):
    config = BASE.replace(hidden=hidden)
    ratio = np.full((61, 3), 0.01)
    why = finding(made(config, update_ratio=ratio), "stuck").why
    assert ("few units" in why) == few_units


@pytest.mark.parametrize("batch_size, change, at_rest", [(None, 0.015, True), (None, 0.03, False), (4, 0.03, True)])
def test_with_mini_batches_a_loss_at_rest_may_change_by_twice_as_much(batch_size, change, at_rest):
    loss = np.concatenate([np.full(41, 0.5), np.full(10, 0.25 * (1 + change)), np.full(10, 0.25)])
    assert TraceStats(made(BASE.replace(batch_size=batch_size), loss=loss)).at_rest == at_rest


# -- steps that are judged --------------------------------------------------------------------------------------------


def test_a_finding_on_a_later_step_says_which_and_so_do_the_numbers_on_top():
    dead = np.zeros((61, LAYERS))
    dead[-1, 2] = 1.0
    norms = np.ones((61, LAYERS))
    norms[-1, :3] = 0.0
    trace = made(BASE.replace(activation="relu"), dead=dead, delta_norm=norms)
    diagnosis = diagnose(trace)
    assert (diagnosis.verdict, diagnosis.step, finding(trace, "dead").step) == ("dead", 60, 60)
    assert [metric.label for metric in diagnosis.numbers[:2]] == [
        "Factor per layer, step 60",
        "Layer 1 / layer 6, step 60",
    ]
    assert all("after 60 steps" in metric.help for metric in diagnosis.numbers[:2])


def test_a_finding_at_initialization_judges_step_0():
    norms = np.tile(np.geomspace(1e-6, 1.0, LAYERS), (61, 1))
    diagnosis = diagnose(made(delta_norm=norms))
    assert (diagnosis.verdict, diagnosis.step) == ("vanishing", 0)
    assert diagnosis.numbers[0].label == "Factor per layer"
    assert "at initialization" in diagnosis.numbers[0].help


@pytest.mark.parametrize("record_every", [1, 2])
def test_a_run_that_breaks_names_its_step_and_the_flow_at_the_last_recorded_step_before(record_every):
    config = BASE.replace(activation="leaky_relu", init="he_normal", learning_rate=3.0, dataset="sine")
    [trace] = train([config.replace(record_every=record_every)])
    diagnosis = diagnose(trace)
    row = int(np.flatnonzero(np.isfinite(trace.loss) & np.isfinite(trace.delta_norm).all(axis=1))[-1])
    assert row > 0 and trace.step[row] < trace.diverged_at
    ratio = power_of_ten(np.log10(trace.delta_norm[row, 0] / trace.delta_norm[row, -2]))
    assert (diagnosis.verdict, diagnosis.step) == ("diverged", trace.step[row])
    assert f"broke at step {trace.diverged_at}" in diagnosis.sentence
    flow = f"the last recorded with a finite gradient, layer 1 gets {ratio} times what layer 6 gets."
    assert flow in diagnosis.sentence
    assert diagnosis.numbers[1].value == ratio
    assert diagnosis.numbers[1].label == f"Layer 1 / layer 6, step {trace.step[row]}"
