"""The predicted gradient norms against networks of the engine, and what the prediction does and does not depend on."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import RunConfig, snapshot, train
from core.data.datasets import DATASETS, make_split
from core.engine.training import checked_data
from core.families.activations import ACTIVATIONS
from core.families.initializers import INITS
from core.families.losses import LOSSES
from core.theory import gradient_norms, predict, prediction
from core.theory import prediction as prediction_module
from core.theory.grams import propagate
from core.theory.prediction import (
    BAND_DEVIATIONS,
    MAX_LOST,
    MAX_WIDTH,
    _larger_batch,
    _mean_growth,
    layer_gains,
    narrowed,
    predictions,
)

TANH = RunConfig(activation="tanh")
RELU = RunConfig(activation="relu", init="he_normal", hidden=(32,) * 30)
# In the ordered phase all samples look alike to a deep layer: what is left of their differences is rounding.
ORDERED = {
    "sigmoid, 24 layers": RunConfig(hidden=(32,) * 24, init="glorot_normal"),
    "sigmoid, 100 layers": RunConfig(hidden=(16,) * 100, init="glorot_normal", samples=32),
    "softplus, 40 layers": RunConfig(hidden=(24,) * 40, activation="softplus", init="glorot_normal", samples=32),
    "gelu, 35 layers": RunConfig(hidden=(80,) * 35, activation="gelu", init="glorot_uniform", init_scale=0.67),
}
XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])

# config, and by what factor a median may be off: ReLU and GELU, with rare but large draws, by 2
DRAWN = {
    "sigmoid": (RunConfig(), 1.3),
    "tanh ordered": (TANH.replace(init_scale=1.0, bias_std=math.sqrt(0.05)), 1.3),
    "tanh chaotic": (TANH.replace(init_scale=2.0, bias_std=0.22), 1.3),
    "tanh Glorot": (TANH.replace(init="glorot_normal"), 1.3),
    "tanh orthogonal": (TANH.replace(init="orthogonal"), 1.3),
    "tanh, varying widths": (TANH.replace(hidden=(64, 16, 48, 24, 96, 12), init="glorot_normal"), 1.3),
    "tanh orthogonal, varying widths": (TANH.replace(hidden=(64, 16, 48, 24, 96, 12), init="orthogonal"), 1.3),
    "selu": (RunConfig(activation="selu", init="lecun_normal"), 1.3),
    "sigmoid, bce": (RunConfig(dataset="moons", loss="bce", output_activation="sigmoid", hidden=(24,) * 6), 1.3),
    "elu, spirals": (RunConfig(activation="elu", init="he_uniform", dataset="spirals"), 1.3),
    "softplus": (RunConfig(activation="softplus", init="glorot_normal"), 1.3),
    "tanh, narrow": (TANH.replace(hidden=(5, 2, 7), init="glorot_normal"), 1.3),
    "tanh, wide": (TANH.replace(hidden=(200,) * 5, init_scale=1.3), 1.3),
    "linear": (RunConfig(activation="linear", hidden=(20,) * 10), 1.3),
    "leaky relu, sine": (RunConfig(activation="leaky_relu", init="he_normal", hidden=(16,) * 8, dataset="sine"), 2.0),
    "relu orthogonal": (RunConfig(activation="relu", init="orthogonal", init_scale=math.sqrt(2)), 2.0),
    "relu, cross entropy, mini-batches": (
        RunConfig(activation="relu", init="he_normal", dataset="blobs", loss="cross_entropy",
                  output_activation="softmax", samples=512, batch_size=64), 2.0),
    "silu, cross entropy": (
        RunConfig(activation="silu", init="he_normal", dataset="iris", loss="cross_entropy",
                  output_activation="softmax", samples=100), 2.0),
    "gelu, gaussian": (RunConfig(activation="gelu", init="he_normal", dataset="gaussian"), 2.0),
    "relu": (RELU, 2.0),
    "gelu": (RunConfig(activation="gelu", init="he_normal"), 2.0),
}  # fmt: skip


def measured(config, networks):
    """Norms of row 0, (networks, layers), grad_norm and delta_norm: the same data, other weights."""
    found = checked_data(config, None)
    runs = [config.replace(steps=0, seed=seed, dataset="custom") for seed in range(networks)]
    traces = train(runs, data=(found.X, found.D))
    return tuple(np.array([getattr(trace, kind)[0] for trace in traces]) for kind in ("grad_norm", "delta_norm"))


def check(config, factor, networks):
    for band, norms in zip(predictions(config), measured(config, networks), strict=True):
        covered = ((norms >= band.low) & (norms <= band.high)).mean(axis=0)
        # 85 % in the band, less what a share of so many networks may be off by: 2 standard errors
        assert (covered >= 0.85 - (2 * math.sqrt(0.85 * 0.15 / networks) if networks < 1000 else 0)).all(), covered
        # the median of a sample has a standard error of 1.25 deviations of the logarithm over sqrt(networks)
        off = np.abs(np.log(band.median / np.median(norms, axis=0)))
        error = 1.25 * np.log(norms).std(axis=0) / math.sqrt(networks)
        assert (off <= math.log(factor) + (2 * error if networks < 1000 else 0)).all(), np.exp(off)


@pytest.mark.parametrize("name", ["tanh, varying widths", "relu"])
def test_most_networks_lie_in_the_band_and_around_the_median(name):
    check(*DRAWN[name], networks=100)


@pytest.mark.parametrize("name", ORDERED)
def test_deep_in_the_ordered_phase_the_band_is_as_wide_as_networks_scatter(name):
    norms, _ = measured(ORDERED[name], 100)
    found, logs = predict(ORDERED[name]), np.log(norms)
    # the deviation of 100 logarithms has an error of 7 %, that of the 128 or more drawn for the band of 6 %
    width = np.log(found.high / found.low) / (2 * BAND_DEVIATIONS * logs.std(axis=0))
    assert ((width > 0.7) & (width < 1.4)).all(), width
    assert (((norms >= found.low) & (norms <= found.high)).mean(axis=0) >= 0.88).all()
    off = np.abs(np.log(found.median) - np.median(logs, axis=0)) / logs.std(axis=0)
    assert (off < 4 * 1.25 * math.hypot(0.1, 1 / 8)).all(), off  # 4 standard errors of both medians


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWN)
def test_of_1000_networks_at_least_85_in_100_lie_in_the_band_at_every_layer(name):
    check(*DRAWN[name], networks=1000)


@pytest.mark.slow
@pytest.mark.parametrize("init", INITS)
def test_the_band_holds_for_every_init(init):
    check(RunConfig(activation="tanh", init=init, init_scale=0.3 if init == "fixed_normal" else 1.2,
                    bias_std=0.1, hidden=(48, 24, 24, 40)), 1.3, networks=1000)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "custom"])
def test_the_band_holds_for_every_dataset(dataset):
    check(RunConfig(activation="tanh", init_scale=1.3, hidden=(32,) * 4, dataset=dataset, samples=100), 1.3, 1000)


def test_a_wide_network_has_the_mean_of_the_gram_recursions():
    config = TANH.replace(hidden=(2000,) * 3, init_scale=1.2, bias_std=0.3, samples=6, dataset="gaussian")
    found, prediction = checked_data(config, None), predict(config)
    widths = (found.X.shape[1], *config.hidden, found.D.shape[1])
    # a linear output o ~ N(0, K): the mean of its errors' products is 4 (K outputs + D D^T)
    K = propagate(ACTIVATIONS["tanh"], [1.44] * 4, 0.3, found.X).K[-1]
    expected = gradient_norms("tanh", 1.2, 0.3, widths, found.X, 4 * (widths[-1] * K + found.D @ found.D.T))
    # 256 draws of errors of 6 samples: the mean square has an error of some 7 %, its root of half of that
    np.testing.assert_allclose(prediction.mean, np.sqrt(expected), rtol=0.15)
    assert prediction.method == "narrower networks" and predict(SMALL).method == "networks"


@given(st.lists(st.integers(1, 4096), max_size=6), st.integers(1, 99), st.integers(1, 9))
def test_narrowed_networks_keep_their_ends_and_proportions(hidden, inputs, outputs):
    widths = (inputs, *hidden, outputs)
    drawn = narrowed(widths)
    assert (drawn[0], drawn[-1], len(drawn)) == (inputs, outputs, len(widths))
    scale = min(1, MAX_WIDTH / max(hidden, default=1))
    assert all(1 <= n <= MAX_WIDTH and abs(n - m * scale) <= 1 for m, n in zip(hidden, drawn[1:-1], strict=True))


def test_without_hidden_layers_the_norm_is_that_of_a_linear_fit():
    config = RunConfig(hidden=(), dataset="gaussian", samples=16, init_scale=0.7, bias_std=0.2)
    norms, _ = measured(config, 2000)
    found = predict(config)
    # both medians and quantiles are of some hundred draws or more: 4 standard errors of the predicted one, 400 draws
    error = 1.25 * np.log(norms).std() / math.sqrt(400)
    assert abs(math.log(found.median[0] / np.median(norms))) < 4 * error
    assert found.mean.shape == (1,) and found.low < found.median < found.high
    assert ((norms >= found.low) & (norms <= found.high)).mean() == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize("init", INITS)
def test_the_gain_of_a_layer_is_its_fan_in_times_the_variance_of_its_weights(init):
    config = RunConfig(init=init, init_scale=0.8, hidden=(60, 20, 90), dataset="blobs", steps=0, samples=20)
    kept = snapshot(config, data=(np.ones((2, 20)), np.ones((2, 30))))
    gains = layer_gains(config, (20, 60, 20, 90, 30))
    for (W, _), gain in zip(kept.weights, gains, strict=True):
        # the sample variance of at least 1,200 weights: relative error sqrt(2 / 1200) at most; 4 of them
        assert W.shape[0] * W.var() == pytest.approx(gain, rel=0.17)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_parts_of_a_prediction_have_one_value_a_layer_and_are_in_order(activation):
    found = predict(RunConfig(activation=activation, init="he_normal", hidden=(12, 30, 8), samples=20))
    assert found.reason == ""
    for part in (found.mean, found.median, found.low, found.high):
        assert part.shape == (4,) and part.dtype == np.float64 and np.isfinite(part).all()
    assert (0 < found.low).all() and (found.low < found.median).all() and (found.median < found.high).all()
    assert (found.mean < found.high).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_has_a_prediction(loss):
    dataset = "iris" if loss == "cross_entropy" else "moons"
    config = RunConfig(loss=loss, output_activation=LOSSES[loss].output_activation or "sigmoid", dataset=dataset,
                       activation="tanh", samples=40, hidden=(20,) * 3)  # fmt: skip
    check(config, 1.3, networks=150)


def same(a, b):
    for part in ("mean", "median", "low", "high"):
        np.testing.assert_array_equal(getattr(a, part), getattr(b, part))
    return a.reason == b.reason


SMALL = TANH.replace(hidden=(12, 8), samples=24)


def test_a_prediction_is_the_same_every_time_and_for_every_seed_of_the_weights():
    data = np.random.default_rng(1).standard_normal((2, 24, 3))
    assert same(predict(SMALL), predict(SMALL))
    assert same(predict(SMALL.replace(seed=1), tuple(data)), predict(SMALL.replace(seed=2), tuple(data)))


@pytest.mark.parametrize("fields", [
    {"learning_rate": 1.0}, {"optimizer": "adam"}, {"steps": 0}, {"clip": "value"}, {"l2": 0.1}, {"weight_decay": 0.1},
    {"max_norm": 1.0}, {"record_every": 7}, {"dtype": "float32"}, {"momentum": 0.5}, {"batch_size": 24},
], ids=str)  # fmt: skip
def test_what_changes_nothing_in_row_0_changes_nothing_here(fields):
    assert same(predict(SMALL), predict(SMALL.replace(**fields)))


def test_a_network_without_biases_has_none_to_scatter():
    assert same(predict(SMALL.replace(bias=False, bias_std=3.0)), predict(SMALL))


def test_data_replace_the_dataset():
    data = np.random.default_rng(1).standard_normal((2, 24, 3))
    wide = predict(SMALL, (data[0], data[1]))
    assert wide.mean.shape == (3,)
    assert (predict(SMALL, (data[0], 100 * data[1])).median > 50 * wide.median).all()  # as the errors are larger


def test_samples_held_out_are_left_out():
    config = TANH.replace(hidden=(20, 20), samples=40, holdout=0.5)
    found = checked_data(config, None)
    assert len(found.X) == 20
    assert same(predict(config), predict(config.replace(holdout=0.0), (found.X, found.D)))


@pytest.mark.parametrize("batch_size", [1, 2, 20])
def test_a_smaller_batch_has_larger_gradients_that_scatter_as_batches_do(batch_size):
    config = TANH.replace(hidden=(20, 20), init_scale=2.0, bias_std=0.5, samples=64, dataset="gaussian")
    small = config.replace(batch_size=batch_size)
    assert (predict(small).median > predict(config).median).all()
    check(small, 1.3, networks=150)


@pytest.mark.parametrize("dataset, samples", [("spirals", 300), ("gaussian", 1000), ("sine", 3000)])
def test_many_samples_are_represented_by_some(dataset, samples):
    check(TANH.replace(hidden=(20, 20), samples=samples, dataset=dataset), 1.3, networks=100)


@pytest.mark.parametrize("fields", [
    {"residual": True}, {"normalization": "layer"}, {"normalization": "batch"},
    {"residual": True, "normalization": "layer"}, {"residual": True, "normalization": "batch", "batch_size": 16},
], ids=str)  # fmt: skip
def test_residual_and_normalized_networks_have_a_band_too(fields):
    check(RunConfig(activation="relu", init="he_normal", hidden=(16,) * 6, samples=64, **fields), 1.3, networks=150)


@pytest.mark.parametrize("names", [("relu", "tanh", "sigmoid") * 2, ("tanh",) * 3 + ("relu",) * 3], ids=str)
def test_networks_whose_layers_have_activations_of_their_own_have_a_band_too(names):
    check(RunConfig(activation=names, init_scale=1.3, hidden=(16,) * 6, samples=64), 1.3, networks=150)


@pytest.mark.parametrize("hidden", [(), (12,), (12, 8, 12)])
def test_where_residual_changes_nothing_there_is_the_same_theory(hidden):
    plain = SMALL.replace(hidden=hidden)
    assert predict(plain).reason == "" and same(predict(plain), predict(plain.replace(residual=True)))


@pytest.mark.parametrize("fields", [
    {"activation": "relu", "init_scale": 1e70}, {"activation": "linear", "init_scale": 1e30, "hidden": (4,) * 9},
    {"activation": "softplus", "init_scale": 1e80}, {"activation": "relu", "init_scale": 1e200},
    {"activation": "relu", "init_scale": 1e-60, "hidden": (4,) * 9},
], ids=str)  # fmt: skip
def test_what_leaves_the_range_of_float64_gives_a_reason_and_no_number(fields):
    found = predict(RunConfig(**{"hidden": (8, 8)} | fields))
    assert "range" in found.reason and np.isnan([found.mean, found.median, found.low, found.high]).all()


EXTREME = {
    "targets of 1e45": ({"activation": "tanh"}, (1.0, 1e45)),
    "inputs and targets of 1e10": ({"activation": "linear"}, (1e10, 1e10)),
    "inputs of 1e-45": ({"activation": "sigmoid"}, (1e-45, 1.0)),
    "inputs of 1e-30, normalized": ({"activation": "tanh", "normalization": "layer"}, (1e-30, 1.0)),
    "weights of 1e40": ({"activation": "leaky_relu", "init_scale": 1e40}, (1.0, 1.0)),
    "weights of 1e-60": ({"activation": "linear", "init_scale": 1e-60}, (1.0, 0.0)),
    "biases of 1e30": ({"activation": "leaky_relu", "bias_std": 1e30}, (1.0, 1.0)),
    "targets of 0": ({"activation": "linear", "init_scale": 1e-6, "hidden": (8,) * 12}, (1.0, 0.0)),
}


@pytest.mark.parametrize("name", EXTREME)
def test_what_stays_in_the_range_of_float64_is_predicted_though_its_squares_do_not(name):
    fields, (x, d) = EXTREME[name]
    rng = np.random.default_rng(0)
    data = x * rng.standard_normal((24, 3)), d * rng.standard_normal((24, 1))
    config = RunConfig(**{"hidden": (8, 8), "dataset": "custom", "steps": 0} | fields)
    with np.errstate(all="ignore"):
        logs = np.log([trace.grad_norm[0] for trace in train([config.replace(seed=s) for s in range(60)], data=data)])
    found = predict(config, data)
    assert found.reason == "" and np.isfinite(logs).all()
    off = np.abs(np.log(found.median) - np.median(logs, axis=0)) / logs.std(axis=0)
    assert (off < 4 * 1.25 / math.sqrt(60)).all(), off  # 4 standard errors of the median of 60


def test_a_norm_of_500_layers_is_kept_where_float64_holds_it():
    # sigmoid at sigma_w = 2: some 0.46 a layer, so that the square would be 1e-330 and the norm is 1e-165
    config = RunConfig(hidden=(16,) * 490, init_scale=2.0)
    found = predict(config)
    assert 0 < found.low[0] < found.median[0] < 1e-120 < 1e-9 < found.median[-1]
    norms = train([config.replace(steps=0, seed=seed) for seed in range(5)])
    logs = np.log10([trace.grad_norm[0, 0] for trace in norms])
    assert (np.abs(logs - math.log10(found.median[0])) < 4 * math.log10(found.high[0] / found.low[0]) / 4).all()


@pytest.mark.parametrize("fields", [{}, {"activation": "sigmoid"}, {"activation": "relu"}, {"init": "orthogonal"}])
def test_an_input_of_zeros_passes_nothing_on(fields):
    config = TANH.replace(hidden=(32, 32, 32), **fields)
    traces = train([config.replace(steps=0, seed=seed) for seed in range(200)], data=XOR)
    found, norms = predict(config, XOR), np.array([trace.grad_norm[0] for trace in traces])
    assert found.reason == ""
    assert (((norms >= found.low) & (norms <= found.high)).mean(axis=0) >= 0.85 - 0.05).all()  # 2 standard errors
    nothing = predict(config, (0 * XOR[0], XOR[1]))
    assert nothing.reason == "" and nothing.high[0] == 0  # no input, no gradient of the first weights


def test_networks_that_may_be_dead_have_zero_in_their_band():
    config = RunConfig(activation="relu", init="he_normal", hidden=(3,) * 6)
    norms, _ = measured(config, 300)
    found = predict(config)
    assert (norms[:, 0] == 0).mean() > 0.025  # so many of them are
    assert found.reason == "" and found.low[0] == 0 < found.high[0]


def test_weights_of_zero_give_gradients_of_zero():
    found = predict(TANH.replace(init_scale=0.0))
    assert found.reason == "" and not found.high.any()


@given(st.floats(0, 10), st.floats(1e-3, 10), st.integers(8, 500), st.integers(501, 10**6))
def test_from_half_of_some_samples_follows_the_norm_with_all(shared, own, some, every):
    def square(samples):  # samples that a network tells apart add up like independent errors
        return shared + own / samples

    growth = math.log(square(some / 2) / square(some))
    (change,) = _larger_batch(np.array([growth]), 2.0, some / every)
    assert change == pytest.approx(math.log(square(every) / square(some)), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("samples", [60, 256, 1000])
def test_from_samples_that_stand_for_all_follows_the_norm_with_the_whole_batch(samples):
    def log_squares(sample, start, stop, projections=None):
        """Networks that tell samples apart, whose squared norms are linear in the sum of squared weights."""
        if projections is not None:
            projections[:] = 0
        squares = shared + own * sample.concentration, above + shared * sample.concentration
        return np.log(squares)[:, None, None] + scatter[:, start:stop]

    rng = np.random.default_rng(samples)
    shared, own, above = rng.uniform([0.01, 1, 2], [0.02, 2, 9])
    scatter = rng.standard_normal((2, prediction.MAX_NETWORKS, 3))
    arrays = rng.standard_normal((samples, 2)), rng.standard_normal((samples, 1))
    found = make_split(*arrays, arrays[0][:0], arrays[1][:0], task="regression")
    widths = 2, 4000, 4000, 1  # where the least number of networks is affordable
    sampler = SimpleNamespace(widths=widths, deviations=[1.0] * 3, log_squares=log_squares)
    logs = prediction._log_squares(sampler, sampler, found, None)
    every = prediction._evenly(found, prediction.MAX_SAMPLES, samples).concentration
    expected = np.log([shared + own / samples, above + shared * every])[:, None, None] + scatter[:, : logs.shape[1]]
    np.testing.assert_allclose(logs, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_out", [1, 2])
def test_a_few_networks_beyond_the_range_are_left_out_and_more_are_a_reason(n_out, monkeypatch):
    def log_squares(*arguments):  # of 60 networks, 1 or 2 beyond the range of float64
        logs = np.random.default_rng(0).standard_normal((2, 60, 3))
        logs[:, :n_out, 1] = np.nan
        return logs

    monkeypatch.setattr(prediction_module, "_log_squares", log_squares)
    found = predict(SMALL)
    assert np.isfinite([found.mean, found.median, found.low, found.high]).all() == (n_out / 60 <= MAX_LOST)
    assert ("range" in found.reason) == (n_out / 60 > MAX_LOST)


def test_networks_without_a_gradient_have_no_part_in_the_growth_with_fewer_samples():
    dead = -math.inf
    fewer, more = np.array([[[2.0, dead, dead], [4.0, 1.0, dead]], [[1.0, dead, dead], [1.0, 0.5, 0.0]]])
    np.testing.assert_array_equal(_mean_growth(fewer, more), [2.0, 0.5, 0.0])
