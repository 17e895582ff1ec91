"""The line of theory over a recording is that of its own network, from its first layer to its last."""

from types import SimpleNamespace

import numpy as np
import pytest

from core import RunConfig
from core.theory.prediction import no_prediction
from ui.runs import theory

WEIGHTS = np.array([0, 2, 5])


def line(monkeypatch, *, hidden=(4, 4), indices=WEIGHTS, reason="", median=(8.0, 4.0, 2.0)):
    network = SimpleNamespace(config=RunConfig(hidden=hidden))
    grad = SimpleNamespace(reason=reason, median=np.array(median))
    monkeypatch.setattr(theory, "recognize_mlp", lambda recording: network)
    monkeypatch.setattr(theory.theory, "expected", lambda run, slot: SimpleNamespace(grad=grad))
    recording = SimpleNamespace(of_kind={"weight": WEIGHTS}.get)
    return theory.typical_network(SimpleNamespace(recording=recording, indices=indices), object())


def test_it_is_the_median_relative_to_the_last_layer(monkeypatch):
    [guide] = line(monkeypatch)
    assert guide.name == theory.theory.TYPICAL and guide.values.tolist() == [4.0, 2.0, 1.0]


@pytest.mark.parametrize("other", [
    {"indices": WEIGHTS[::-1]}, {"indices": WEIGHTS[:2]}, {"indices": np.array([0, 2, 4])}, {"hidden": (4,)},
    {"hidden": (4, 4, 4)}, {"reason": no_prediction(3, "none").reason}, {"median": (8.0, 4.0, 0.0)},
], ids=str)  # fmt: skip
def test_tensors_and_layers_that_are_not_one_to_one_have_none(other, monkeypatch):
    assert line(monkeypatch, **other) == []
