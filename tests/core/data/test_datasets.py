"""Data: truthful draws, exact noise, standardized by the training samples alone, and refused when malformed."""

import subprocess
import sys

import numpy as np
import pytest
import sklearn.datasets

from core.config import RunConfig
from core.data.datasets import DATASETS, count_holdout, fit_standardizer, load, split
from core.data.targets import TASKS, check_targets, infer_task, recommended_losses
from core.engine.training import checked_data
from core.errors import ConfigError

DRAWN = [name for name in DATASETS if name != "custom"]
NOISY = [name for name in DRAWN if DATASETS[name].noise]
REAL = [name for name in DRAWN if DATASETS[name].available]
POINTS = ["circles", "moons", "xor", "spirals"]


def draw(name, samples, noise=0.0, seed=0):
    return DATASETS[name].draw(np.random.default_rng([seed, 0]), samples, noise)


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_says_what_it_is_in_one_line(name):
    data = DATASETS[name]
    assert data.name == name and data.label and data.source
    assert data.description.endswith(".") and "\n" not in data.description
    if name != "custom" and not data.noise:
        assert "no noise is added" in data.description.lower()


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("samples", [2, 3, 57])
def test_shapes_and_targets_are_those_of_the_registry(name, samples):
    data = DATASETS[name]
    s = load(name, samples, 0.1, 0.0, 3)
    assert s.X.shape == (samples, data.inputs) and s.D.shape == (samples, data.outputs)
    assert s.X_holdout.shape == (0, data.inputs) and s.D_holdout.shape == (0, data.outputs)
    assert s.X.dtype == s.D.dtype == np.float64
    assert np.isfinite(s.X).all() and np.isfinite(s.D).all()
    assert s.task == data.task
    if data.task == "two-class":
        assert data.outputs == 1 and set(np.unique(s.D)) <= {0, 1}
    elif data.task == "multi-class":
        assert data.outputs > 2 and (np.sort(s.D, axis=1)[:, -2:] == [0, 1]).all()


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_seed_draws_the_same_and_another_seed_does_not(name):
    X, D = draw(name, 40, 0.1)
    again, other = draw(name, 40, 0.1), draw(name, 40, 0.1, seed=1)
    np.testing.assert_array_equal(X, again[0])
    np.testing.assert_array_equal(D, again[1])
    assert not (np.array_equal(X, other[0]) and np.array_equal(D, other[1]))


