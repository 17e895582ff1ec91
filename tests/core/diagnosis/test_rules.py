"""Diagnosis: every finding in the runs that have it and in no other, whatever the run, in whole sentences."""

import ast
import dataclasses
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings

import core.diagnosis.rules
from core import Diagnosis, Finding, RunConfig, diagnose, train
from core.diagnosis.rules import SEVERITIES, VERDICTS
from core.diagnosis.statistics import TraceStats, find_break
from core.errors import ConfigError
from tests.support.strategies import configs
from tests.support.troubles import BLOBS, DEEP, HEALTHY, RELU, SHORT_TANH, TANH, TROUBLES


@cache
def run(config):
    (trace,) = train([config])
    return trace


def named(config):
    return [finding.name for finding in diagnose(run(config)).findings]


def found(config, name):
    (finding,) = [finding for finding in diagnose(run(config)).findings if finding.name == name]
    return finding


# -- which run has which finding --------------------------------------------------------------------------------


def test_there_are_at_least_two_runs_for_every_finding():
    assert {*TROUBLES, "healthy"} == set(VERDICTS)
    assert min(map(len, [*TROUBLES.values(), HEALTHY])) >= 2


@pytest.mark.parametrize("name, config", [(name, config) for name, group in TROUBLES.items() for config in group])
def test_every_finding_is_made_where_it_belongs(name, config):
    diagnosis = diagnose(run(config))
    finding = found(config, name)
    assert finding.what and finding.why
    assert "healthy" not in named(config) or diagnosis.verdict == "healthy"


@pytest.mark.parametrize("config", HEALTHY, ids=repr)
def test_healthy_runs_are_left_in_peace(config):
    diagnosis = diagnose(run(config))
    assert diagnosis.verdict == "healthy"
    assert {finding.severity for finding in diagnosis.findings} <= {"good", "note"}
    assert not any(finding.suggestions for finding in diagnosis.findings)


@pytest.mark.parametrize(
    "verdict, config",
    [
        *((name, group[0]) for name, group in TROUBLES.items() if name != "large_steps"),
        ("dead", RELU.replace(hidden=(3,) * 15)),
        ("vanishing", DEEP),
        ("underflow", DEEP.replace(dtype="float32", steps=0)),
        ("healthy", BLOBS.replace(hidden=(32,) * 20, init_scale=1.8, clip="global_norm")),  # it explodes, and learns
        ("vanishing", RunConfig(steps=0)),
        ("healthy", TANH.replace(steps=0)),
    ],
)
def test_the_verdict_is_the_gravest_finding(verdict, config):
    diagnosis = diagnose(run(config))
    assert diagnosis.verdict == verdict == diagnosis.findings[0].name
    assert diagnosis.sentence.startswith(diagnosis.findings[0].what)
    order = [SEVERITIES.index(finding.severity) for finding in diagnosis.findings]
    assert order == sorted(order)


# -- vanishing and exploding: by slopes, in the row that tells -----------------------------------------------------


def test_level_weight_gradients_later_do_not_hide_that_the_gradient_vanishes():
    trace = run(RunConfig())
    assert trace.grad_norm[-1, 0] > 0.05 * trace.grad_norm[-1, -1]  # against 2e-8 in row 0
    later = dataclasses.replace(
        trace,
        **{
            name: getattr(trace, name)[200:]
            for name in (
                "step",
                "loss",
                "accuracy",
                "global_grad_norm",
                "grad_norm",
                "delta_norm",
                "weight_norm",
                "update_ratio",
                "saturation",
                "dead",
            )
        },
    )
    assert diagnose(later).verdict == "vanishing"


def test_level_weight_gradients_at_the_start_do_not_hide_it_either():
    trace = run(DEEP)
    assert 0.1 < trace.grad_norm[0, 0] / trace.grad_norm[0, -1] < 10
    assert diagnose(trace).verdict == "vanishing"


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e3, 1e30])
@pytest.mark.parametrize(
    "factor, hidden, verdict",
    [
        (0.5, 10, "vanishing"),
        (0.5, 4, "healthy"),  # 1/8 of the gradient is left
        (0.8, 30, "vanishing"),
        (0.8, 10, "healthy"),
        (1.0, 30, "healthy"),
        (1.2, 30, "exploding"),
        (1.2, 5, "healthy"),
        (2.0, 6, "exploding"),
    ],
)
def test_slopes_decide_and_not_sizes(factor, hidden, verdict, scale):
    trace = run(TANH.replace(hidden=(2,) * hidden, steps=0))
    norms = scale * np.append(factor ** np.arange(hidden - 1, -1, -1.0), 1.0)[None]
    gradients = dataclasses.replace(trace, delta_norm=norms, grad_norm=norms)
    assert diagnose(gradients).verdict == verdict


