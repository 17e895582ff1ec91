"""The lessons that ship: every scene opens as its link says and shows what its text says; bad lists are refused."""

import json

import numpy as np
import pytest

from core import ConfigError, RunConfig, diagnose, train
from core.diagnosis.rules import VERDICTS
from core.families.activations import ACTIVATIONS
from core.lecture.descent import SURFACES, descend, grid, network_error
from core.lecture.paths import over_scales, trace_paths
from core.trace import layer_factor
from tests.support.checkout import HOUSE
from ui import scenes
from ui.compare import state
from ui.controls.fields import LAB_PARAMETERS
from ui.lecture import blanks, outline, symbols
from ui.lecture.path import LESSON
from ui.lecture.sigmoid import slope_at
from ui.lecture.vanishing import SCALES, WIDTH
from ui.scenes import MAX_SCENES, read_lesson, shipped
from ui.sweep import controls as sweep_controls
from ui.urls import link
from ui.urls.sync import read_query

PARAMETERS = {"": LAB_PARAMETERS, "compare": state.PARAMETERS, "sweep": sweep_controls.PARAMETERS,
              "lecture": outline.PARAMETERS}  # fmt: skip
ALL = [pytest.param(scene, id=f"{lesson.name}-{n}") for lesson in shipped().values()
       for n, scene in enumerate(lesson.scenes, 1)]  # fmt: skip
# What the text of each scene of the Lab claims: verdict, and bounds of the factor per layer at the start.
LAB_CLAIMS = {
    "Ten sigmoid layers": ("vanishing", 0.2, 0.26),
    "The same with two layers": (None, 0.1, 1.0),
    "Tanh in balance": ("healthy", 0.85, 1.15),
    "ReLU with He’s init": ("healthy", 0.85, 1.15),
    "Dead ReLUs": ("dead", 0.5, 1.5),
    "Twenty layers with large weights": ("diverged", 1.1, 1.5),
    "Clipping holds it": ("healthy", 1.1, 1.5),
    "Fifty plain layers": ("vanishing", 0.08, 0.11),
    "Fifty residual layers": ("healthy", 0.95, 1.1),
}


@pytest.mark.parametrize("scene", ALL)
def test_every_parameter_of_a_link_is_one_of_its_page(scene):
    parameters = PARAMETERS[scene.page]
    assert link.find_invalid_params(scene.query, parameters.rules, parameters.free) == {}
    assert scene.title and scene.look and scene.wrong and scene.say and scene.minutes > 0


@pytest.mark.parametrize("name, minutes", [("lesson-20", 20), ("lesson-45", 45)])
def test_a_lesson_takes_the_minutes_of_its_name(name, minutes):
    assert shipped()[name].minutes == minutes


def test_the_path_leads_from_lecture_sections_over_three_networks_to_one_comparison():
    pages = [scene.page for scene in shipped()[LESSON].scenes]
    assert pages == ["lecture"] * 4 + [""] * 3 + ["compare"]


def config_of(scene):
    return link.to_config(read_query(scene.query, PARAMETERS[scene.page]))


@pytest.mark.claims
@pytest.mark.parametrize("scene", [param for param in ALL if param.values[0].page == ""])
def test_a_network_of_a_lesson_shows_what_its_text_says(scene):
    verdict, low, high = LAB_CLAIMS[scene.title]
    [trace] = train([config_of(scene)])
    assert low < layer_factor(trace.delta_norm[0]) < high
    if verdict:
        assert diagnose(trace).verdict == verdict and VERDICTS[verdict]
    if verdict == "healthy":
        assert trace.loss[trace.last_row] < 0.5 * trace.loss[0]
    if scene.title == "Ten sigmoid layers":
        share = trace.delta_norm[0, 0] / trace.delta_norm[0, -1]
        assert 1e-8 < share < 1e-5
        spread = np.array([layer_factor(row) for row in trace.delta_norm])
        assert np.ptp(spread) < 0.05  # training does not change the slope
    if scene.title == "The same with two layers":
        assert trace.delta_norm[0, 0] / trace.delta_norm[0, -1] > 1e-3
    if scene.title == "Dead ReLUs":
        assert (trace.delta_norm[trace.last_row] == 0).any()
        assert scene.query["step"] == [str(trace.step[trace.last_row])]  # the picture opens where they are dead


def show_descent(values):
    surface = SURFACES[values["descent"]]()
    rest = [values[f"{values['descent']}_{short}"] for short in ("eta", "mu", "steps")]
    path = descend(surface, surface.start, *rest)
    gradients = np.array([surface.gradient(point) for point in path.points[:-1]])
    steps = np.diff(path.points, axis=0)
    assert np.allclose(steps, -rest[0] * gradients)  # the next point lies against the gradient, as far as that is long
    plateau = network_error()
    xs, ys, values = grid(plateau, 21)
    slopes = np.array([[np.linalg.norm(plateau.gradient(np.array([x, y]))) for x in xs] for y in ys])
    assert ((slopes < slopes.max() / 10) & (values > values.max() / 3)).any()  # a small gradient far above the minimum