@pytest.mark.parametrize("name", DRAWN)
def test_load_draws_from_the_stream_of_the_seed(name):
    X, D = draw(name, 30, 0.2, seed=5)
    s = load(name, 30, 0.2, 0.0, 5)
    scale = DATASETS[name].scale_targets or (lambda D: D)
    np.testing.assert_array_equal(s.D, scale(D))
    spread = X.std(axis=0)
    spread[np.ptp(X, axis=0) == 0] = 1
    # both standardize to rounding of values of order 1; blobs' centers and pixels reach about 20 standard deviations
    np.testing.assert_allclose(s.X, (X - X.mean(axis=0)) / spread, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", DRAWN)
def test_without_scaling_the_same_samples_come_as_they_were_drawn(name):
    X, D = draw(name, 30, 0.2, seed=5)
    raw = load(name, 30, 0.2, 0.0, 5, "none")
    np.testing.assert_array_equal(raw.X, X)
    np.testing.assert_array_equal(raw.D, D)
    raw, scaled = (load(name, 30, 0.2, 0.3, 5, scaling) for scaling in ("none", "standard"))
    rows, held_out = (fit_standardizer(raw.X)(part) for part in (raw.X, raw.X_holdout))
    np.testing.assert_array_equal(scaled.X, rows)
    np.testing.assert_array_equal(scaled.X_holdout, held_out)


def test_the_raw_targets_of_a_regression_are_scaled_over_every_sample_shipped():
    raw = load("diabetes", 442, 0.0, 0.0, 0, "none").D
    assert raw.min() == 25 and raw.max() == 346  # as Efron et al. give them
    few, few_raw = (load("diabetes", 50, 0.0, 0.0, 0, scaling).D for scaling in ("standard", "none"))
    np.testing.assert_allclose(few, (few_raw - raw.mean()) / raw.std(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", DRAWN)
def test_the_noise_only_scales_the_same_draws(name):
    clean, once, twice = (np.hstack(draw(name, 50, noise)) for noise in (0.0, 0.1, 0.2))
    # sums of numbers up to 16 (pixels) are exact to 1e-15 of that
    np.testing.assert_allclose(twice - clean, 2 * (once - clean), rtol=0, atol=1e-13)
    assert (once != clean).any() == bool(DATASETS[name].noise)


@pytest.mark.parametrize("name", NOISY)
def test_the_noise_is_gaussian_with_the_standard_deviation_asked_for(name):
    samples = 5000
    (X, D), (noisy_X, noisy_D) = draw(name, samples), draw(name, samples, 0.3)
    added = (noisy_D - D if name == "sine" else noisy_X - X) / 0.3
    untouched = (noisy_X - X) if name == "sine" else (noisy_D - D)
    assert (untouched == 0).all()
    # standard errors of mean, variance and fourth moment of n standard normals; five of them
    error = 5 / np.sqrt(added.size)
    assert abs(added.mean()) < error
    assert abs((added**2).mean() - 1) < error * np.sqrt(2)
    assert abs((added**4).mean() - 3) < error * np.sqrt(96)
    if added.shape[1] > 1:
        assert abs((added[:, 0] * added[:, 1]).mean()) < 5 / np.sqrt(samples)


@pytest.mark.parametrize("name", [n for n in DRAWN if not DATASETS[n].noise])
def test_noise_is_ignored_where_it_does_not_apply(name):
    assert load(name, 20, 0.0, 0.2, 1) is load(name, 20, 0.7, 0.2, 1)


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("samples", [2, 3, 100, 101])
def test_two_classes_are_balanced(name, samples):
    ones = draw(name, samples)[1].sum()
    assert samples // 2 <= ones <= (samples + 1) // 2


def test_ten_classes_are_balanced():
    assert (draw("blobs", 200)[1].sum(axis=0) == 20).all()


def test_circles_have_their_radii():
    X, D = draw("circles", 100)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(D[:, 0] == 0, 1, 0.3), rtol=1e-15)


def test_moons_are_half_circles_that_interlock():
    X, D = draw("moons", 100)
    upper, lower = X[D[:, 0] == 0], X[D[:, 0] == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, rtol=1e-14)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1, rtol=1e-14)
    assert (upper[:, 1] >= 0).all() and (lower[:, 1] <= 0.5).all()


def test_xor_is_the_truth_table():
    X, D = draw("xor", 8)
    assert {(*x, d) for x, (d,) in zip(X.tolist(), D.tolist(), strict=True)} == {
        (-1, -1, 0),
        (-1, 1, 1),
        (1, -1, 1),
        (1, 1, 0),
    }


def test_spirals_wind_one_and_a_half_turns_and_mirror_each_other():
    X, D = draw("spirals", 4000)
    X = np.where(D == 0, X, -X)
    radius = np.hypot(*X.T)
    assert 0.5 <= radius.min() < 0.6 and 3.4 < radius.max() <= 3.5
    angle = np.pi * radius  # r = angle / pi
    np.testing.assert_allclose(X, radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]), atol=1e-13)
    # evenly along the arm: half of its length, to leading order in the square of the angle, holds half of the points
    # (the standard error of a share of 4,000 is 0.008)
    assert abs((radius**2 < (0.5**2 + 3.5**2) / 2).mean() - 0.5) < 0.04


def test_sine_is_a_sine():
    x, D = draw("sine", 200)
    np.testing.assert_allclose(D, np.sin(x), rtol=1e-15)
    assert -np.pi <= x.min() < -3 and 3 < x.max() <= np.pi


