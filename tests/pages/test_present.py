"""The presenting mode, driven without a browser: lists, questions first, notes, and links that are refused."""

import json
import re
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl

import pytest
import streamlit
from streamlit.runtime.context import ContextProxy

from tests.support.checkout import HOUSE
from tests.support.nothing import anything
from tests.support.pages import open_page
from ui import presenting
from ui.scenes import PAGES, Scene, shipped
from ui.sweep import training
from ui.urls.link import find_invalid_params

present = partial(open_page, "present")


def calm(app):
    assert not app.exception
    return app


def charts(app):
    return [chart for chart in app.get("plotly_chart") if "present-chart" in chart.proto.id]


def test_without_a_lesson_all_lessons_are_listed():
    app = present()
    labels = [button.label for button in app.button]
    for lesson in shipped().values():
        assert f"{lesson.title} · {len(lesson.scenes)} scenes, {lesson.minutes:g} min" in labels
    calm(app.button(key="lesson_lesson-20").click().run())
    assert app.title[0].value == shipped()["lesson-20"].scenes[0].title


def test_the_question_comes_before_the_picture_and_the_notes_beside():
    scene = shipped()["lesson-45"].scenes[5]
    app = present(lesson="lesson-45", scene="6")
    assert any(scene.ask == markdown.value for markdown in app.markdown) and not charts(app)
    calm(app.button(key="present_reveal").click().run())
    assert len(charts(app)) == 1
    calm(app.button(key="present_notes_key").click().run())
    assert any(scene.say in markdown.value for markdown in app.markdown)
    calm(app.button(key="present_notes_key").click().run())
    calm(app.button(key="present_up").click().run())
    assert '"active":1' in charts(app)[0].proto.spec.replace(" ", "")
    calm(app.button(key="present_next").click().run())
    assert app.title[0].value == shipped()["lesson-45"].scenes[6].title and not charts(app)


@pytest.mark.parametrize("link", ["?depth=-1", "?loss=bce", "?s=nonsense", "compare?arms=x", "sweep?x_count=x",
                                  "?dataset=custom", "?depth=500&width=4096", "sweep?x_count=500&y_count=500",
                                  "https://example.org", "javascript:alert(1)", "runs",
                                  "runs?example=dead_cnn&step=40",
                                  "design", "<script>"])  # fmt: skip
def test_a_link_of_any_kind_is_shown_or_refused_in_a_sentence(link, monkeypatch):
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", "3e8")
    monkeypatch.setenv("GRADIENT_LAB_MAX_SWEEP", "12")
    app = present(link=link)
    assert charts(app) or app.error or app.warning or any(button.key == "lesson_lesson-20" for button in app.button)


def test_a_lesson_that_there_is_not_is_named_beside_those_that_there_are():
    app = present(lesson="zz")
    assert "“zz”" in app.warning[0].value
    assert any(button.key == "lesson_lesson-20" for button in app.button)
    assert not present().warning


def test_a_step_key_moves_on_from_the_scenes_own_step_and_keeps_its_axis():
    app = present(link="?depth=3&width=4&steps=20&samples=16&step=10&axis=-7,3")
    specification = charts(app)[0].proto.spec.replace(" ", "")
    active = int(re.search(r'"active":(\d+)', specification)[1])
    assert active > 0 and '"range":[-7.0,3.0]' in specification
    calm(app.button(key="present_up").click().run())
    after = charts(app)[0].proto.spec.replace(" ", "")
    assert f'"active":{active + 1}' in after and '"range":[-7.0,3.0]' in after


def test_the_next_scene_begins_with_its_question_on_a_lit_screen():
    app = present(lesson="lesson-45", scene="6")
    for key in ("present_reveal", "present_blank_key"):
        calm(app.button(key=key).click().run())
    assert not charts(app)
    app.session_state["scene"] = 7.0
    calm(app.run())
    app.session_state["scene"] = 6.0
    calm(app.run())
    assert any(shipped()["lesson-45"].scenes[5].ask == markdown.value for markdown in app.markdown)


def test_a_scene_without_a_step_opens_where_its_verdict_judges_and_one_with_a_step_there():
    late = "?depth=6&width=8&samples=32&steps=60&activation=relu&init=he_normal&loss=bce&output_activation=sigmoid"
    late += "&optimizer=adam&learning_rate=0.3"
    for step, words in (("", "Step 60: "), ("&step=0", "Step 0: ")):
        app = present(link=late + step)
        assert any("After 60 steps" in markdown.value for markdown in app.markdown)
        drawings = json.loads(charts(app)[0].proto.spec)["data"]
        [shown] = [drawing for drawing in drawings if drawing.get("name") == "words"]
        assert shown["text"][0].startswith(words)


TINY = "?depth=2&width=3&steps=20&samples=8"