def test_a_run_that_vanishes_only_later_is_told_with_its_step():
    finding = found(DEEP.replace(normalization="layer"), "vanishing")
    assert finding.what.startswith("After ")


def test_exploding_is_explained_by_what_is_there():
    plain = found(RunConfig(activation="tanh", init_scale=3.0, hidden=(32,) * 20), "exploding")
    batch = found(DEEP.replace(normalization="batch"), "exploding")
    residual = found(TANH.replace(init="normal", residual=True, hidden=(32,) * 30, steps=5), "exploding")
    assert "weights" in plain.why and "Normalization" in batch.why and "residual" in residual.why


def test_where_the_run_learned_all_the_same_nothing_is_to_try():
    rescued = found(BLOBS.replace(hidden=(32,) * 20, init_scale=1.8, clip="global_norm"), "exploding")
    assert rescued.severity == "note" and not rescued.suggestions


# -- the other findings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", TROUBLES["diverged"][:4], ids=repr)
def test_divergence_names_the_first_bad_step_and_layer(config):
    trace = run(config)
    what = found(config, "diverged").what
    layer, quantity = find_break(trace)
    value = (
        "the loss" if quantity == "loss" else f"the {quantity} {'of' if quantity == 'weights' else 'in'} layer {layer}"
    )
    assert f"broke at step {trace.diverged_at:,}: {value} left the range of {config.dtype}" in what


def test_a_divergence_between_recorded_rows_is_named_all_the_same():
    config = TROUBLES["diverged"][0]
    sparse = run(config.replace(record_every=100))
    assert sparse.diverged_at == run(config).diverged_at and sparse.diverged_at not in sparse.step
    assert f"step {sparse.diverged_at}:" in diagnose(sparse).sentence


def test_float32_is_told_of_by_name_and_float64_has_no_such_finding():
    config = TROUBLES["underflow"][0].replace(steps=0)
    what, trace = found(config, "underflow").what, run(config)
    assert "float32" in what and f"in {(trace.grad_norm[0] == 0).sum()} of them it is exactly 0" in what
    assert named(config.replace(dtype="float64")) == ["vanishing"]


def test_zero_weights_are_no_underflow():
    for activation in ("tanh", "relu"):
        assert "underflow" not in named(RunConfig(activation=activation, init_scale=0.0, steps=3))


def test_relus_inactive_on_half_the_samples_are_neither_saturated_nor_dead():
    trace = run(RELU)
    assert trace.saturation[-1, :-1].mean() > 0.4
    assert not {"saturated", "dead"} & set(named(RELU))


def test_a_leaky_unit_never_dies():
    assert "dead" not in named(TROUBLES["dead"][0].replace(activation="leaky_relu"))


def test_dead_layers_are_those_of_the_last_row():
    config = TROUBLES["dead"][0]
    silent = np.flatnonzero(run(config).dead[-1] == 1) + 1
    what = found(config, "dead").what
    assert f"no gradient in layers 1 to {silent[-1]}" in what and run(config).delta_norm[-1, 0] == 0


def test_clipping_tells_its_share_of_the_steps():
    config = BLOBS.replace(hidden=(32,) * 20, init_scale=1.8, clip="global_norm")
    finding, scale = found(config, "clipping"), run(config).clip_scale[:-1]
    assert f"binds in {100 * (scale < 1).mean():.0f} % of the steps" in finding.what
    assert finding.severity == "note"


def test_a_clip_that_never_binds_is_not_mentioned():
    assert "clipping" not in named(RELU.replace(clip="global_norm", clip_threshold=1e6))


@pytest.mark.parametrize("l1, l2", [(0.0, 0.1), (0.05, 0.0), (0.05, 0.1)])
def test_the_penalty_is_weighed_against_the_data_by_their_gradients(l1, l2):
    config = TANH.replace(l1=l1, l2=l2, steps=0)
    trace = run(config)
    W = np.concatenate([weights.ravel() for weights, _ in trace.weights])
    # l1 and l2 pull in one direction where the weights agree in size; their squares' sum is at most what both do
    pull = np.hypot(np.linalg.norm(2 * l2 * W), np.linalg.norm(l1 * np.sign(W)))
    ratio = pull / np.linalg.norm(trace.grad_norm[0])
    assert ratio > 1
    assert f"{ratio:.3g} times the data loss’s" in found(config, "penalty").what


def test_a_penalty_that_did_no_harm_is_a_note():
    finding = found(RELU.replace(l2=0.01), "penalty")
    assert finding.severity == "note" and not finding.suggestions