def show_slope(values):
    slope = ACTIVATIONS["sigmoid"].slope(np.linspace(-10, 10, 2001))
    assert slope.max() == 0.25 == slope_at(0.0) and slope.argmax() == 1000
    assert slope_at(values["sigmoid_z"]) < 0.02 and slope_at(-values["sigmoid_z"]) < 0.02
    S = 1 / (1 + np.exp(-values["sigmoid_z"]))
    assert slope_at(values["sigmoid_z"]) == pytest.approx(S * (1 - S))


def show_chain(values):
    lengths = {weight.text: (len(symbols.chain(weight)), weight.layers) for weight in symbols.WEIGHTS}
    assert {size for size, layers in lengths.values() if layers == "0,1"} == {4}
    assert {size for size, layers in lengths.values() if layers == "1,2"} == {2}
    for weight in [weight for weight in symbols.WEIGHTS if weight.layers == "0,1"]:
        factors, unit = symbols.chain(weight), weight.indices[1]
        assert symbols.Factor(symbols.O, symbols.y(unit)) in factors
        assert symbols.Factor(symbols.O, symbols.w12(unit)) not in factors


def show_symbols(values):
    assert [node.letter for node in blanks.NODES] == ["x", "x", "y", "y", "o"]
    edge = blanks.describe_blank(blanks.BLANKS.index(symbols.w01(1, 2)) + 1)
    assert "from input 1 to hidden unit 2" in edge  # the first index says from where, the second to where


def show_products(values):
    widths = (WIDTH,) * int(values["stack_layers"])
    config = RunConfig().replace(hidden=widths, activation=values["stack_activation"])
    rising = over_scales(config, SCALES)["typical"] > 1
    assert np.count_nonzero(np.diff(rising)) == 1 and rising[-1]  # it tips over at one value
    paths = trace_paths(config.replace(init_scale=values["stack_scale"]))
    assert len(paths.slopes) == len(paths.weights) == len(widths) - 1
    assert np.allclose(paths.path, np.append(np.cumprod((np.abs(paths.slopes * paths.weights))[::-1])[::-1], 1))


LECTURE_CLAIMS = {
    "A step against the gradient": show_descent,
    "The network and its symbols": show_symbols,
    "The slope of a sigmoid": show_slope,
    "The chain rule is a product": show_chain,
    "Ten factors": show_products,
}


@pytest.mark.parametrize("scene", [param for param in ALL if param.values[0].page == "lecture"])
def test_a_section_of_a_lesson_shows_what_its_text_says(scene):
    LECTURE_CLAIMS[scene.title](read_query(scene.query, PARAMETERS["lecture"]))


def comparison_of(scene):
    values = read_query(scene.query, state.PARAMETERS)
    return state.make_comparison(link.to_config(values), values["vary"], values["arms"], int(values["seeds"]))


@pytest.mark.claims
@pytest.mark.slow
@pytest.mark.parametrize("scene", [param for param in ALL if param.values[0].page == "compare"])
def test_a_comparison_of_a_lesson_shows_what_its_text_says(scene):
    comparison = comparison_of(scene)
    shares, losses = {}, {}
    for arm in comparison.arms:
        config = arm.config(comparison.base)
        traces = train([config.replace(seed=config.seed + k) for k in range(comparison.seeds)])
        shares[arm.name] = [trace.delta_norm[0, 0] / trace.delta_norm[0, -2] for trace in traces]
        losses[arm.name] = [trace.loss[trace.last_row] for trace in traces]
    if scene.title == "One number decides":
        weak, one, level, large = shares.values()
        assert max(weak) < min(one) and max(one) < min(level) and max(level) < min(large)
        assert max(one) < 0.5 and min(large) > 2
    else:
        assert max(shares["sigmoid"]) < 1e-4
        assert np.median(losses["sigmoid"]) > 0.24  # of the mean of the targets, 0 and 1 alike, it is 0.25
        for name in ("tanh", "ReLU"):
            assert 0.1 < np.median(shares[name]) < 10 and np.median(losses[name]) < 0.22


