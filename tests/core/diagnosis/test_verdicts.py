"""Each verdict on three families of networks or more, over seeds that the rules were not made with."""

import dataclasses
from functools import cache

import numpy as np
import pytest

from core import RunConfig, diagnose, train
from core.diagnosis.causes import degenerate_layers, identical_layers
from core.diagnosis.rules import VERDICTS
from core.diagnosis.statistics import TraceStats
from tests.support.troubles import HEALTHY, RELU, TANH, TROUBLES, XOR

FAMILIES = TROUBLES | {"healthy": HEALTHY}
# A verdict's own families where TROUBLES has runs that another, graver finding heads.
FAMILIES["exploding"] = tuple(TROUBLES["exploding"][k].replace(learning_rate=1e-6) for k in (0, 5, 6))
FAMILIES["vanishing"] = tuple(TROUBLES["vanishing"][k] for k in (0, 2, 5, 7))
FAMILIES["saturated"] = (
    TROUBLES["saturated"][0].replace(learning_rate=1e-6),
    TROUBLES["saturated"][2],
    RunConfig(dataset="moons", activation="tanh", init_scale=8.0, hidden=(16,) * 2, learning_rate=1e-4),
)
FAMILIES["dead_output"] = (
    *TROUBLES["dead_output"][:2],
    TROUBLES["dead_output"][1].replace(dataset="moons", learning_rate=1.0),
)
FAMILIES["penalty"] = tuple(TROUBLES["penalty"][k] for k in (0, 1, 2, 4, 6))
FAMILIES["dead"] = tuple(TROUBLES["dead"][k] for k in (2, 3, 0))
FAMILIES["underflow"] = (
    *TROUBLES["underflow"],
    RunConfig(activation="tanh", init_scale=0.1, hidden=(16,) * 60, dtype="float32", steps=5),
)
PENDING = ("large_steps",)  # always beside a graver finding: see test_rules


@cache
def diagnoses(config, seeds):
    return [diagnose(trace) for trace in train([config.replace(seed=100 + k) for k in range(seeds)])]


CASES = [(name, index) for name, group in FAMILIES.items() if name not in PENDING for index in range(len(group))]


def test_every_verdict_has_three_families():
    assert set(FAMILIES) == set(VERDICTS)
    for name, group in FAMILIES.items():
        assert len(group) >= (2 if name in PENDING else 3), name


@pytest.mark.claims
@pytest.mark.slow
@pytest.mark.parametrize("name, index", CASES)
def test_a_verdict_is_made_on_seven_of_eight_seeds_or_more(name, index):
    config = FAMILIES[name][index]
    found = [diagnosis.verdict for diagnosis in diagnoses(config, 8)]
    assert found.count(name) >= 7, found


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in (*PENDING, "underflow", "healthy")])
def test_the_first_family_has_its_verdict_on_a_fresh_seed(name):
    assert diagnoses(FAMILIES[name][0], 1)[0].verdict == name


# -- what the new verdicts rest on --------------------------------------------------------------------------------


def test_no_missing_gradient_is_taken_for_an_error_of_zero():
    for name in ("degenerate_normalization", "identical_units", "dead_output", "dead"):
        for config in TROUBLES[name]:
            (diagnosis,) = (diagnose(trace) for trace in train([config.replace(steps=min(config.steps, 30))]))
            assert not any("error is zero" in finding.why for finding in diagnosis.findings)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "leaky_relu", "softplus", "relu"])
@pytest.mark.parametrize("hidden", [(10,), (10, 10), (4, 7, 3)])
def test_zero_weights_make_identical_units_and_the_layers_are_named(activation, hidden):
    (trace,) = train([RunConfig(hidden=hidden, activation=activation, init_scale=0.0, steps=20)])
    diagnosis = diagnose(trace)
    assert diagnosis.verdict == "identical_units"
    assert identical_layers(TraceStats(trace)).tolist() == list(range(1, len(hidden) + 1))


def test_equal_weights_of_one_layer_name_that_layer():
    rng = np.random.default_rng(0)
    sizes = [2, 6, 5, 4, 1]
    weights = [(rng.standard_normal((a, b)), np.zeros(b)) for a, b in zip(sizes, sizes[1:], strict=False)]
    weights[1][0][:] = weights[1][0][:, :1]  # all five units of layer 2 alike,
    weights[2][0][:] = weights[2][0][:1]  # on the way out too
    (trace,) = train([TANH.replace(hidden=(6, 5, 4), steps=30)], initial=[weights])
    assert identical_layers(TraceStats(trace)).tolist() == [2]
    findings = {finding.name: finding for finding in diagnose(trace).findings}
    assert findings["identical_units"].what.startswith("All units of layer 2 have equal weights")


