"""Class weights: balanced ones count every class alike, as copies of the rarer samples would."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from core import ConfigError, RunConfig, train
from core.curvature import hessian_vector
from core.families.class_weights import CLASS_WEIGHTS, class_weights, sample_weights
from core.families.losses import LOSSES
from core.gradient_check import gradient_check
from core.theory import predict
from core.theory.coverage import band_coverage

SMALL = RunConfig(hidden=(5, 4), activation="tanh", bias_std=0.2, steps=12, learning_rate=0.3, class_weight="balanced")


def rare(copies, outputs):
    """Two samples of a class for each of another, or the rare one as often by copies, (X, D)."""
    rng = np.random.default_rng(3)
    common, few = rng.standard_normal((8, 3)), rng.standard_normal((4, 3))
    few = np.repeat(few, copies, axis=0)
    classes = np.repeat([0, 1], [len(common), len(few)])
    D = classes[:, None].astype(float) if outputs == 1 else np.eye(2)[classes]
    return np.concatenate([common, few]), D


@given(st.lists(st.integers(0, 4), min_size=2, max_size=40).filter(lambda classes: len(set(classes)) > 1))
def test_balanced_weights_are_those_of_scikit_learn(classes):
    D = np.eye(5)[classes]
    present = np.unique(classes)
    found = class_weights("balanced", "multi-class", D)
    np.testing.assert_allclose(found[present], compute_class_weight("balanced", classes=present, y=classes))
    assert sample_weights(found, D).mean() == pytest.approx(1)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_balanced_run_is_the_run_with_copies_of_the_rare_samples(loss):
    output = LOSSES[loss].output_activation or "linear"
    config = SMALL.replace(loss=loss, output_activation=output, normalization="layer")
    outputs = 2 if loss == "cross_entropy" else 1
    (weighted,) = train([config], data=rare(1, outputs))
    (copied,) = train([config.replace(class_weight="none")], data=rare(2, outputs))
    (plain,) = train([config.replace(class_weight="none")], data=rare(1, outputs))
    np.testing.assert_allclose(weighted.loss, copied.loss, rtol=1e-10)
    np.testing.assert_allclose(weighted.grad_norm, copied.grad_norm, rtol=1e-9)
    assert abs(plain.loss[-1] / copied.loss[-1] - 1) > 1e-3
    vector = np.random.default_rng(0).standard_normal(sum(W.size + b.size for W, b in copied.weights))
    curved = [
        hessian_vector(run.config, copied.weights, vector, data=data)
        for run, data in ((weighted, rare(1, outputs)), (copied, rare(2, outputs)))
    ]
    np.testing.assert_allclose(*curved, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_a_weighted_loss_are_its_slopes(loss):
    output = LOSSES[loss].output_activation or "linear"
    config = SMALL.replace(loss=loss, output_activation=output)
    found = gradient_check(config, data=rare(1, 2 if loss == "cross_entropy" else 1))
    assert (found.relative_error < 1e-7).all()


def test_a_held_out_loss_has_the_weights_of_the_training_samples():
    config = SMALL.replace(dataset="breast_cancer", holdout=0.3, samples=60, steps=0)
    (trace,) = train([config])
    (plain,) = train([config.replace(class_weight="none")])
    assert trace.holdout_loss[0] != plain.holdout_loss[0]
    assert trace.holdout_accuracy[0] == plain.holdout_accuracy[0]


@pytest.mark.parametrize("name", CLASS_WEIGHTS)
def test_a_regression_has_no_classes_to_weigh(name):
    traces = train([SMALL.replace(dataset="sine", class_weight=rule, samples=20) for rule in ("none", name)])
    np.testing.assert_array_equal(traces[0].loss, traces[1].loss)


def test_with_mini_batches_the_weights_are_those_of_all_training_samples():
    X, D = rare(1, 1)
    config = SMALL.replace(batch_size=1, steps=200, learning_rate=1e-12)
    weighted, plain = (train([config.replace(class_weight=rule)], data=(X, D))[0] for rule in ("balanced", "none"))
    ratios = np.unique(np.round(weighted.loss / plain.loss, 6))
    np.testing.assert_allclose(ratios, [0.75, 1.5])  # 12 / (2 * 8) and 12 / (2 * 4)


def test_the_predicted_band_weighs_the_classes():
    config = SMALL.replace(steps=0, hidden=(24,) * 3, init="glorot_normal")
    X, D = np.random.default_rng(0).standard_normal((20, 3)), np.repeat([[0.0], [1.0]], [18, 2], axis=0)
    balanced, plain = (predict(config.replace(class_weight=rule), (X, D)) for rule in ("balanced", "none"))
    assert (np.abs(balanced.median / plain.median - 1) > 0.2).any()
    # 95 % in the band, but for 4 standard errors of a share of 300
    assert (band_coverage(config, balanced, data=(X, D), networks=300).inside > 0.9).all()


def test_an_unknown_rule_is_refused():
    with pytest.raises(ConfigError, match="class_weight"):
        RunConfig(class_weight="even")