@pytest.fixture
def talk(tmp_path, monkeypatch):
    """A lecturer's own lesson of scenes that take no time; the second asks first."""
    texts = {"ask": "What now?", "look": "the look", "wrong": "the wrong", "say": "the say"}
    made = [{"link": f"{TINY}&step=10", "title": "one"}, {"link": f"{TINY}&activation=tanh", "title": "two", **texts},
            {"link": TINY, "title": "three", "minutes": 2.5}]  # fmt: skip
    (tmp_path / "talk.json").write_text(json.dumps({"title": "My talk", "scenes": made}))
    monkeypatch.setenv("GRADIENT_LAB_SCENES", str(tmp_path))


def step_of(app):
    layout = json.loads(charts(app)[0].proto.spec)["layout"]["sliders"][0]
    return int(float(layout["steps"][layout.get("active", 0)]["args"][0][0]))


def press(app, key, times=1):
    for _ in range(times):
        calm(app.button(key=f"present_{key}").click().run())


def test_step_keys_lead_to_both_ends_and_no_further_and_each_scene_begins_at_its_own(talk):
    app = present(lesson="talk")
    marks = [int(float(mark["args"][0][0])) for mark in
             json.loads(charts(app)[0].proto.spec)["layout"]["sliders"][0]["steps"]]  # fmt: skip
    assert step_of(app) == 10
    press(app, "down")
    assert step_of(app) == marks[marks.index(10) - 1]
    app.session_state["present_step"] = marks[1]
    calm(app.run())
    press(app, "down")
    assert step_of(app) == 0  # it is not the scene's own step, nor none
    press(app, "down")
    assert step_of(app) == 0
    app.session_state["present_step"] = marks[-2]
    calm(app.run())
    press(app, "up", 2)
    assert step_of(app) == marks[-1] == 20
    calm(app.run())
    assert step_of(app) == 20
    press(app, "next")
    assert app.title[0].value == "two" and not charts(app)
    press(app, "back")
    assert step_of(app) == 10


def test_another_scene_begins_with_its_question_lit_and_without_the_answer(talk):
    app = present(lesson="talk", scene="2")
    press(app, "reveal")
    assert charts(app)
    press(app, "blank_key")
    assert not charts(app) and not app.title
    press(app, "next")
    assert app.title[0].value == "three" and charts(app)
    assert app.button(key="present_next").disabled and not app.button(key="present_back").disabled
    press(app, "back")
    assert "What now?" in [element.value for element in app.markdown] and not charts(app)
    press(app, "back")
    assert app.button(key="present_back").disabled and charts(app)


def test_notes_stand_under_their_own_words_and_stay_from_scene_to_scene(talk):
    app = present(lesson="talk", scene="2")
    press(app, "notes_key")
    for words in ("**Look for:** the look", "**Often wrong:** the wrong", "**Say:** the say"):
        assert words in [element.value for element in app.markdown]
    press(app, "next")
    assert app.session_state["present_notes"] and not charts(app)


def test_a_scene_beyond_the_last_is_the_last_and_a_lesson_opens_at_its_first(talk):
    app = present(lesson="talk", scene="9")
    assert app.title[0].value == "three" and "3 / 3" in [element.value for element in app.markdown]
    app.session_state["lesson"] = ""
    calm(app.run())
    assert "My talk · 3 scenes, 2.5 min" in [button.label for button in app.button]
    calm(app.button(key="lesson_talk").click().run())
    assert app.title[0].value == "one"


@pytest.mark.parametrize("link", [TINY, f"compare{TINY}&seeds=1", "runs?example=dead_cnn"])
def test_the_wall_and_a_frame_say_what_the_page_says(link, monkeypatch):
    page, _, query = link.partition("?")
    wall = present(link=link)
    whole = open_page(page, **dict(part.split("=") for part in query.split("&")))
    assert [header.value for header in wall.header] == [whole.header[0].value]
    said = [element.value for element in whole.markdown]
    assert all(element.value in said or " / " in element.value for element in wall.markdown)
    assert len(wall.markdown) == (1 if page == "compare" else 2)
    monkeypatch.setattr(ContextProxy, "is_embedded", True)
    frame = open_page(page, **dict(part.split("=") for part in query.split("&")))
    assert [header.value for header in frame.header] == [whole.header[0].value]
    assert all(element.value in said or "Open the full page" in element.value for element in frame.markdown)


def test_the_room_beside_a_picture_is_that_of_the_rows_that_are_there():
    titled = Scene(link="?depth=2", title="A title")
    rooms = {(page, bool(title)): presenting.style(replace(titled, link=f"{page}?x=1", title=title))
             for page in PAGES for title in ("", "A title")}  # fmt: skip
    for (page, title), sheet in rooms.items():
        rows = 76 + 60 * title + 100 * (page in ("", "compare", "runs"))
        assert f"calc(100vh - {rows}px)" in sheet, page
    assert "calc(100vh - 60px)" in presenting.style(None)


def test_scenes_are_counted_from_1():
    rules = {"scene": presenting.RULES["scene"]}
    allowed = [n for n in (0, 1, 200, 201) if not find_invalid_params({"scene": [str(n)]}, rules, ())]
    assert allowed == [1, 200]