def test_units_that_differ_in_one_weight_are_not_identical():
    (trace,) = train([TANH.replace(hidden=(3,), steps=0)])
    assert not len(identical_layers(TraceStats(trace)))


@pytest.mark.parametrize(
    "changes, layers",
    [
        ({"normalization": "batch", "batch_size": 1}, [1, 2, 3]),
        ({"normalization": "batch", "batch_size": 2}, [1, 2, 3]),
        ({"normalization": "batch", "batch_size": 3}, []),
        ({"normalization": "layer", "hidden": (8, 2, 3)}, [2]),
        ({"normalization": "batch"}, []),
        ({"normalization": "layer"}, [2]),
        ({"normalization": "none", "batch_size": 1}, []),
        ({"normalization": "batch", "batch_size": 1, "residual": True, "hidden": (8, 8, 8)}, [1]),
    ],
)
def test_normalization_is_degenerate_where_nothing_has_a_spread(changes, layers):
    (trace,) = train([TANH.replace(**{"hidden": (8, 1, 8), "steps": 3, **changes})])
    assert degenerate_layers(TraceStats(trace)).tolist() == layers
    names = [finding.name for finding in diagnose(trace).findings]
    assert ("degenerate_normalization" in names) == bool(layers) and "underflow" not in names


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "config",
    [
        *TROUBLES["degenerate_normalization"],
        *TROUBLES["identical_units"],
        RELU.replace(hidden=(4,) * 12, residual=True, steps=0),
        RELU.replace(hidden=(3,) * 15, steps=0),
        RELU.replace(hidden=(2,) * 8, residual=True, normalization="layer", steps=0),
    ],
)
def test_exact_zeros_of_another_cause_are_no_underflow(config, dtype):
    for trace in train([config.replace(dtype=dtype, steps=0, seed=100 + k) for k in range(8)]):
        assert "underflow" not in [finding.name for finding in diagnose(trace).findings]


def test_a_dead_output_at_the_start_and_one_that_dies_later_are_told_with_their_step():
    (start,) = train([TROUBLES["dead_output"][3]])
    (later,) = train([TROUBLES["dead_output"][1]])
    assert diagnose(start).sentence.startswith("At initialization, the output lies where ReLU is flat")
    assert diagnose(later).sentence.startswith("After 100 steps, the output lies where ReLU is flat")


@pytest.mark.claims
@pytest.mark.parametrize("units", [2, 3])
@pytest.mark.parametrize("activation, rate", [("tanh", 0.1), ("relu", 0.1), ("sigmoid", 0.5)])
def test_small_networks_on_xor_are_healthy_where_they_solve_it_and_never_vanish(units, activation, rate):
    config = XOR.replace(hidden=(units,), activation=activation, learning_rate=rate)
    for trace in train([config.replace(seed=100 + k) for k in range(8)]):
        verdict = diagnose(trace).verdict
        assert verdict not in ("vanishing", "exploding", "saturated")
        if trace.accuracy[-1] >= 0.95 and trace.loss[-1] < 0.1:
            assert verdict == "healthy"


def test_a_run_at_rest_is_stuck_and_one_still_falling_is_not():
    (trace,) = train([TROUBLES["stuck"][0]])
    assert diagnose(trace).verdict == "stuck"
    falling = dataclasses.replace(trace, loss=np.linspace(0.69, 0.5, len(trace.loss)))
    assert diagnose(falling).verdict != "stuck"


def test_healthy_means_that_it_learned():
    (trace,) = train([RELU])
    guessing = dataclasses.replace(trace, accuracy=np.full_like(trace.accuracy, 0.5))
    little = dataclasses.replace(trace, loss=np.linspace(0.25, 0.24, len(trace.loss)), accuracy=guessing.accuracy)
    for odd in (guessing, little):
        diagnosis = diagnose(odd)
        assert diagnosis.verdict != "healthy"
        assert "Accuracy is 50 %; the share of the largest class is 50 %." in diagnosis.sentence


@pytest.mark.parametrize("name", ["vanishing", "exploding"])
def test_a_network_that_learned_is_not_headed_by_its_gradient(name):
    config = TROUBLES[name][0]
    (trace,) = train([config.replace(steps=50)])
    loss = np.geomspace(trace.loss[0], 1e-3, len(trace.loss))
    learned = dataclasses.replace(trace, loss=loss, accuracy=np.full_like(loss, 1.0), diverged_at=None)
    diagnosis = diagnose(learned)
    assert diagnosis.verdict == "healthy"
    assert {finding.name: finding.severity for finding in diagnosis.findings}[name] == "note"


@pytest.mark.parametrize("batch_size", [8, 32])
def test_a_penalty_is_seen_in_mini_batches_too(batch_size):
    config = TROUBLES["penalty"][6].replace(batch_size=batch_size)
    assert [diagnosis.verdict for diagnosis in diagnoses(config, 4)] == ["penalty"] * 4


