"""Colors of an answer over two inputs are those of the samples on it."""

import numpy as np
import pytest

from ui.charts import style
from ui.charts.boundary import decision_boundary, grid


def answered(task, outputs, seed=0):
    """A chart of random samples and of an answer in which every class wins somewhere."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 2))
    points = grid(X, 15)
    angles = np.arctan2(points[:, 1], points[:, 0])[:, None] - 2 * np.pi * np.arange(outputs) / outputs
    values = 0.5 + 0.4 * np.cos(angles)
    D = np.eye(outputs)[rng.integers(0, outputs, 60)] if task == "multi-class" else rng.integers(0, 2, (60, 1)) * 1.0
    if task == "regression":
        D = rng.normal(0, 3, (60, 1))
    return decision_boundary(X, D, points, values, task=task), D, values


@pytest.mark.parametrize("seed", range(3))
def test_the_ends_of_two_classes_have_the_colors_of_their_samples(seed):
    answer, *samples = answered("two-class", 1, seed)[0].spec["data"]
    assert [answer["colorscale"][end][1] for end in (0, -1)] == [spots["marker"]["color"] for spots in samples]
    assert (answer["contours"]["start"], answer["contours"]["end"]) == (0.5, 0.5)


@pytest.mark.parametrize("classes", [3, 5, 10])
def test_each_class_has_the_color_of_its_samples_from_half_below_to_half_above_its_number(classes):
    answer, *samples = answered("multi-class", classes)[0].spec["data"]
    low, high = answer["zmin"], answer["zmax"]
    for k, spots in enumerate(samples):
        (color,) = {color for at, color in answer["colorscale"] if low + at * (high - low) == pytest.approx(k + 0.5)
                    } & {color for at, color in answer["colorscale"] if low + at * (high - low)
                         == pytest.approx(k - 0.5)}  # fmt: skip
        assert color == style.fade(spots["marker"]["color"], 0.42)


def test_answers_and_targets_of_a_regression_share_one_scale_that_holds_both():
    chart, D, values = answered("regression", 1)
    answer, samples = chart.spec["data"]
    ends = min(D.min(), values.min()), max(D.max(), values.max())
    assert (answer["zmin"], answer["zmax"]) == (samples["marker"]["cmin"], samples["marker"]["cmax"]) == ends
    assert answer["colorscale"] == samples["marker"]["colorscale"]


@pytest.mark.parametrize("value", [0.0, -3.5, 1e9])
def test_equal_answers_and_equal_samples_have_a_scale_and_a_range_of_some_length(value):
    X = np.full((6, 2), value)
    points = grid(X, 4)
    assert (points.min(axis=0) < value).all() and (points.max(axis=0) > value).all()
    chart = decision_boundary(X, np.full((6, 1), value), points, np.full((16, 1), value), task="regression")
    assert all(drawn[low] == value < drawn[high] for drawn, low, high in (
        (chart.spec["data"][0], "zmin", "zmax"), (chart.spec["data"][1]["marker"], "cmin", "cmax")))  # fmt: skip