BAD = {
    "no JSON": b"{",
    "no list": b"[]",
    "no scenes": b'{"scenes": []}',
    "too many": json.dumps({"scenes": [{"link": "", "title": "x"}] * (MAX_SCENES + 1)}).encode(),
    "no title": b'{"scenes": [{"link": "?depth=2"}]}',
    "a foreign page": b'{"scenes": [{"link": "https://example.org", "title": "x"}]}',
    "a script": b'{"scenes": [{"link": "javascript:alert(1)", "title": "x"}]}',
    "an unknown field": b'{"scenes": [{"link": "", "title": "x", "html": "<b>"}]}',
    "a number for a text": b'{"scenes": [{"link": "", "title": 3}]}',
    "minutes that are none": b'{"scenes": [{"link": "", "title": "x", "minutes": NaN}]}',
    "minutes below 0": b'{"scenes": [{"link": "", "title": "x", "minutes": -1}]}',
    "minutes that are true": b'{"scenes": [{"link": "", "title": "x", "minutes": true}]}',
    "half of a character": b'{"scenes": [{"link": "", "title": "\\ud800"}]}',
    "a long link": json.dumps({"scenes": [{"link": "?" + "x" * 5_000, "title": "x"}]}).encode(),
    "no text": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
    "too long": b" " * 2_000_000,
}


@pytest.mark.parametrize("name", BAD)
def test_a_list_that_is_none_is_refused_in_a_sentence(name):
    with pytest.raises(ConfigError) as caught:
        read_lesson(BAD[name], "talk")
    assert str(caught.value).startswith("talk") and "is not allowed" in str(caught.value)


def lesson_of(*made, **more):
    return read_lesson(json.dumps({"scenes": list(made)} | more).encode(), "talk")


def test_a_list_at_its_limits_is_read_and_one_beyond_is_refused():
    one = {"link": "", "title": "x"}
    assert len(lesson_of(*[one] * MAX_SCENES).scenes) == MAX_SCENES and len(lesson_of(one).scenes) == 1
    full = json.dumps({"scenes": [one]}).encode()
    assert read_lesson(full + b" " * (1_000_000 - len(full)), "talk").scenes
    with pytest.raises(ConfigError, match="1,000,001 bytes"):
        read_lesson(full + b" " * (1_000_001 - len(full)), "talk")
    for key in ("link", "title", "ask", "look", "wrong", "say"):
        text = "?" + "a" * 3_999
        assert getattr(lesson_of(one | {key: text}).scenes[0], key) == text
        with pytest.raises(ConfigError, match="at most 4,000 characters"):
            lesson_of(one | {key: text + "a"})
    assert lesson_of(one | {"minutes": 600}, one | {"minutes": 0.5}).minutes == 600.5
    with pytest.raises(ConfigError):
        lesson_of(one | {"minutes": 601})
    assert lesson_of(one).title == "talk" and lesson_of(one, title="Mine").title == "Mine"
    assert lesson_of(one, title="x" * 4_001).title == "talk"


@pytest.mark.parametrize("page", ["", "compare", "sweep", "lecture", "papers", "runs"])
def test_every_page_can_be_a_scene_and_a_refusal_names_the_scene_by_its_number(page):
    good = {"link": f"{page}?a=1&b=", "title": "x"}
    [scene] = lesson_of(good).scenes
    assert scene.page == page and scene.query == {"a": ["1"], "b": [""]}
    for place in (1, 2, 3):
        made = [good] * 3
        made[place - 1] = {"link": "present", "title": "x"}
        with pytest.raises(ConfigError, match=f"talk, scene {place}, link"):
            lesson_of(*made)


def test_a_folder_and_a_file_of_a_lecturer_come_before_those_that_ship(tmp_path, monkeypatch):
    file = tmp_path / "talk.json"
    file.write_text('{"title": "Mine", "scenes": [{"link": "?depth=2", "title": "Two"}]}')
    for path in (file, tmp_path):
        monkeypatch.setenv("GRADIENT_LAB_SCENES", str(path))
        assert list(scenes.lessons()) == ["talk", "lesson-20", "lesson-45"]
    monkeypatch.setenv("GRADIENT_LAB_SCENES", str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match="GRADIENT_LAB_SCENES"):
        scenes.lessons()


def test_a_lecturers_own_lesson_takes_the_place_of_one_that_ships_under_its_name(tmp_path, monkeypatch):
    (tmp_path / "lesson-20.json").write_text('{"title": "Mine", "scenes": [{"link": "runs", "title": "A run"}]}')
    monkeypatch.setenv("GRADIENT_LAB_SCENES", str(tmp_path))
    assert scenes.lessons()["lesson-20"].title == "Mine" and list(scenes.lessons()) == ["lesson-20", "lesson-45"]


def test_the_guide_for_teachers_lists_every_scene():
    text = (HOUSE / "docs" / "teaching.md").read_text(encoding="utf-8")
    for lesson in shipped().values():
        assert lesson.title in text
        assert all(scene.title in text for scene in lesson.scenes)