def test_gaussian_inputs_and_targets_are_independent_and_standard_normal():
    X, D = draw("gaussian", 10_000)
    both = np.hstack([X, D])
    # standard errors 0.01 (mean, correlations) and 0.014 (variances); five of them
    assert np.abs(both.mean(axis=0)).max() < 0.05
    covariance = both.T @ both / len(both)
    assert np.abs(covariance - np.eye(11)).max() < 0.07


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_blobs_are_easy_the_nearest_center_is_always_the_right_one(noise):
    for seed in range(10):
        (centers, labels), (X, D) = draw("blobs", 10, seed=seed), draw("blobs", 500, noise, seed)
        assert (labels == np.eye(10)).all()
        nearest = ((X[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        assert (nearest == D.argmax(axis=1)).all()
        assert 0.5 < (centers**2).mean() < 1.5  # unit scale: 200 squares, standard error 0.1


@pytest.mark.parametrize("name", REAL)
def test_real_data_are_all_of_scikit_learns_each_sample_once(name):
    data = DATASETS[name]
    X, target = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    assert data.available == len(X)
    if data.task == "multi-class":
        D = (target[:, None] == np.unique(target)).astype(float)
    else:
        D = target[:, None].astype(float)
    ours = np.hstack(draw(name, len(X) + 1000))
    theirs = np.hstack([X, D])
    assert ours.shape == theirs.shape
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))
    assert not np.array_equal(ours, theirs)


@pytest.mark.parametrize("name", REAL)
def test_fewer_real_samples_are_the_first_of_more(name):
    np.testing.assert_array_equal(draw(name, 20)[0], draw(name, 60)[0][:20])


def test_more_samples_than_there_are_gives_all_of_them():
    assert load("iris", 100_000, 0.0, 0.0, 0) is load("iris", 150, 0.0, 0.0, 0)
    assert len(load("iris", 151, 0.0, 0.2, 0).X) == 120


def test_the_diabetes_target_is_standardized_over_all_patients():
    D = load("diabetes", 442, 0.0, 0.0, 0).D
    assert abs(D.mean()) < 1e-14 and D.std() == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("holdout", [0.0, 0.3])
def test_training_inputs_have_mean_0_and_standard_deviation_1(name, holdout):
    X = load(name, 120, 0.1, holdout, 2).X
    constant = np.ptp(X, axis=0) == 0
    # rounding of 120 values of at most about 10
    assert np.abs(X.mean(axis=0)).max() < 1e-14
    np.testing.assert_allclose(X.std(axis=0), ~constant, rtol=1e-13)
    assert (X[:, constant] == 0).all()
    assert constant.any() == (name == "digits")


def test_held_out_inputs_go_through_the_map_of_the_training_samples():
    raw, target = draw("gaussian", 50, seed=4)
    s = load("gaussian", 50, 0.0, 0.3, 4)
    row = {d: n for n, (d,) in enumerate(target.tolist())}  # real targets tell the rows apart
    training = [row[d] for d in s.D[:, 0].tolist()]
    held_out = [row[d] for d in s.D_holdout[:, 0].tolist()]
    assert len(training) == 35 and len(held_out) == 15 and sorted(training + held_out) == list(range(50))
    assert training == sorted(training)
    expected = (raw[held_out] - raw[training].mean(axis=0)) / raw[training].std(axis=0)
    np.testing.assert_allclose(s.X_holdout, expected, rtol=1e-12, atol=1e-14)


def test_a_larger_share_holds_out_the_same_samples_and_more():
    small, large = (load("gaussian", 60, 0.0, share, 1).D_holdout[:, 0].tolist() for share in (0.2, 0.5))
    assert set(small) < set(large)


def test_another_seed_holds_out_other_samples():
    D = np.arange(60.0)[:, None]
    chosen = [tuple(split(D, D, 0.5, seed).D_holdout[:, 0]) for seed in range(5)]
    assert len(set(chosen)) == 5


@pytest.mark.parametrize(
    ("holdout", "samples", "n_holdout"),
    [(0.0, 10, 0), (0.25, 100, 25), (0.999, 100, 98), (0.9, 3, 1), (0.5, 2, 0), (0.9, 1, 0), (0.3, 5, 2)],
)
def test_the_share_held_out_is_rounded_and_leaves_two_to_train_on(holdout, samples, n_holdout):
    assert count_holdout(holdout, samples) == n_holdout
    X = np.arange(samples, dtype=float)[:, None]
    s = split(X, X, holdout, 0)
    assert len(s.X_holdout) == len(s.D_holdout) == n_holdout and len(s.X) == len(s.D) == samples - n_holdout


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_standardizing_neither_overflows_nor_underflows(scale):
    X = np.array([[1.0, 0.1], [2.0, 0.1], [4.0, 0.1]])
    expected = (X[:, 0] - 7 / 3) / X[:, 0].std()
    Z = fit_standardizer(X * scale)(X * scale)
    np.testing.assert_allclose(Z[:, 0], expected, rtol=1e-13)
    assert (Z[:, 1] == 0).all()  # three times 0.1 does not average to 0.1 exactly


def test_a_constant_column_is_only_centered():
    assert fit_standardizer(np.full((3, 1), 5.0))(np.array([[5.0], [7.0]])).tolist() == [[0.0], [2.0]]


def test_loaded_arrays_are_shared_and_cannot_be_changed():
    s = load("moons", 30, 0.1, 0.2, 0)
    assert load("moons", 30, 0.1, 0.2, 0) is s
    for array in (s.X, s.D, s.X_holdout, s.D_holdout):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7


def test_real_data_survive_what_a_caller_does_to_a_draw():
    before = draw("iris", 150)[0].sum()
    X, D = draw("iris", 150)
    X[:], D[:] = 0, 0
    assert draw("iris", 150)[0].sum() == before


def test_custom_without_data_is_refused():
    with pytest.raises(ConfigError, match="dataset = 'custom'.*needs data"):
        load("custom", 10, 0.1, 0.0, 0)


@pytest.mark.parametrize("name", NOISY)
def test_noise_that_overflows_is_refused(name):
    with pytest.raises(ConfigError, match="noise = 1.7e.308.*finite"):
        load(name, 1000, 1.7e308, 0.0, 0)


@pytest.mark.parametrize("name", NOISY)
def test_huge_noise_that_fits_is_standardized_like_any_other(name):
    X = load(name, 100, 1e200, 0.1, 0).X
    np.testing.assert_allclose(X.std(axis=0), 1, rtol=1e-13)


def test_given_data_are_copied_and_used_as_they_are():
    X, D = np.arange(12.0).reshape(6, 2), np.arange(6)[:, None]
    s = split(X, D, 0.0, 0)
    X[:] = -1
    np.testing.assert_array_equal(s.X, np.arange(12.0).reshape(6, 2))
    np.testing.assert_array_equal(s.D, np.arange(6.0)[:, None])
    assert s.D.dtype == np.float64 and s.task == "regression"
    assert not s.X.flags.writeable and X.flags.writeable


GOOD = np.ones((3, 2))


@pytest.mark.parametrize(
    ("X", "D", "message"),
    [
        (np.ones(3), GOOD, r"X of shape \(3,\).*two-dimensional"),
        (GOOD, np.ones(3), r"D of shape \(3,\).*samples by outputs"),
        (np.ones((3, 2, 1)), GOOD, r"X of shape \(3, 2, 1\)"),
        (np.ones((0, 2)), np.ones((0, 1)), r"X of shape \(0, 2\).*at least one"),
        (np.ones((3, 0)), GOOD, r"X of shape \(3, 0\).*at least one"),
        (GOOD, np.ones((4, 1)), "X of 3 rows, D of 4.*same number of rows"),
        ([[1, np.nan]], [[1]], r"X\[0, 1\] = nan.*finite"),
        ([[1], [2]], [[1], [np.inf]], r"D\[1, 0\] = inf.*finite"),
        ([[np.longdouble("1e4000")]], [[1]], r"X\[0, 0\] = inf.*finite"),
        ([["a", "b"]], [[1]], "X of list.*real numbers"),
        ([[1, 2], [3]], [[1], [2]], "X of list.*rectangle"),
        ([[1 + 2j]], [[1]], "X of list.*real numbers"),
        ([[10**400]], [[1]], "X of list.*real numbers"),
        (None, [[1]], "X of NoneType.*real numbers"),
    ],
)
def test_malformed_data_are_refused_in_one_sentence(X, D, message):
    with pytest.raises(ConfigError, match="data = .*" + message) as caught:
        split(X, D, 0.2, 0)
    assert caught.value.field == "data" and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("D", "task"),
    [
        ([[0.0], [1.0]], "two-class"),
        ([[0.0], [0.5]], "regression"),
        ([[2.0], [1.0]], "regression"),
        ([[1.0, 0.0], [0.0, 1.0]], "multi-class"),
        ([[1.0, 1.0], [0.0, 1.0]], "regression"),
        ([[0.0, 0.0], [0.0, 1.0]], "regression"),
        ([[0.2, 0.8], [0.0, 1.0]], "regression"),
    ],
)
def test_the_task_follows_from_the_targets(D, task):
    assert infer_task(np.array(D)) == task