@pytest.mark.parametrize("rate", [0.5, 3.0])
def test_a_shallow_run_that_diverged_by_its_rate_is_not_exploding_as_well(rate):
    config = RunConfig(dataset="sine", activation="leaky_relu", init="he_normal", hidden=(16,), learning_rate=rate)
    for diagnosis in diagnoses(config, 4):
        assert "exploding" not in [finding.name for finding in diagnosis.findings]


@pytest.mark.parametrize("row", [0, -1])
@pytest.mark.parametrize("factor, name", [(0.5, "vanishing"), (1.6, "exploding")])
def test_the_ratio_in_a_sentence_is_the_one_measured(factor, name, row):
    (trace,) = train([RELU.replace(hidden=(4,) * 12, steps=40, learning_rate=1e-6)])
    rng = np.random.default_rng(3)
    layers = factor ** np.arange(11, -1, -1.0) * rng.uniform(0.5, 2, 12)
    norms = np.tile(np.append(layers, 1.0), (len(trace.step), 1))
    if row:
        norms[0] = 1.0
    odd = dataclasses.replace(trace, delta_norm=norms, grad_norm=np.ones_like(norms))
    (finding,) = [finding for finding in diagnose(odd).findings if finding.name == name]
    told = float(finding.what.split("layer 1 gets ")[1].split(" times")[0].replace(",", ""))
    assert told == pytest.approx(layers[0] / layers[-1], rel=0.05)
    assert ("After 40 steps" in finding.what) == bool(row) and "layer 12" in finding.what


@pytest.mark.parametrize("batch_size", [None, 16])
def test_a_loss_that_fell_to_a_constant_answer_s_is_not_learning(batch_size):
    """A regression may start so high that its loss falls far before anything is learned."""
    # the penalty leaves nothing but the output's bias
    config = TANH.replace(
        dataset="sine", hidden=(8,) * 3, init_scale=6.0, optimizer="adam", learning_rate=0.05, weight_decay=20.0
    )
    for trace in train([config.replace(seed=100 + k, batch_size=batch_size, steps=200) for k in range(3)]):
        assert batch_size or trace.loss[-1] < 0.1 * trace.loss[0]
        assert diagnose(trace).verdict != "healthy"


def test_a_batch_without_an_error_does_not_make_a_run_healthy():
    (trace,) = train([RELU.replace(hidden=(8,), steps=30)])
    odd = dataclasses.replace(trace, loss=np.linspace(0, 5, len(trace.loss)), accuracy=np.zeros(len(trace.loss)))
    assert diagnose(odd).verdict != "healthy"


def test_a_run_that_reached_three_in_four_and_still_falls_is_trained_too_little():
    (trace,) = train([XOR.replace(hidden=(2,), learning_rate=0.1, seed=115)])
    odd = dataclasses.replace(trace, loss=np.linspace(0.43, 0.13, len(trace.loss)))
    odd.accuracy[:] = 0.75
    diagnosis = diagnose(odd)
    assert diagnosis.verdict == "small_steps" and "accuracy reached only 75 %" in diagnosis.sentence


def test_one_hidden_layer_neither_vanishes_nor_explodes():
    for scale in (1e-3, 1.0, 30.0):
        for trace in train([TANH.replace(hidden=(16,), init_scale=scale, seed=100 + k, steps=50) for k in range(4)]):
            names = [finding.name for finding in diagnose(trace).findings]
            assert not {"vanishing", "exploding"} & set(names)


def test_units_that_a_penalty_silenced_are_the_penalty_s_doing():
    for diagnosis in diagnoses(RELU.replace(hidden=(8,) * 4, l1=0.5, learning_rate=0.05), 4):
        assert diagnosis.verdict == "penalty"


# -- causes in the data and in the choice of the network ----------------------------------------------------------


def of_own_data(config, X, D):
    (trace,) = train([config.replace(dataset="custom")], data=(X, D))
    return diagnose(trace)


def test_the_share_of_the_largest_class_is_no_success_on_data_of_ones_own():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 5))
    D = (np.arange(200) < 10).astype(float)[:, None]
    config = TANH.replace(hidden=(32,) * 3, loss="bce", output_activation="sigmoid", learning_rate=0.02, steps=100)
    diagnosis = of_own_data(config, X, D)
    assert diagnosis.verdict in ("stuck", "small_steps")
    assert "Accuracy is 95 %; the share of the largest class is 95 %." in diagnosis.sentence
    labels = [one.label for finding in diagnosis.findings for one in finding.suggestions]
    assert "Balance the classes" in labels


