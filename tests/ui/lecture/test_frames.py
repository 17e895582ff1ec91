"""Sections in a frame: each says in a sentence the numbers of its own picture."""

import pytest

from core.lecture.small_network import draw
from tests.support.nothing import anything
from ui.charts.style import number
from ui.lecture import error, frames, network, sigmoid


@pytest.fixture
def framed(monkeypatch):
    """(title, sentence, chart, key, names of controls) of each frame that is drawn."""
    drawn = []

    def note(title, sentence, chart, key, controls=None, picked=None):
        drawn.append((title, sentence.replace("\\", ""), chart, key, list(controls or {})))

    monkeypatch.setattr(frames, "_draw", note)
    monkeypatch.setattr(frames.panels, "dark", lambda: False)
    return drawn


@pytest.mark.parametrize("z", [0.0, 2.0, -4.5])
def test_ten_slopes_are_multiplied(z, framed, monkeypatch):
    monkeypatch.setattr(frames, "session", {"sigmoid_z": z})
    frames.draw_sigmoid()
    slope = sigmoid.slope_at(z)
    [(_, words, _, _, controls)] = framed
    assert f"At z = {number(z, 3)} the slope is {number(slope, 3)};" in words
    assert words.endswith(f"10 slopes like this one, multiplied, make {number(slope**10)}.")
    assert controls == ["sigmoid_z"]


@pytest.mark.parametrize("output", ["all", "1", "2"])
@pytest.mark.parametrize("samples", [1, 3])
def test_the_error_is_the_mean_over_the_samples_of_the_outputs_that_are_counted(output, samples, framed, monkeypatch):
    net = draw(2, 3, 2, samples, 5)
    monkeypatch.setattr(network, "current", lambda: net)
    monkeypatch.setattr(error, "session", {"error_output": output})
    frames.draw_error()
    squares = (net.values.output - net.d) ** 2
    part = squares if output == "all" else squares[:, [int(output) - 1]]
    [(_, words, _, _, controls)] = framed
    assert words == f"E is the mean over {samples} samples: {number(float(part.sum() / samples), 5)}."
    assert controls == ["error_output"]


@pytest.mark.parametrize("k", range(6))
def test_the_gradient_that_is_checked_is_that_of_the_chosen_weight(k, monkeypatch):
    checked, pictures = [], []
    session = {"exercise_weight": frames.solution.WEIGHT_NAMES[k], "exercise": 3.0, "exercise_numbers": ""}
    monkeypatch.setattr(frames, "session", session)
    monkeypatch.setattr(frames.exercise, "session", session)
    monkeypatch.setattr(frames.check, "restored", lambda index: 10.0 + index)
    monkeypatch.setattr(frames.check, "check_number", lambda given, index, value: checked.append((index, value)))
    monkeypatch.setattr(frames.solution, "draw_network", lambda given: None)
    monkeypatch.setattr(frames.embedding, "draw_frame", lambda picture, **_: pictures.append(picture))
    monkeypatch.setattr(frames, "st", anything())
    monkeypatch.setattr(frames.views, "is_locked", lambda name: False)
    frames.draw_numbers()
    pictures[0]()
    assert checked == [(k, 10.0 + k)]