def test_a_sweep_is_on_the_wall_where_it_is_short_or_there_already_and_not_where_it_is_long(monkeypatch):
    link = "sweep?x_count=2&y_count=2&base=depth%3D2%3Bwidth%3D3%3Bsteps%3D1%3Bsamples%3D8"
    assert len(charts(present(link=link))) == 1
    monkeypatch.setattr(training, "AUTOMATIC_SECONDS", -1.0)
    assert len(charts(present(link=link))) == 1
    longer = present(link=link + "%3Bl2%3D0.125")
    assert not charts(longer) and "run this sweep on its own page first" in longer.error[0].value
    monkeypatch.setenv("GRADIENT_LAB_MAX_SWEEP", "3")
    assert "at most 3 networks" in present(link=link).error[0].value


@pytest.mark.parametrize("title", ["", "A title"])
@pytest.mark.parametrize("query", ["section=sigmoid&sigmoid_z=3", "text=on&section=network"])
def test_a_page_without_a_picture_of_its_own_is_framed_as_its_link_says(title, query, monkeypatch):
    framed = []
    monkeypatch.setattr(presenting, "st", anything(iframe=lambda url, **_: framed.append(url)))
    monkeypatch.setattr(presenting, "address", lambda page, query: f"{page}?{query}")
    steps, at = presenting.draw_scene(Scene(link=f"lecture?{query}", title=title), None)
    page, _, given = framed[0].partition("?")
    wanted = dict(parse_qsl(query)) | {"embed": "true"}
    if title and "text" not in wanted:
        wanted["text"] = "off"  # the title of the scene stands above
    assert page == "lecture" and dict(parse_qsl(given)) == wanted and (steps, at) == ((), 0)


KEYS = {"→": "Right", "←": "Left", "↑": "Up", "↓": "Down", "Space": "Space", "B": "B", "N": "N", "Esc": "Escape"}
ACTS = {"Right": "next", "Left": "back", "Up": "up", "Down": "down", "Space": "reveal", "B": "blank_key",
        "N": "notes_key", "Escape": "leave"}  # fmt: skip


def test_the_keys_of_the_mode_are_those_of_the_manual_and_each_is_of_its_own_button(talk):
    manual = (HOUSE / "docs" / "teaching.md").read_text("utf-8").partition("## Presenting")[2].partition("\n## ")[0]
    named = [word for row in re.findall(r"^\| (.+?) \|", manual, re.M)[2:] for word in row.split()]
    assert sorted(KEYS[word] for word in named) == sorted(ACTS)
    buttons = [*present(lesson="talk", scene="1").button, *present(lesson="talk", scene="2").button]
    assert {button.proto.shortcut.lower(): button.key for button in buttons if button.proto.shortcut} == {
        key.lower(): f"present_{act}" for key, act in ACTS.items()
    }


# By page, an address that is not the one on which it opens and that takes no time.
ELSEWHERE = {
    "": {"depth": "2", "width": "3", "steps": "2", "samples": "8", "quantity": "rms"},
    "compare": {"depth": "2", "width": "3", "steps": "2", "samples": "8", "seeds": "1", "arms": "tanh,a b~relu"},
    "sweep": {"x_count": "2", "y_count": "2", "base": "depth=2;width=3;steps=0;samples=8", "at": "tanh,1,0"},
    "lecture": {"section": "sigmoid", "sigmoid_z": "3"},
    "papers": {"paper": "saxe"},
    "runs": {"example": "dead_cnn", "pattern": "conv -bias"},
}


@pytest.mark.parametrize("page", PAGES)
def test_the_wall_is_entered_with_the_scene_of_a_page_and_left_for_it(page, monkeypatch):
    went = []

    def switch_page(path, query_params=None):
        went.append((path, dict(query_params or {})))
        streamlit.stop()

    monkeypatch.setattr(streamlit, "switch_page", switch_page)
    app = open_page(page, **ELSEWHERE[page])
    calm(app.button(key="present").click().run())
    [(path, given)] = went
    assert path == "pages/present.py" and set(given) == {"link"}
    assert given["link"].partition("?")[0] == page
    assert dict(parse_qsl(given["link"].partition("?")[2])) == ELSEWHERE[page]
    monkeypatch.setattr(presenting, "draw_scene", lambda *_: ((), 0))
    wall = present(link=given["link"])
    calm(wall.button(key="present_leave").click().run())
    left, query = went[-1]
    assert left == f"pages/{page or 'lab'}.py"
    assert query == {name: [text] for name, text in ELSEWHERE[page].items()}


def test_a_lesson_is_left_for_the_page_of_the_scene_that_is_shown(talk, monkeypatch):
    went = []
    monkeypatch.setattr(streamlit, "switch_page", lambda *given, **more: went.append((given, more)))
    for number, query in ((1, {"step": ["10"]}), (2, {"activation": ["tanh"]}), (3, {})):
        app = present(lesson="talk", scene=str(number))
        press(app, "leave")
        tiny = {name: [text] for name, text in parse_qsl(TINY.removeprefix("?"))}
        assert went.pop() == (("pages/lab.py",), {"query_params": tiny | query})