@pytest.mark.parametrize("name", DRAWN)
def test_the_task_inferred_is_the_one_the_registry_says(name):
    assert infer_task(draw(name, 60)[1]) == DATASETS[name].task


@pytest.mark.parametrize("name", DRAWN)
def test_what_suits_a_dataset_is_a_valid_config_and_fits_its_targets(name):
    loss, output = recommended_losses(DATASETS[name].task)
    RunConfig(dataset=name, loss=loss, output_activation=output)
    s = load(name, 30, 0.1, 0.0, 0)
    check_targets(loss, s.D, s.task)
    check_targets("mse", s.D, s.task)


TARGETS = {
    "regression": np.array([[0.3], [2.0]]),
    "two-class": np.array([[0.0], [1.0]]),
    "multi-class": np.eye(3),
}


@pytest.mark.parametrize(
    ("loss", "task", "better"),
    [
        ("bce", "regression", "mse with a linear"),
        ("cross_entropy", "regression", "mse with a linear"),
        ("cross_entropy", "two-class", "bce with a sigmoid"),
    ],
)
def test_a_loss_that_contradicts_the_targets_is_refused_with_one_that_suits(loss, task, better):
    with pytest.raises(ConfigError, match=f"loss = '{loss}'.*{task}.*{better}"):
        check_targets(loss, TARGETS[task], task)