def test_early_steps_are_weighed_against_the_weights():
    config = TROUBLES["small_steps"][0]
    ratio = np.nanmedian(run(config).update_ratio[:30], axis=0)
    what = found(config, "small_steps").what
    assert f"layer {ratio.argmax() + 1}, the fastest" in what and f"{100 * ratio.max():.2g} %" in what


# -- any run ----------------------------------------------------------------------------------------------------


def read(diagnosis):
    """Everything a visitor reads, checked for form."""
    assert isinstance(diagnosis, Diagnosis) and diagnosis.verdict in VERDICTS
    assert len(diagnosis.numbers) == 3 and len({finding.name for finding in diagnosis.findings}) >= 1
    sentences = [diagnosis.sentence]
    for finding in diagnosis.findings:
        assert isinstance(finding, Finding) and finding.name in VERDICTS and finding.severity in SEVERITIES
        assert finding.severity not in ("good", "note") or not finding.suggestions
        sentences += [finding.what, finding.why]
    for label, value, told in diagnosis.numbers:
        assert label and value
        sentences.append(told)
    for sentence in sentences:
        assert sentence[0].isupper() and sentence.endswith(".") and "  " not in sentence and ".." not in sentence
        assert not {"nan", "inf", "None"} & set(sentence.replace(",", " ").replace(".", " ").split())
    assert len({finding.name for finding in diagnosis.findings}) == len(diagnosis.findings)


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden": ()},
        {"hidden": (1,)},
        {"hidden": (5,), "steps": 0},
        {"hidden": (), "steps": 0, "samples": 2},
        {"steps": 0},
        {"steps": 1},
        {"steps": 7, "record_every": 100},
        {"init_scale": 0.0},
        {"init_scale": 0.0, "activation": "relu", "bias": False},
        {"init_scale": 1e300},
        {"init_scale": 1e300, "activation": "relu", "hidden": (), "dtype": "float32"},
        {"learning_rate": 1e-300},
        {"learning_rate": 1e300, "clip": "global_norm", "clip_threshold": 1e-300},
        {"max_norm": 1e-10, "weight_decay": 1e5},
        {"holdout": 0.5, "batch_size": 3},
        {"samples": 2, "normalization": "batch", "activation": "relu"},
        {"hidden": (3, 9, 1, 4), "residual": True, "normalization": "layer"},
    ],
    ids=repr,
)
def test_odd_runs_are_diagnosed_in_whole_sentences(changes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(diagnose(run(RunConfig(**{"steps": 20, **changes}))))


@given(configs())
@settings(deadline=None, max_examples=60)
def test_any_run_is_diagnosed_in_whole_sentences(config):
    width = [min(units, 6) for units in config.hidden[:12]]
    activation = config.activation if config.has_one_activation else config.activation[:12]
    small = config.replace(
        samples=20,
        batch_size=config.batch_size and 5,
        steps=min(config.steps, 8),
        hidden=width,
        activation=activation,
        holdout=0.0,
    )
    try:
        (trace,) = train([small])
    except ConfigError:  # data and loss do not agree, or there are no data
        return
    read(diagnose(trace))


@pytest.mark.parametrize("task", ["regression", "two-class", "multi-class"])
def test_data_of_one_s_own(task):
    rng = np.random.default_rng(0)
    D = {
        "regression": rng.standard_normal((30, 2)),
        "two-class": rng.integers(0, 2, (30, 1)).astype(float),
        "multi-class": np.eye(3)[rng.integers(0, 3, 30)],
    }[task]
    for rate in (0.01, 1e6):
        config = TANH.replace(dataset="custom", steps=20, learning_rate=rate)
        (trace,) = train([config], data=(rng.normal(size=(30, 5)), D))
        read(diagnose(trace))


def test_an_error_of_zero_is_not_a_vanished_gradient():
    X, D = np.zeros((4, 2)), np.zeros((4, 1))
    (trace,) = train([RunConfig(activation="tanh", dataset="custom", steps=3)], data=(X, D))
    diagnosis = diagnose(trace)
    assert diagnosis.verdict == "healthy" and "no gradient in any layer" in diagnosis.sentence


# -- the head of the page -----------------------------------------------------------------------------------------


def test_the_default_run_is_told_in_its_numbers():
    diagnosis, trace = diagnose(run(RunConfig())), run(RunConfig())
    factor, ratio, loss = (reading.value for reading in diagnosis.numbers)
    assert float(factor) == pytest.approx(trace.layer_factor(0), rel=0.005)  # three digits
    assert float(ratio) == pytest.approx(trace.delta_norm[0, 0] / trace.delta_norm[0, -2], rel=0.05)  # two digits
    assert [float(part) for part in loss.split(" → ")] == pytest.approx(trace.loss[[0, -1]], rel=0.005)
    assert factor in diagnosis.sentence and ratio in diagnosis.sentence and "loss fell" in diagnosis.sentence


@pytest.mark.parametrize("batch_size, seed", [(4, 1), (2, 0), (1, 0)])
def test_with_mini_batches_the_losses_told_are_medians_and_go_where_the_loss_over_all_samples_goes(batch_size, seed):
    config = RunConfig(batch_size=batch_size, seed=seed)
    trace = run(config)
    everything = [
        train([config.replace(batch_size=None, steps=0)], initial=initial)[0].loss[0]
        for initial in (None, [trace.weights])
    ]
    assert everything[1] < 0.9 * everything[0]  # it fell
    diagnosis = diagnose(trace)
    first, last = np.median(trace.loss[:30]), np.median(trace.loss[-30:])  # a tenth of 301 rows
    assert "rose" not in diagnosis.sentence
    assert f"{last:.3g}, medians over the first and the last 30 recorded batches." in diagnosis.sentence
    assert [float(part) for part in diagnosis.numbers[2].value.split(" → ")] == pytest.approx([first, last], rel=0.005)
    assert "first and the last 30 recorded batches" in diagnosis.numbers[2].help


def test_one_batch_of_high_loss_is_no_jump_and_one_of_low_loss_is_not_learning():
    trace = run(SHORT_TANH.replace(batch_size=4, learning_rate=0.003))
    steps = np.where(np.isfinite(trace.update_ratio), 0.5, np.nan)  # far too long
    flat = np.full_like(trace.loss, 0.2)
    spike, dip = flat.copy(), flat.copy()
    spike[100], dip[-1] = 20.0, 1e-6
    for loss in (spike, dip):
        odd = dataclasses.replace(trace, loss=loss, update_ratio=steps, accuracy=np.full_like(loss, np.nan))
        assert "large_steps" not in [finding.name for finding in diagnose(odd).findings]
        assert not TraceStats(odd).learned
    high = np.where(trace.step >= 100, 20.0, flat)
    odd = dataclasses.replace(trace, loss=high, update_ratio=steps)
    assert "100 times its median over the first 30 recorded batches" in str(diagnose(odd).findings)


def test_the_window_at_each_end_shows_every_sample_once_where_a_tenth_of_the_rows_is_more_than_that():
    windows = {None: 1, 1: 30, 8: 16, 32: 5, 64: 5}  # 128 samples, 301 rows
    for batch_size, window in windows.items():
        assert TraceStats(run(RELU.replace(batch_size=batch_size))).window == window
    assert [TraceStats(run(RELU.replace(batch_size=8, steps=steps))).window for steps in (0, 1, 5, 20)] == [1, 1, 3, 5]


@pytest.mark.parametrize(
    "config, value",
    [
        (RunConfig(hidden=(), steps=3), "one layer"),
        (RunConfig(init_scale=1e300, activation="relu"), "not finite"),
        (TROUBLES["underflow"][0].replace(steps=0), "0"),
        (RELU.replace(hidden=(3,) * 15, steps=0), "no gradient"),
    ],
)
def test_a_ratio_that_does_not_exist_is_said_so(config, value):
    assert diagnose(run(config)).numbers[1].value == value


def test_every_verdict_has_a_title_and_a_meaning():
    for title, meaning in VERDICTS.values():
        assert title[0].isupper() and meaning and not title.endswith(".")


def test_the_theory_is_not_asked():
    # a prediction has assumptions; what is measured needs none
    modules = list(Path(core.diagnosis.__file__).parent.glob("*.py"))
    assert len(modules) >= 6
    for module in modules:
        tree = ast.parse(module.read_text(encoding="utf-8"))
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not [name for name in imported if name.split(".")[0] == "theory"], module.name


@pytest.mark.parametrize("early, jump, is_found", [(0.0099, 99.0, False), (0.0101, 99.0, True), (0.0101, 1.0, False)])
def test_a_step_is_large_from_a_hundredth_of_the_weights_on_where_the_loss_jumps(early, jump, is_found):
    config = RunConfig(hidden=(4, 4))
    trace = SimpleNamespace(diverged_at=None, config=config)
    stats = SimpleNamespace(trace=trace, config=config, early=np.array([0.001, early, np.nan]), learned=True,
                            first_loss=1.0, highest_loss=jump, is_noisy=False)  # fmt: skip
    found = core.diagnosis.rules._find_large_steps(stats)
    assert (found is not None) == is_found
    assert not is_found or "layer 2 moves by" in found.what