def test_equal_targets_leave_nothing_to_learn_and_no_fault():
    X = np.random.default_rng(0).standard_normal((50, 3))
    config = TANH.replace(hidden=(16,), loss="bce", output_activation="sigmoid", learning_rate=0.5)
    diagnosis = of_own_data(config, X, np.ones((50, 1)))
    assert diagnosis.verdict == "healthy" and diagnosis.sentence.startswith("All targets are equal")


@pytest.mark.parametrize("scale, name", [(80.0, "inputs"), (1.0, None)])
def test_the_size_of_data_of_ones_own_is_measured_and_what_to_do_is_said(scale, name):
    X = scale * np.abs(np.random.default_rng(0).standard_normal((100, 4)))
    D = (X[:, :1] > scale).astype(float)
    config = RELU.replace(hidden=(16,) * 2, loss="bce", output_activation="sigmoid", learning_rate=0.5, steps=30)
    found = [one for one in of_own_data(config, X, D).findings if one.name == "unscaled_data"]
    assert len(found) == (name is not None)
    for one in found:
        rms = np.sqrt((X**2).mean(axis=0)).max()
        assert f"inputs have a root mean square of up to {rms:.1f}," in one.what
        assert one.why.endswith("Subtract the mean and divide by the standard deviation before training.")


@pytest.mark.parametrize("hidden, words", [((), "no hidden layer"), ((16, 16), "linear activations alone")])
@pytest.mark.parametrize("dataset", ["circles", "xor"])
def test_a_linear_network_at_rest_is_named_as_what_it_is(hidden, words, dataset):
    config = RunConfig(
        dataset=dataset,
        activation="linear",
        init="glorot_normal",
        hidden=hidden,
        learning_rate=0.1,
        loss="bce",
        output_activation="sigmoid",
    )
    (trace,) = train([config])
    diagnosis = diagnose(trace)
    assert diagnosis.verdict == "stuck"
    assert f"A network with {words} computes a linear function" in diagnosis.findings[0].why


def test_a_max_norm_that_holds_every_unit_is_named():
    config = TANH.replace(hidden=(32,) * 3, loss="bce", output_activation="sigmoid", max_norm=0.01, learning_rate=0.5)
    (trace,) = train([config])
    diagnosis = diagnose(trace)
    norms = np.concatenate([np.linalg.norm(W, axis=0) for W, *_ in trace.weights])
    assert (norms > 0.0099).all() and diagnosis.verdict == "penalty"
    assert "At the end 100 % of the units have weights as large as the max norm of 0.01 allows." in diagnosis.sentence
    assert [one.changes for one in diagnosis.findings[0].suggestions] == [{"max_norm": 3.0}, {"max_norm": None}]
    (loose,) = train([config.replace(max_norm=3.0)])
    assert diagnose(loose).verdict != "penalty"


def test_dropout_is_the_cause_of_a_gradient_that_explodes_by_its_factor_alone():
    config = RELU.replace(hidden=(32,) * 3, dropout=0.9, loss="bce", output_activation="sigmoid", steps=50)
    found = [
        finding
        for trace in train([config.replace(seed=seed) for seed in range(100, 108)])
        for finding in diagnose(trace).findings
        if finding.name == "exploding"
    ]
    assert len(found) >= 3
    for finding in found:
        assert (
            finding.why.startswith("Dropout multiplies what it keeps by 10,")
            and "about 3.16 in each layer" in finding.why
        )
        assert finding.suggestions[0].changes == {"dropout": 0.0}
    (large,) = train([RunConfig(activation="tanh", init_scale=3.0, hidden=(32,) * 20, dropout=0.1, learning_rate=1e-6)])
    assert "Dropout multiplies" not in diagnose(large).findings[0].why


@pytest.mark.parametrize("changes", [{"warmup_steps": 100_000}, {"schedule": "step", "schedule_steps": 9}], ids=str)
def test_a_schedule_that_takes_the_learning_rate_away_is_named_and_dropped_first(changes):
    config = TANH.replace(
        hidden=(32,) * 3, loss="bce", output_activation="sigmoid", dataset="moons", learning_rate=0.01
    )
    (trace,) = train([config.replace(**changes)])
    diagnosis = diagnose(trace)
    assert diagnosis.verdict == "small_steps" and "In the median step the schedule leaves" in diagnosis.findings[0].why
    assert diagnosis.findings[0].suggestions[0].label == "A constant learning rate"


def test_a_relu_network_without_biases_is_told_apart_from_a_plateau():
    config = RELU.replace(hidden=(32,) * 3, loss="bce", output_activation="sigmoid", bias=False, learning_rate=0.1)
    (trace,) = train([config])
    finding = diagnose(trace).findings[0]
    assert finding.name == "stuck" and "Without biases inputs twice as large" in finding.why
    assert finding.suggestions[0].changes == {"bias": True}