@pytest.mark.parametrize(
    ("loss", "D", "task"),
    [
        ("bce", [[0.0], [1.5]], "regression"),
        ("bce", [[-0.1], [1.0]], "regression"),
        ("cross_entropy", [[0.5, 0.6]], "regression"),
        ("cross_entropy", [[-0.5, 1.5]], "regression"),
        ("cross_entropy", [[1.0]], "multi-class"),
    ],
)
def test_targets_outside_what_a_loss_takes_are_refused(loss, D, task):
    with pytest.raises(ConfigError, match=f"loss = '{loss}'"):
        check_targets(loss, np.array(D), task)


def test_distributions_as_targets_suit_cross_entropy_and_classes_suit_bce():
    check_targets("cross_entropy", np.array([[0.2, 0.8], [0.5, 0.5]]), "regression")
    check_targets("cross_entropy", np.full((4, 3), np.float32(1) / 3, dtype=np.float32).astype(float), "regression")
    check_targets("bce", TARGETS["multi-class"], "multi-class")
    check_targets("bce", np.array([[0.3], [0.9]]), "regression")  # probabilities
    check_targets("bce", np.array([[1.0, 1.0], [0.0, 1.0]]), "regression")  # several labels a sample
    for task in TASKS:
        check_targets("mse", TARGETS[task], task)


@pytest.mark.parametrize("name", [name for name in DRAWN if DATASETS[name].task == "regression"])
def test_bce_never_suits_a_regression_dataset_whatever_was_drawn(name):
    # a handful of targets may all lie within [0, 1]: that is chance, and makes no probabilities of them
    with pytest.raises(ConfigError, match="loss = 'bce'.*regression.*mse with a linear"):
        check_targets("bce", np.array([[0.2], [0.8]]), "regression", given=False)
    for seed in range(40):
        with pytest.raises(ConfigError, match="loss = 'bce'.*regression"):
            checked_data(RunConfig(dataset=name, loss="bce", output_activation="sigmoid", samples=2, seed=seed), None)


@pytest.mark.parametrize(("loss", "output"), [("bce", "sigmoid"), ("cross_entropy", "softmax")])
def test_held_out_targets_are_checked_like_the_others(loss, output):
    D = np.full((4, 2), 0.5)
    config = RunConfig(loss=loss, output_activation=output, holdout=0.5, hidden=())
    left_out = next(n for n in range(4) if n not in split(np.arange(4.0)[:, None], D, 0.5, 0).X)
    D[left_out] = 2.0
    with pytest.raises(ConfigError, match=f"loss = '{loss}'"):
        checked_data(config, (np.arange(4.0)[:, None], D))


def test_scikit_learn_is_imported_only_when_its_data_are_asked_for():
    code = "import sys, core.data.datasets; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
