"""A section of the Lecture in a frame: the picture of its page, and controls that their names hide and fix."""

import pytest
import streamlit
from streamlit.runtime.context import ContextProxy

from tests.support.page_parts import sent, watch_parts
from tests.support.pages import open_page
from ui import embedding
from ui.charts.filling import fill
from ui.lecture import frames, outline

# By section, settings that are not those it opens with and differ from each other, and the key of its picture.
SETTINGS = {
    "descent": ("lecture-contours", {"descent": "saddle", "saddle_eta": "0.07", "saddle_mu": "0.3", "saddle_x": "0.4",
                                     "saddle_y": "-0.9", "saddle_steps": "17", "saddle_step": "5"}),
    "network": ("lecture-network", {"net_i": "3", "net_j": "4", "net_k": "2", "net_n": "5", "net_seed": "9",
                                    "net_sample": "4"}),
    "error": ("lecture-error", {"net_k": "3", "net_n": "4", "net_seed": "7", "error_output": "2"}),
    "sigmoid": ("lecture-sigmoid", {"sigmoid_z": "-1.25"}),
    "steps": ("exercise-errors", {"exercise": "3", "walk": "4x0.5,3x2"}),
    "vanishing": ("stack-product", {"stack_activation": "tanh", "stack_layers": "4", "stack_scale": "1.75"}),
}  # fmt: skip
# Of sections whose frame has more than one control or none of the above.
CONTROLS = {name: settings for name, (_, settings) in SETTINGS.items()} | {"numbers": {}}
KINDS = ("slider", "select_slider", "segmented_control", "number_input", "button", "selectbox", "pills", "radio")


@pytest.fixture
def framed(monkeypatch):
    monkeypatch.setattr(ContextProxy, "is_embedded", True)


@pytest.mark.parametrize("section", SETTINGS)
def test_a_section_and_its_frame_show_the_same_picture(section, monkeypatch):
    key, settings = SETTINGS[section]
    parts = watch_parts(monkeypatch)
    open_page("lecture", section=section, **settings)
    whole = parts.charts[key]
    parts.charts.clear()
    open_page("lecture", section=section)
    assert sent(parts.charts[key]) != sent(whole)
    parts.charts.clear()
    monkeypatch.setattr(ContextProxy, "is_embedded", True)
    open_page("lecture", section=section, **settings)
    assert {name: sent(chart) for name, chart in parts.charts.items()} == {key: sent(fill(whole))}


@pytest.mark.parametrize("section", CONTROLS)
def test_every_control_of_a_frame_is_drawn_under_its_own_name_and_fixed_by_it(section, framed, monkeypatch):
    drawn, now = {}, []
    draw_frame = embedding.draw_frame

    def noted(picture, *, verdict, controls=None):
        def draw(name, control):
            now.append(name)
            control()
            now.pop()

        named = {name: lambda name=name, control=control: draw(name, control) for name, control in controls.items()}
        draw_frame(picture, verdict=verdict, controls=named)

    def noting(widget):
        def draw(*given, **more):
            if now:
                drawn.setdefault(now[-1], []).append((more["key"], more.get("disabled", False)))
            return widget(*given, **more)

        return draw

    for kind in KINDS:
        monkeypatch.setattr(streamlit, kind, noting(getattr(streamlit, kind)))
    monkeypatch.setattr(embedding, "draw_frame", noted)
    open_page("lecture", section=section, **CONTROLS[section])
    names = list(drawn)
    assert names and all(key in (name, f"{name}_0") and not fixed for name in names for key, fixed in drawn[name])
    drawn.clear()
    open_page("lecture", section=section, lock=names[-1], hide=names[0] if len(names) > 1 else "", **CONTROLS[section])
    assert {name: [fixed for _, fixed in found] for name, found in drawn.items()} == {
        name: [name == names[-1]] for name in names[len(names) > 1 :]
    }


def test_every_section_but_the_list_of_links_has_a_frame():
    assert set(outline.NAMES) - set(frames.FRAMES) == {"path"}
