"""Synthetic data sets: each draws X (samples, inputs) and D (samples, outputs) from a generator."""

from __future__ import annotations

import numpy as np

Samples = tuple[np.ndarray, np.ndarray]  # X (samples, inputs) and D (samples, outputs)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns rows of 0 with a 1 in column `labels[n]`, (samples, classes)."""
    return np.eye(classes)[labels]


def _two_classes(samples: int) -> np.ndarray:
    """Returns the labels 0, 1, 0, 1, ...: as balanced as the number of samples allows."""
    return np.arange(samples) % 2


def _with_labels(points: np.ndarray, labels: np.ndarray) -> Samples:
    return points, labels[:, None].astype(float)


def draw_circles(rng: np.random.Generator, samples: int, noise: float) -> Samples:
    labels = _two_classes(samples)
    radius = np.where(labels == 0, 1.0, 0.3)
    angle = rng.uniform(0, 2 * np.pi, samples)
    points = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return _with_labels(points + noise * rng.standard_normal(points.shape), labels)


def draw_moons(rng: np.random.Generator, samples: int, noise: float) -> Samples:
    labels = _two_classes(samples)
    side = 1 - 2 * labels
    angle = rng.uniform(0, np.pi, samples)
    points = np.column_stack([labels + side * np.cos(angle), 0.5 * labels + side * np.sin(angle)])
    return _with_labels(points + noise * rng.standard_normal(points.shape), labels)


def draw_xor(rng: np.random.Generator, samples: int, noise: float) -> Samples:
    labels = _two_classes(samples)
    left = np.arange(samples) // 2 % 2
    points = 2.0 * np.column_stack([left, left ^ labels]) - 1
    return _with_labels(points + noise * rng.standard_normal(points.shape), labels)


def draw_spirals(rng: np.random.Generator, samples: int, noise: float) -> Samples:
    labels = _two_classes(samples)
    # the square of the angle is uniform, so that points lie evenly along the arm
    angle = np.sqrt(rng.uniform((0.5 * np.pi) ** 2, (3.5 * np.pi) ** 2, samples))
    radius = (1 - 2 * labels) * angle / np.pi
    points = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return _with_labels(points + noise * rng.standard_normal(points.shape), labels)


def draw_blobs(rng: np.random.Generator, samples: int, noise: float) -> Samples:
    labels = np.arange(samples) % 10
    centers = rng.standard_normal((10, 20))
    return centers[labels] + noise * rng.standard_normal((samples, 20)), one_hot(labels, 10)


def draw_sine(rng: np.random.Generator, samples: int, noise: float) -> Samples:
    x = rng.uniform(-np.pi, np.pi, (samples, 1))
    return x, np.sin(x) + noise * rng.standard_normal((samples, 1))


def draw_gaussian(rng: np.random.Generator, samples: int, noise: float) -> Samples:
    return rng.standard_normal((samples, 10)), rng.standard_normal((samples, 1))
