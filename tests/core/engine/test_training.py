"""Records of a run at every state: against hand work, closed forms, snapshots, and runs that stop a step later."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import ConfigError, RunConfig, snapshot, train
from core.engine.training import checked_data, evaluate
from core.families.activations import ACTIVATIONS
from core.families.clipping import CLIPS
from core.families.losses import LOSSES, OUTPUT_ACTIVATIONS
from core.families.normalization import NORMALIZATIONS
from core.families.optimizers import OPTIMIZERS
from tests.support.strategies import quick_runs


def eps(dtype):
    return float(np.finfo(dtype).eps)


pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")  # what is not finite says so in the trace

LAYER_NORMS = ("grad_norm", "total_grad_norm", "clipped_grad_norm", "delta_norm", "weight_norm")
LOSSES_OF_A_ROW = ("loss", "total_loss", "global_grad_norm")


def one(config, **arguments):
    return train([config], **{name: [value] if name == "initial" else value for name, value in arguments.items()})[0]


def same_weights(one_trace, other):
    for (W, b), (W_other, b_other) in zip(one_trace.weights, other.weights, strict=True):
        np.testing.assert_array_equal(W, W_other)
        np.testing.assert_array_equal(b, b_other)


# -- one step by hand -----------------------------------------------------------------------------------------------


def test_two_layers_and_two_steps_worked_by_hand():
    # one input 2, one linear unit with w = 3, b = 1, one output with w = 0.5, b = -1; target 1; learning rate 0.1
    # forward: y = 7, o = 2.5, E = 2.25; delta_o = 3; grads: W2 21, b2 3; delta_y = 1.5; W1 3, b1 1.5
    data, initial = (np.array([[2.0]]), np.array([[1.0]])), [([[3.0]], [1.0]), ([[0.5]], [-1.0])]
    initial = [(np.array(W), np.array(b)) for W, b in initial]
    config = RunConfig(hidden=(1,), activation="linear", learning_rate=0.1, steps=1, samples=2, l2=0.5)
    trace = one(config.replace(l2=0.0), data=data, initial=initial)
    assert trace.loss[0] == 2.25 and trace.total_loss[0] == 2.25
    np.testing.assert_allclose(trace.grad_norm[0], [3.0, 21.0], rtol=1e-15)
    np.testing.assert_allclose(trace.delta_norm[0], [1.5, 3.0], rtol=1e-15)
    np.testing.assert_allclose(trace.weight_norm[0], [3.0, 0.5], rtol=1e-15)
    np.testing.assert_allclose(trace.update_ratio[0], [0.1, 4.2], rtol=1e-14)
    assert trace.global_grad_norm[0] == pytest.approx(math.sqrt(9 + 2.25 + 441 + 9), rel=1e-15)
    # after it: w1 = 2.7, b1 = 0.85, w2 = -1.6, b2 = -1.3; y = 6.25, o = -11.3, E = 12.3^2
    assert trace.loss[1] == pytest.approx(12.3**2, rel=1e-14)
    for (W, b), (w_wanted, b_wanted) in zip(trace.weights, [(2.7, 0.85), (-1.6, -1.3)], strict=True):
        assert W[0, 0] == pytest.approx(w_wanted, rel=1e-14) and b[0] == pytest.approx(b_wanted, rel=1e-14)
    # with l2 = 0.5: penalty 0.5 (9 + 0.25); gradients 3 + 3 and 21 + 0.5 of the weights, biases as before
    trace = one(config, data=data, initial=initial)
    assert trace.loss[0] == 2.25 and trace.total_loss[0] == pytest.approx(2.25 + 4.625, rel=1e-15)
    np.testing.assert_allclose(trace.grad_norm[0], [3.0, 21.0], rtol=1e-15)
    np.testing.assert_allclose(trace.total_grad_norm[0], [6.0, 21.5], rtol=1e-15)
    assert trace.global_grad_norm[0] == pytest.approx(math.sqrt(36 + 2.25 + 21.5**2 + 9), rel=1e-15)


def test_the_gradient_is_the_mean_over_samples():
    X, D = np.array([[1.0], [3.0]]), np.array([[0.0], [1.0]])
    config = RunConfig(hidden=(), bias=False, steps=0, samples=2)
    trace = one(config, data=(X, D), initial=[(np.array([[2.0]]), None)])
    # outputs 2 and 6: E = (4 + 25) / 2; dE/dw = (2 * 2 * 1 + 2 * 5 * 3) / 2; delta = (2, 5)
    assert trace.loss[0] == 14.5 and trace.grad_norm[0, 0] == 17
    assert trace.delta_norm[0, 0] == pytest.approx(math.sqrt(29), rel=1e-15)


# -- norms far from one ---------------------------------------------------------------------------------------------


def linear_problem(shift, layers, width=3):
    """A deep linear network of weights 2^shift V, and the norms of its gradients, from V scaled exactly.

    Outputs are so small beside the targets that o - d is -d to the last bit, so that G^l = 2^(shift (layers - 1)) times
    what V alone gives.
    """
    rng = np.random.default_rng(3)
    V = [rng.integers(1, 5, (width, width)) * rng.choice([-1.0, 1.0], (width, width)) for _ in range(layers)]
    X, D = rng.integers(-4, 5, (4, width)).astype(float), rng.integers(1, 9, (4, width)).astype(float)
    y = [X]
    for W in V:
        y.append(y[-1] @ W)
    delta, found = -2 * D / len(X), []
    for layer in range(layers - 1, -1, -1):
        found.append(np.linalg.norm(y[layer].T @ delta))
        delta = delta @ V[layer].T
    norms = np.ldexp(found[::-1], shift * (layers - 1))
    return (X, D), [(np.ldexp(W, shift), None) for W in V], norms


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("dtype, shift", [("float64", -133), ("float32", -20)])
def test_gradients_whose_squares_underflow_are_recorded_as_they_are(dtype, shift, clip):
    data, initial, norms = linear_problem(shift, 6)
    assert norms.max() < (1e-190 if dtype == "float64" else 1e-24)
    config = RunConfig(
        hidden=(3,) * 5, activation="linear", bias=False, dtype=dtype, steps=1, learning_rate=1e-3, clip=clip
    )
    trace = one(config, data=data, initial=initial)
    few = 50 * eps(dtype)
    np.testing.assert_allclose(trace.grad_norm[0], norms, rtol=few)
    assert trace.global_grad_norm[0] == pytest.approx(float(np.linalg.norm(norms / norms[0])) * norms[0], rel=few)
    np.testing.assert_allclose(trace.clipped_grad_norm[0], norms, rtol=few)
    assert trace.clip_scale[0] == 1
    np.testing.assert_allclose(trace.update_ratio[0], 1e-3 * norms / trace.weight_norm[0], rtol=few)


@pytest.mark.parametrize("clip", ["global_norm", "per_layer_norm"])
@pytest.mark.parametrize("dtype, shift, threshold", [("float64", -133, 1e-205), ("float32", -20, 1e-28)])
def test_clipping_sees_gradients_whose_squares_underflow(clip, dtype, shift, threshold):
    data, initial, norms = linear_problem(shift, 6)
    config = RunConfig(
        hidden=(3,) * 5, activation="linear", bias=False, dtype=dtype, steps=0, clip=clip, clip_threshold=threshold
    )
    trace = one(config, data=data, initial=initial)
    few = 50 * eps(dtype)
    integer = float(np.linalg.norm(norms / norms[0])) * norms[0]
    wanted = norms * (threshold / integer) if clip == "global_norm" else np.full(6, threshold)
    np.testing.assert_allclose(trace.clipped_grad_norm[0], wanted, rtol=few)
    np.testing.assert_allclose(trace.clip_scale[0], np.linalg.norm(wanted / integer), rtol=few)


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("dtype, shift", [("float64", 530), ("float32", 70)])
def test_gradients_whose_squares_overflow_are_neither_infinite_nor_diverged(dtype, shift, clip):
    # W1 small, W2 large, their product of order 1: the gradient of W1 is large, that of W2 small
    rng = np.random.default_rng(4)
    X, D = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    V1, V2 = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    delta = 2 * (X @ V1 @ V2 - D) / 5
    big, small = np.linalg.norm(X.T @ (delta @ V2.T)), np.linalg.norm((X @ V1).T @ delta)
    wanted = [float(np.ldexp(big, shift)), float(np.ldexp(small, -shift))]
    config = RunConfig(hidden=(4,), activation="linear", bias=False, dtype=dtype, steps=1, clip=clip)
    config = config.replace(learning_rate=1e-30 if dtype == "float32" else 1e-300)
    initial = [(np.ldexp(V1, -shift), None), (np.ldexp(V2, shift), None)]
    trace = one(config, data=(X, D), initial=initial)
    few = 1000 * eps(dtype)  # the product of order 1 cancels against the target
    assert trace.diverged_at is None
    np.testing.assert_allclose(trace.grad_norm[0], wanted, rtol=few)
    assert trace.global_grad_norm[0] == pytest.approx(wanted[0], rel=few)
    assert trace.delta_norm[0, 0] == pytest.approx(float(np.ldexp(np.linalg.norm(delta @ V2.T), shift)), rel=few)
    np.testing.assert_allclose(
        trace.weight_norm[0], np.ldexp([np.linalg.norm(V1), np.linalg.norm(V2)], [-shift, shift]), rtol=few
    )
    if clip in ("global_norm", "per_layer_norm"):
        assert trace.clipped_grad_norm[0, 0] == pytest.approx(1, rel=few)
        assert trace.clip_scale[0] == pytest.approx(1 / wanted[0], rel=few)


def test_a_layer_without_any_gradient_is_recorded_as_zero():
    config = RunConfig(hidden=(3, 3), activation="relu", steps=2, samples=4)
    dead = [(np.ones((2, 3)), np.full(3, -100.0)), (np.ones((3, 3)), np.zeros(3)), (np.ones((3, 1)), np.zeros(1))]
    trace = one(config, initial=dead)
    np.testing.assert_array_equal(trace.grad_norm[:, :2], 0)
    np.testing.assert_array_equal(trace.dead[:, 0], 1)
    assert (trace.clip_scale == 1).all()


def test_no_gradient_at_all_is_not_clipped_and_does_not_divide_by_zero():
    data = np.ones((4, 2)), np.zeros((4, 1))
    for clip in CLIPS:
        trace = one(RunConfig(hidden=(3,), init_scale=0.0, steps=1, samples=4, clip=clip), data=data)
        np.testing.assert_array_equal(trace.grad_norm, 0)
        np.testing.assert_array_equal(trace.clip_scale, 1)


# -- rows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps, every, rows", [(0, 1, [0]), (0, 5, [0]), (5, 2, [0, 2, 4, 5]), (4, 2, [0, 2, 4]), (3, 9, [0, 3])]
)
def test_rows_are_initialization_every_kth_step_and_the_end(steps, every, rows):
    config = RunConfig(hidden=(3, 3), samples=8, steps=steps, record_every=every, optimizer="adam", l1=0.1)
    config = config.replace(clip="value", clip_threshold=0.1)
    trace, full = train([config, config.replace(record_every=1)])
    assert trace.step.tolist() == rows
    assert len(trace.loss) == config.rows == len(rows)
    for name in (*LAYER_NORMS, *LOSSES_OF_A_ROW, "accuracy", "saturation", "dead", "clip_scale"):
        np.testing.assert_array_equal(getattr(trace, name), getattr(full, name)[rows], err_msg=name)
    np.testing.assert_array_equal(trace.update_ratio[:-1], full.update_ratio[rows[:-1]])
    assert np.isnan(trace.update_ratio[-1]).all()
    same_weights(trace, full)


def test_no_steps_leave_the_initial_parameters():
    config = RunConfig(hidden=(4, 3), steps=0, samples=8, init="he_uniform", bias_std=0.2, seed=3)
    trace = one(config)
    longer = one(config.replace(steps=3))
    assert trace.loss[0] == longer.loss[0]
    np.testing.assert_array_equal(trace.grad_norm[0], longer.grad_norm[0])
    snap = snapshot(config)
    for (W, b), (W_kept, b_kept) in zip(trace.weights, snap.weights, strict=True):
        np.testing.assert_array_equal(W, W_kept)
        np.testing.assert_array_equal(b, b_kept)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_step_is_made_out_of_the_last_row(optimizer):
    trace = one(RunConfig(hidden=(3,), samples=8, steps=4, optimizer=optimizer, record_every=3))
    assert np.isfinite(trace.update_ratio[:-1]).all() and np.isnan(trace.update_ratio[-1]).all()


def test_a_shorter_run_is_the_beginning_of_a_longer_one():
    config = RunConfig(hidden=(4, 4), samples=16, batch_size=5, optimizer="adam", steps=12)
    long, short = train([config, config.replace(steps=7)])
    for name in (*LAYER_NORMS, *LOSSES_OF_A_ROW, "accuracy"):
        np.testing.assert_array_equal(getattr(long, name)[:8], getattr(short, name))


STEPPERS = [RunConfig(hidden=(5, 4), samples=12, steps=6, learning_rate=0.05, optimizer=name) for name in OPTIMIZERS]
STEPPERS += [
    STEPPERS[0].replace(weight_decay=0.5),
    STEPPERS[1].replace(max_norm=0.5, weight_decay=0.2, l2=0.1),
    STEPPERS[4].replace(max_norm=0.7, clip="adaptive", clip_threshold=0.05),
    STEPPERS[0].replace(batch_size=5, clip="global_norm", clip_threshold=0.1),
    STEPPERS[2].replace(batch_size=5, activation="relu", normalization="layer", l1=0.05),
    STEPPERS[0].replace(bias=False, clip="value", clip_threshold=0.01),
]


@pytest.mark.parametrize("config", STEPPERS, ids=lambda config: f"{config.optimizer}-{config.clip}")
def test_update_ratio_is_of_the_step_that_was_made(config):
    states = train([config.replace(steps=t) for t in range(config.steps + 1)])
    full = states[-1]
    for t in range(config.steps):
        before, after = states[t].weights, states[t + 1].weights
        for layer, ((W, _), (W_after, _)) in enumerate(zip(before, after, strict=True)):
            size = np.linalg.norm(W)
            assert full.weight_norm[t, layer] == pytest.approx(size, rel=1e-14)
            # the difference of the two cancels: a rounding of W beside a step of 1e-4 of it, at least
            step = np.linalg.norm(W_after - W)
            assert full.update_ratio[t, layer] == pytest.approx(step / size, rel=1e-9)


# -- snapshots --------------------------------------------------------------------------------------------------------


SNAPSHOTS = [
    RunConfig(hidden=(6, 6, 4), samples=14, steps=8, activation="tanh", learning_rate=0.1),
    RunConfig(dataset="xor", samples=14, hidden=(6, 6, 4), steps=8, batch_size=4, normalization="batch",
              activation="gelu", residual=True),
    RunConfig(dataset="iris", samples=30, holdout=0.2, hidden=(5, 5), steps=8, loss="cross_entropy",
              output_activation="softmax", normalization="layer", optimizer="momentum", batch_size=7, bias=False),
    RunConfig(dataset="moons", samples=20, hidden=(), steps=8, loss="bce", output_activation="sigmoid"),
    RunConfig(dataset="sine", samples=15, hidden=(4,), steps=8, dtype="float32", optimizer="adam"),
]  # fmt: skip


@pytest.mark.parametrize("config", SNAPSHOTS, ids=lambda config: config.dataset)
@pytest.mark.parametrize("step", [0, 3, 8])
def test_a_snapshot_is_the_row_of_its_step(config, step):
    trace, snap = one(config), snapshot(config, step)
    few = 50 * eps(config.dtype)
    norm = np.linalg.norm

    def norms(arrays):
        return [norm(array.astype(float)) for array in arrays]

    assert snap.step == step and snap.config is config
    np.testing.assert_allclose(trace.grad_norm[step], norms(snap.weight_gradient), rtol=few)
    np.testing.assert_allclose(trace.delta_norm[step], norms(snap.delta), rtol=few)
    np.testing.assert_allclose(trace.weight_norm[step], norms(W for W, _ in snap.weights), rtol=few)
    biases = [g for g in snap.bias_gradient if g is not None]
    assert (len(biases) > 0) == config.bias
    integer = norm(norms(snap.weight_gradient) + norms(biases))
    assert trace.global_grad_norm[step] == pytest.approx(integer, rel=few)
    # the loss and the gradients once more from what the snapshot holds
    N, o, d = len(snap.inputs), snap.output.astype(float), snap.targets.astype(float)
    assert N == (config.batch_size or config.samples)
    loss = {
        "mse": lambda: ((o - d) ** 2).sum(),
        "bce": lambda: -(d * np.log(o) + (1 - d) * np.log(1 - o)).sum(),
        "cross_entropy": lambda: -(d * np.log(o)).sum(),
    }[config.loss]() / N
    assert trace.loss[step] == pytest.approx(loss, rel=10 * few)
    y = snap.inputs
    for layer, (W, b) in enumerate(snap.weights):
        net = y @ W + (0 if b is None else b)
        np.testing.assert_allclose(snap.net[layer], net, rtol=10 * few, atol=10 * few)
        np.testing.assert_allclose(snap.weight_gradient[layer], y.T @ snap.delta[layer], rtol=10 * few, atol=few)
        if b is not None:
            summed = snap.delta[layer].sum(axis=0)
            np.testing.assert_allclose(snap.bias_gradient[layer], summed, rtol=10 * few, atol=few)
        y = snap.activation[layer]
    np.testing.assert_array_equal(y, snap.output)
    if trace.task != "regression":
        right = (o > 0.5) == (d > 0.5) if o.shape[1] == 1 else o.argmax(axis=1) == d.argmax(axis=1)
        assert trace.accuracy[step] == pytest.approx(right.mean(), rel=1e-15 if config.dtype == "float64" else 1e-7)


@pytest.mark.parametrize("config", SNAPSHOTS, ids=lambda config: config.dataset)
def test_the_last_snapshot_holds_the_final_weights(config):
    snap = snapshot(config, config.steps)
    for (W, b), (W_kept, b_kept) in zip(one(config).weights, snap.weights, strict=True):
        np.testing.assert_array_equal(W, W_kept)
        np.testing.assert_array_equal(b, b_kept)


@pytest.mark.parametrize("step", [-1, 9, 1.5, "3", None, True])
def test_a_snapshot_of_a_step_that_the_run_does_not_have_is_refused(step):
    with pytest.raises(ConfigError, match="step = .*from 0 to steps, here 8"):
        snapshot(SNAPSHOTS[0], step)


def test_arrays_of_a_snapshot_are_its_own():
    snap = snapshot(SNAPSHOTS[0], 2)
    arrays = [*snap.net, *snap.activation, *snap.delta, *snap.weight_gradient, snap.inputs, snap.targets]
    arrays += [W for W, _ in snap.weights]
    before = [array.copy() for array in arrays]
    snapshot(SNAPSHOTS[0], 3)
    for array, was in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, was)


@pytest.mark.parametrize("config", SNAPSHOTS, ids=lambda config: config.dataset)
def test_evaluate_is_the_forward_pass_of_the_trained_network(config):
    full = config.replace(batch_size=None)
    trace, snap = one(full), snapshot(full, full.steps)
    found = evaluate(full, trace.weights, snap.inputs)
    np.testing.assert_allclose(found, snap.output, rtol=10 * eps(config.dtype))
    if config.normalization != "batch":  # a sample's output does not depend on the others
        part = evaluate(full, trace.weights, snap.inputs[:3])
        np.testing.assert_allclose(part, snap.output[:3], rtol=100 * eps(config.dtype))


def test_evaluate_keeps_quiet_about_settings_beyond_its_dtype():
    config = RunConfig(hidden=(3,), steps=0, samples=4, dtype="float32", learning_rate=1e60, weight_decay=1e300)
    assert np.isfinite(evaluate(config, one(config).weights, np.ones((2, 2)))).all()


# -- saturation and dead units ------------------------------------------------------------------------------------


def shares(config, snap):
    """(saturation, dead) by layer from a snapshot: slopes on a grid for the supremum, counts by plain means."""
    saturation, dead = [], []
    for layer, net in enumerate(snap.net):
        hidden = layer < len(snap.net) - 1
        activation = OUTPUT_ACTIVATIONS[(*config.activations, config.output_activation)[layer]]
        if activation is None:
            saturation.append(np.nan)
            dead.append(np.nan)
            continue
        axis = {"none": None, "layer": 1, "batch": 0}[config.normalization] if hidden else None
        if axis is not None:
            net = (net - net.mean(axis=axis, keepdims=True)) / np.sqrt(net.var(axis=axis, keepdims=True) + 1e-5)
        sup = np.abs(activation.slope(np.concatenate([np.linspace(-5, 5, 20_001), [-1e-12, 1e-12]]))).max()
        low = np.abs(activation.slope(net)) < 0.05 * sup
        saturation.append(low.mean())
        dead.append(low.all(axis=0).mean())
    return saturation, dead


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_saturation_and_dead_units_recomputed_from_the_slopes(activation, normalization):
    config = RunConfig(
        hidden=(9, 9, 5), activation=activation, output_activation=activation, normalization=normalization, samples=23,
        init_scale=4.0, bias_std=4.0, steps=0, seed=1,
    )  # fmt: skip
    trace, (saturation, dead) = one(config), shares(config, snapshot(config))
    np.testing.assert_allclose(trace.saturation[0], saturation, rtol=1e-14)
    np.testing.assert_allclose(trace.dead[0], dead, rtol=1e-14)
    if activation not in ("linear", "softplus") and normalization == "none":
        assert 0 < trace.saturation[0, :-1].max()


@pytest.mark.parametrize("samples", [2, 254, 255, 256, 257, 510, 511, 765, 1000])
def test_counts_are_right_beyond_what_a_byte_holds(samples):
    config = RunConfig(hidden=(3, 8), activation="relu", samples=samples, steps=0, output_activation="tanh")
    dead = [(np.ones((2, 3)), np.array([-100.0, 100.0, 0.0])), (np.ones((3, 8)), np.full(8, -1e4))]
    dead.append((np.ones((8, 1)), np.zeros(1)))
    trace, (saturation, silent) = one(config, initial=dead), shares(config, snapshot(config, initial=dead))
    np.testing.assert_allclose(trace.saturation[0], saturation, rtol=1e-14)
    np.testing.assert_allclose(trace.dead[0], silent, rtol=1e-14)
    assert trace.saturation[0, 1] == 1 and trace.dead[0].tolist() == [1 / 3, 1, 0]


def test_a_linear_output_is_never_saturated_and_softmax_has_no_slope_of_its_own():
    for name in ("linear", "softmax"):
        loss = "cross_entropy" if name == "softmax" else "mse"
        trace = one(RunConfig(dataset="iris", loss=loss, output_activation=name, hidden=(4,), steps=2, samples=20))
        last = trace.saturation[:, -1], trace.dead[:, -1]
        assert np.isnan(last).all() if name == "softmax" else not np.any(last)
        assert np.isfinite(trace.saturation[:, :-1]).all()


# -- accuracy -------------------------------------------------------------------------------------------------------


def accuracy_of(outputs, targets, loss="mse", output="linear", dtype="float64"):
    """Accuracy of a network whose net output is `outputs`: no hidden layer, unit weights."""
    width = outputs.shape[1]
    config = RunConfig(hidden=(), bias=False, steps=0, loss=loss, output_activation=output, samples=2, dtype=dtype)
    return one(config, data=(outputs, targets), initial=[(np.eye(width), None)]).accuracy[0]


def column(*values):
    return np.array(values, float)[:, None]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_two_class_accuracy_has_its_threshold_above_one_half(dtype):
    targets = column(0, 0, 1, 1, 1)
    assert accuracy_of(column(0.4, 0.5, 0.6, 0.5, -3), targets, dtype=dtype) == pytest.approx(3 / 5, rel=1e-15)
    # at a sigmoid output that is a positive net input
    found = accuracy_of(column(-1, 0, 1, 0, 1e-3), targets, "bce", "sigmoid", dtype)
    assert found == pytest.approx(4 / 5, rel=1e-15)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_multi_class_accuracy_is_that_of_argmax_whose_first_of_equals_wins(dtype):
    outputs = np.array([[1.0, 2, 3], [5, 5, 1], [5, 5, 1], [0, 0, 0], [0, 0, 0], [-1, -2, -1], [1, 3, 3]])
    classes = [2, 0, 1, 0, 2, 0, 2]
    wanted = np.mean(np.argmax(outputs, axis=1) == classes)  # 4 of 7
    targets = np.eye(3)[classes]
    assert accuracy_of(outputs, targets, dtype=dtype) == pytest.approx(wanted, rel=1e-15)
    found = accuracy_of(outputs, targets, "cross_entropy", "softmax", dtype)
    assert found == pytest.approx(wanted, rel=1e-15)


@settings(max_examples=30)
@given(st.integers(2, 12), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_accuracy_against_numpy_for_any_number_of_classes(classes, samples, seed):
    rng = np.random.default_rng(seed)
    outputs = rng.integers(-3, 4, (samples, classes)).astype(float)  # many ties
    wanted = rng.integers(0, classes, samples)
    found = accuracy_of(outputs, np.eye(classes)[wanted])
    assert found == pytest.approx(np.mean(outputs.argmax(axis=1) == wanted), rel=1e-14)


def test_regression_has_no_accuracy():
    trace = one(RunConfig(dataset="sine", hidden=(3,), steps=1, samples=6, holdout=0.3))
    assert trace.task == "regression"
    assert np.isnan(trace.accuracy).all() and np.isnan(trace.holdout_accuracy).all()
    assert np.isfinite(trace.holdout_loss).all()


@pytest.mark.parametrize("dataset, outputs", [("circles", 1), ("iris", 3)])
def test_a_network_that_outputs_no_number_is_not_right_about_class_zero(dataset, outputs):
    # both units of the second hidden layer are infinite, and their difference is no number
    config = RunConfig(dataset=dataset, hidden=(2, 2), activation="relu", samples=12, holdout=0.25, steps=3)
    first = np.zeros((2 if outputs == 1 else 4, 2)), np.full(2, 1e200)
    second = np.full((2, 2), 1e200), np.zeros(2)
    last = np.tile([[1.0], [-1.0]], (1, outputs)), np.zeros(outputs)
    trace = one(config, initial=[first, second, last])
    assert trace.diverged_at == 0
    for loss, accuracy in ((trace.loss, trace.accuracy), (trace.holdout_loss, trace.holdout_accuracy)):
        assert np.isnan(loss[0]) and np.isnan(accuracy[0])


# -- what is held out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_held_out_samples_never_influence_training(normalization, batch_size):
    rng = np.random.default_rng(6)
    X, D = rng.standard_normal((20, 3)), rng.integers(0, 2, (20, 1)).astype(float)
    config = RunConfig(
        hidden=(5, 5), samples=20, holdout=0.3, steps=6, normalization=normalization, batch_size=batch_size
    )
    trained_on = snapshot(config.replace(batch_size=None), data=(X, D)).inputs
    held = np.array([not (row == trained_on).all(axis=1).any() for row in X])
    assert held.sum() == 6 and len(trained_on) == 14
    trace = one(config, data=(X, D))
    X_other, D_other = X.copy(), D.copy()
    X_other[held] = 1e3 * rng.standard_normal((6, 3))
    D_other[held] = 1 - D_other[held]
    other = one(config, data=(X_other, D_other))
    same_weights(trace, other)
    for name in (*LAYER_NORMS, *LOSSES_OF_A_ROW, "accuracy", "saturation", "dead", "update_ratio"):
        np.testing.assert_array_equal(getattr(trace, name), getattr(other, name), err_msg=name)
    assert not np.array_equal(trace.holdout_loss, other.holdout_loss)
    # and what is recorded of them is what the network says
    outputs = evaluate(config, trace.weights, X[held])
    assert trace.holdout_loss[-1] == pytest.approx(((outputs - D[held]) ** 2).sum() / 6, rel=1e-12)
    assert trace.holdout_accuracy[-1] == pytest.approx(np.mean((outputs > 0.5) == (D[held] > 0.5)), rel=1e-14)


def test_without_a_holdout_its_fields_are_empty():
    trace = one(RunConfig(hidden=(3,), samples=6, steps=1))
    assert np.isnan(trace.holdout_loss).all() and np.isnan(trace.holdout_accuracy).all()


# -- batches --------------------------------------------------------------------------------------------------------


def batches(config, data):
    return [snapshot(config, step, data=data) for step in range(config.steps + 1)]


@pytest.mark.parametrize("samples, size", [(12, 4), (12, 5), (7, 6), (5, 1)])
def test_every_sample_comes_once_in_each_pass_over_the_data(samples, size):
    X = np.arange(samples, dtype=float)[:, None]
    config = RunConfig(hidden=(2,), samples=samples, batch_size=size, steps=3 * samples, learning_rate=1e-6)
    snap = batches(config, (X, 2 * X + 1))
    for batch in snap:
        assert batch.inputs.shape == (size, 1)
        np.testing.assert_array_equal(batch.targets, 2 * batch.inputs + 1)  # rows stay together
    seen = np.concatenate([batch.inputs[:, 0] for batch in snap])
    for start in range(0, len(seen) - samples + 1, samples):
        np.testing.assert_array_equal(np.sort(seen[start : start + samples]), X[:, 0])
    assert not np.array_equal(seen[:samples], seen[samples : 2 * samples])  # shuffled again


def test_the_order_of_batches_depends_on_the_seed_alone():
    X = np.arange(9.0)[:, None]
    config = RunConfig(hidden=(2,), samples=9, batch_size=3, steps=5)
    first = [batch.inputs for batch in batches(config, (X, X))]
    apply_changes = config.replace(activation="relu", optimizer="adam", hidden=(3, 3))
    again = [batch.inputs for batch in batches(apply_changes, (X, X))]
    other = [batch.inputs for batch in batches(config.replace(seed=1), (X, X))]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_batch_of_all_samples_is_the_full_batch():
    config = RunConfig(hidden=(4,), samples=10, steps=5)
    full, batch = train([config, config.replace(batch_size=10)])
    same_weights(full, batch)
    np.testing.assert_array_equal(full.grad_norm, batch.grad_norm)


def test_a_batch_larger_than_the_samples_trained_on_is_refused():
    with pytest.raises(ConfigError, match="batch_size = 10 .*8 training samples"):
        one(RunConfig(hidden=(4,), samples=10, holdout=0.2, batch_size=10, steps=1))
    with pytest.raises(ConfigError, match="batch_size = 100 .*5 training samples"):
        one(RunConfig(hidden=(4,), batch_size=100, steps=1), data=(np.zeros((5, 2)), np.zeros((5, 1))))


# -- divergence ---------------------------------------------------------------------------------------------------


EXPLODING = RunConfig(hidden=(6, 6), activation="linear", init_scale=2.0, learning_rate=0.3, samples=16, steps=40)


def test_a_diverged_run_keeps_what_it_had_and_says_nothing_afterwards():
    trace = one(EXPLODING)
    at = trace.diverged_at
    assert 0 < at < 40
    for name in (*LAYER_NORMS, *LOSSES_OF_A_ROW, "saturation", "dead", "clip_scale", "update_ratio"):
        array = getattr(trace, name)
        assert np.isnan(array[at + 1 :]).all(), name
        assert np.isfinite(array[:at]).all(), name
    assert not (np.isfinite(trace.loss[at]) and np.isfinite(trace.grad_norm[at]).all())
    assert np.isfinite(trace.weight_norm[at]).all()  # what could be computed
    assert np.isnan(trace.update_ratio[at]).all()  # the step out of it was not made
    assert trace.rows_recorded == at + 1 and trace.last_row == at - 1
    before = one(EXPLODING.replace(steps=at))
    assert before.diverged_at == at  # in its last row
    same_weights(trace, before)
    np.testing.assert_array_equal(trace.grad_norm[: at + 1], before.grad_norm)
    assert one(EXPLODING.replace(steps=at - 1)).diverged_at is None


@pytest.mark.parametrize("every", [2, 3, 7, 100])
def test_divergence_between_two_rows_adds_no_row(every):
    full, sparse = one(EXPLODING), one(EXPLODING.replace(record_every=every))
    assert sparse.diverged_at == full.diverged_at
    assert len(sparse.step) == EXPLODING.replace(record_every=every).rows
    recorded = sparse.step <= full.diverged_at
    assert sparse.rows_recorded == recorded.sum()
    for name in (*LAYER_NORMS, *LOSSES_OF_A_ROW):
        np.testing.assert_array_equal(getattr(sparse, name)[recorded], getattr(full, name)[sparse.step[recorded]])
        assert np.isnan(getattr(sparse, name)[~recorded]).all()
    made = sparse.step < full.diverged_at  # each recorded state but a broken one was stepped out of
    np.testing.assert_array_equal(sparse.update_ratio[made], full.update_ratio[sparse.step[made]])
    same_weights(sparse, full)


def test_a_snapshot_after_a_divergence_is_that_of_the_divergence():
    at = one(EXPLODING).diverged_at
    snap = snapshot(EXPLODING, at)
    assert snap.step == at
    for step in (at + 1, at + 2, at + 3, 40):
        after = snapshot(EXPLODING, step)
        assert after.step == at
        np.testing.assert_array_equal(snap.weights[0][0], after.weights[0][0])
        np.testing.assert_array_equal(snap.net[1], after.net[1])
    assert snapshot(EXPLODING, at - 1).step == at - 1


BROKEN = {
    "a penalty that overflows": RunConfig(l2=1.5, learning_rate=2.0, hidden=(4,), samples=8, steps=2000),
    "a penalty that overflows before the loss": RunConfig(
        l2=1.5, learning_rate=2.0, hidden=(4,), output_activation="tanh", samples=8, steps=2000
    ),
    "a penalty's gradient that overflows": RunConfig(l2=1e308, init_scale=10.0, hidden=(4,), samples=8, steps=5),
    "a penalty in float32": RunConfig(l2=1.5, learning_rate=2.0, hidden=(4,), samples=8, steps=500, dtype="float32"),
    "weights that overflow": RunConfig(hidden=(4,), activation="relu", learning_rate=1e300, samples=8, steps=5),
    "float32 initial weights": RunConfig(hidden=(4,), init_scale=1e60, dtype="float32", samples=8, steps=5),
    "float64 initial weights": RunConfig(hidden=(4,), init="fixed_normal", init_scale=1.7e308, samples=8, steps=5),
    "a learning rate beyond float32": RunConfig(hidden=(4,), learning_rate=1e60, dtype="float32", samples=8, steps=5),
    "weights under a saturated output": RunConfig(
        dataset="sine", hidden=(), output_activation="tanh", weight_decay=9.0, learning_rate=1.0, samples=8, steps=400
    ),
    "initial weights under a saturated output": RunConfig(
        dataset="sine", hidden=(), output_activation="tanh", init_scale=1e40, dtype="float32", samples=8, steps=5
    ),
    "decay that grows": RunConfig(
        hidden=(4, 4), weight_decay=9.0, learning_rate=1.0, samples=8, steps=900, output_activation="tanh"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_run_stops_at_the_first_value_that_is_not_finite(name):
    config = BROKEN[name]
    trace = one(config)
    values = np.column_stack([trace.loss, trace.total_loss, trace.global_grad_norm])
    values = np.hstack([values, *(getattr(trace, field) for field in LAYER_NORMS)])
    broken = ~np.isfinite(values).all(axis=1)
    assert broken.any() and trace.diverged_at == np.flatnonzero(broken)[0]


@settings(max_examples=300)
@given(quick_runs())
def test_any_run_is_finite_until_it_says_that_it_diverged(config):
    trace = one(config)
    values = np.column_stack([trace.loss, trace.total_loss, trace.global_grad_norm, trace.clip_scale])
    values = np.hstack([values, *(getattr(trace, name) for name in LAYER_NORMS)])
    finite = np.isfinite(values).all(axis=1)
    if trace.diverged_at is None:
        assert finite.all()
    else:
        assert finite[trace.step < trace.diverged_at].all()  # the row itself may lack no more than a bias
        assert np.isnan(values[trace.step > trace.diverged_at]).all()
    recorded = slice(0, trace.rows_recorded)
    # the sums of squares before and after clipping round differently, by a few units for these small networks
    assert (trace.clip_scale[recorded][finite[recorded]] <= 1 + 16 * eps(config.dtype)).all()
    for share in (trace.saturation, trace.dead):
        assert ((share >= 0) & (share <= 1) | np.isnan(share)).all()
    trace.summary()
    assert len(trace.to_frame()) == config.rows * trace.layers


# -- sizes and arguments --------------------------------------------------------------------------------------------


def test_no_hidden_layer_is_linear_regression():
    rng = np.random.default_rng(7)
    X, true = rng.standard_normal((40, 3)), rng.standard_normal((3, 2))
    trace = one(RunConfig(hidden=(), steps=2000, learning_rate=0.1), data=(X, X @ true + 5))
    np.testing.assert_allclose(trace.weights[0][0], true, atol=1e-10)
    np.testing.assert_allclose(trace.weights[0][1], 5, atol=1e-10)
    assert trace.layers == 1 and trace.grad_norm.shape == (2001, 1)


def test_data_given_override_the_dataset_its_samples_and_its_noise():
    rng = np.random.default_rng(8)
    data = rng.standard_normal((9, 5)), rng.standard_normal((9, 2))
    config = RunConfig(dataset="iris", samples=3, noise=7.0, hidden=(4,), steps=3)
    trace, other = one(config, data=data), one(config.replace(dataset="custom", samples=500, noise=0.0), data=data)
    same_weights(trace, other)
    assert trace.weights[0][0].shape == (5, 4) and trace.weights[1][0].shape == (4, 2)
    assert trace.config is config and trace.task == "regression"
    snap = snapshot(config, data=data)
    np.testing.assert_array_equal(snap.inputs, data[0])  # as they are: not standardized


def test_the_data_given_are_not_changed():
    data = np.ones((4, 2)), np.zeros((4, 1))
    one(RunConfig(hidden=(3,), samples=4, batch_size=2, steps=3), data=data)
    np.testing.assert_array_equal(data[0], 1)
    np.testing.assert_array_equal(data[1], 0)


def test_initial_parameters_given_are_those_of_row_zero_and_are_not_changed():
    rng = np.random.default_rng(9)
    initial = [(rng.standard_normal((m, n)), rng.standard_normal(n)) for m, n in ((2, 3), (3, 1))]
    snap = [(W.copy(), b.copy()) for W, b in initial]
    trace = one(RunConfig(hidden=(3,), steps=4, samples=8), initial=initial)
    np.testing.assert_allclose(trace.weight_norm[0], [np.linalg.norm(W) for W, _ in initial], rtol=1e-14)
    for (W, b), (W_kept, b_kept) in zip(initial, snap, strict=True):
        np.testing.assert_array_equal(W, W_kept)
        np.testing.assert_array_equal(b, b_kept)


def test_final_weights_go_on_where_a_run_ended():
    config = RunConfig(hidden=(3, 3), steps=10, samples=8)
    half = one(config.replace(steps=6))
    rest = one(config.replace(steps=4), initial=half.weights)
    same_weights(one(config), rest)


GOOD = [(np.zeros((2, 3)), np.zeros(3)), (np.zeros((3, 1)), np.zeros(1))]


@pytest.mark.parametrize(
    "initial, words",
    [
        ([GOOD[:1]], "1 layers.*this network has 2 layers"),
        ([[*GOOD, GOOD[1]]], "3 layers.*this network has 2 layers"),
        ([[(np.zeros((3, 2)), np.zeros(3)), GOOD[1]]], r"\(3, 2\).*W of layer 1 has shape \(2, 3\)"),
        ([[GOOD[0], (np.zeros(3), np.zeros(1))]], r"\(3,\).*W of layer 2 has shape \(3, 1\)"),
        ([[(np.zeros((2, 3)), np.zeros(2)), GOOD[1]]], r"\(2,\).*b of layer 1 has shape \(3,\)"),
        ([[(np.zeros((2, 3)), None), GOOD[1]]], r"None.*b of layer 1 has shape \(3,\)"),
        ([[(np.full((2, 3), np.nan), np.zeros(3)), GOOD[1]]], "layer 1.*must be finite"),
        ([[GOOD[0], (np.zeros((3, 1)), np.array([np.inf]))]], "layer 2.*must be finite"),
        ([GOOD, GOOD], "2 entries.*one is needed for each of 1 configs"),
        ([], "0 entries"),
        (GOOD, "2 entries"),
        ([[np.zeros((2, 3)), np.zeros((3, 1))]], r"layer 1 needs a pair"),
        ([3], "a list of"),
        ([GOOD[0] + GOOD[1]], "4 layers"),
    ],
)
def test_initial_parameters_that_do_not_fit_are_refused(initial, words):
    with pytest.raises(ConfigError, match=words) as caught:
        train([RunConfig(hidden=(3,), steps=0, samples=4)], initial=initial)
    assert caught.value.field == "initial"


def test_a_bias_for_a_network_without_is_refused():
    with pytest.raises(ConfigError, match="b of layer 1 has to be None, since bias is False"):
        one(RunConfig(hidden=(3,), steps=0, samples=4, bias=False), initial=GOOD)


@pytest.mark.parametrize(
    "data, words",
    [
        ((np.zeros((3, 2)), np.zeros((4, 1))), "same number of rows"),
        ((np.zeros(3), np.zeros((3, 1))), "two-dimensional"),
        ((np.full((3, 2), np.nan), np.zeros((3, 1))), "finite"),
        (([["a"]], [["b"]]), "real numbers"),
        (np.zeros((3, 3)), "pair"),
        (np.zeros((3, 2)), "pair"),
    ],
)
def test_data_that_are_no_pair_of_rectangles_are_refused(data, words):
    with pytest.raises(ConfigError, match=words) as caught:
        one(RunConfig(hidden=(3,), steps=0, samples=2), data=data)
    assert caught.value.field == "data"


def test_a_loss_that_contradicts_the_targets_is_refused_before_anything_runs():
    with pytest.raises(ConfigError, match="loss = 'bce'"):
        one(RunConfig(dataset="diabetes", loss="bce", output_activation="sigmoid", steps=0))
    with pytest.raises(ConfigError, match="loss = 'cross_entropy'"):
        one(RunConfig(dataset="circles", loss="cross_entropy", output_activation="softmax", steps=0))
    with pytest.raises(ConfigError, match="custom"):
        one(RunConfig(dataset="custom", steps=0))


@pytest.mark.parametrize("configs", [RunConfig(), [RunConfig(), {}], ["circles"], 3, None])
def test_what_is_no_list_of_configs_is_refused(configs):
    with pytest.raises(ConfigError, match="a list of RunConfig"):
        train(configs)


def test_no_configs_give_no_traces():
    assert train([]) == []
    assert train(()) == []


def test_any_iterable_of_configs_will_do_and_order_is_kept():
    configs = [RunConfig(hidden=(k,), steps=1, samples=4) for k in (3, 1, 2, 1)]
    traces = train(config for config in configs)
    assert [trace.config for trace in traces] == configs
    assert all(trace.config is config for trace, config in zip(traces, configs, strict=True))


def test_each_trace_is_told_as_soon_as_it_is_done():
    configs = [RunConfig(hidden=(k,), steps=2, samples=4, seed=k) for k in (3, 1, 3, 2)]
    told = {}
    traces = train(configs, on_trace=lambda index, trace: told.setdefault(index, trace))
    assert sorted(told) == [0, 1, 2, 3]
    assert all(traces[index] is trace for index, trace in told.items())

    class Enough(BaseException):
        pass

    heard = []

    def stop(index, trace):
        heard.append(index)
        raise Enough

    with pytest.raises(Enough):
        train(configs, on_trace=stop)
    assert len(heard) == 1


# -- float32 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_float32_is_float64_to_its_rounding(loss, optimizer):
    output = LOSSES[loss].output_activation or "linear"
    config = RunConfig(
        dataset="iris", samples=30, hidden=(8, 8, 8), activation="tanh", loss=loss, output_activation=output, steps=10,
        optimizer=optimizer, learning_rate=0.01, l2=1e-3, clip="global_norm", clip_threshold=0.5, normalization="layer",
        seed=3,  # of seed 0 one gradient is so near 0 that rmsprop's first steps, near its sign, enlarge the rounding
    )  # fmt: skip
    wide, narrow = train([config, config.replace(dtype="float32")])
    for name in (*LAYER_NORMS, *LOSSES_OF_A_ROW, "clip_scale"):
        found = getattr(narrow, name)
        assert found.dtype == np.float64
        # four layers and ten steps multiply a rounding of 1.2e-7 by a few hundred at most
        np.testing.assert_allclose(found, getattr(wide, name), rtol=5e-5, err_msg=name)
    for (W, b), (W_wide, _) in zip(narrow.weights, wide.weights, strict=True):
        assert W.dtype == b.dtype == np.float32
        np.testing.assert_allclose(W, W_wide, atol=5e-5 * np.abs(W_wide).max())
    assert not np.array_equal(wide.loss, narrow.loss)


def test_both_dtypes_start_from_the_same_draws():
    config = RunConfig(hidden=(8, 8), steps=0, samples=8, bias_std=0.3, init="glorot_uniform")
    wide, narrow = train([config, config.replace(dtype="float32")])
    for (W, b), (W_narrow, b_narrow) in zip(wide.weights, narrow.weights, strict=True):
        np.testing.assert_array_equal(W.astype(np.float32), W_narrow)
        np.testing.assert_array_equal(b.astype(np.float32), b_narrow)


def test_a_run_recorded_more_rarely_than_it_has_steps_keeps_both_ends():
    for every in (4, 5, 2**63):
        (trace,) = train([RunConfig(hidden=(2,), samples=4, steps=4, record_every=every)])
        assert list(trace.step) == [0, 4] and np.isfinite(trace.loss).all()


@pytest.mark.parametrize("samples", [0, 1, 255, 256, 257, 700])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_a_network_answers_any_number_of_inputs_as_one_batch_does(normalization, samples, monkeypatch):
    (trace,) = train([RunConfig(hidden=(5, 7), samples=16, steps=3, normalization=normalization, activation="tanh")])
    X = np.random.default_rng(samples).normal(size=(samples, 2))
    outputs = evaluate(trace.config, trace.weights, X)
    monkeypatch.setattr("core.engine.training.EVALUATED_AT_ONCE", 1_000)
    np.testing.assert_allclose(outputs, evaluate(trace.config, trace.weights, X), rtol=1e-12, atol=1e-14)
    assert outputs.shape == (samples, 1) and (len(np.unique(outputs)) == samples)


@pytest.mark.parametrize("holdout", [0.0, 0.25, 0.5])
def test_the_limits_are_asked_for_all_rows_of_given_data_held_out_ones_too(holdout, monkeypatch):
    asked = []
    monkeypatch.setattr("core.engine.training.check_cost", lambda config, *sizes: asked.append(sizes))
    X, D = np.linspace(-1, 1, 36).reshape(12, 3), np.linspace(-1, 1, 24).reshape(12, 2)
    checked_data(RunConfig(dataset="custom", hidden=(2,), steps=1, holdout=holdout), (X, D))
    assert asked == [(3, 2, 12)]
