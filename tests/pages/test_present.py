"""The presenting mode, driven without a browser: lists, questions first, notes, and links that are refused."""

import json
import re
from functools import partial

import pytest

from tests.support.pages import open_page
from ui.scenes import shipped

present = partial(open_page, "present")


def calm(app):
    assert not app.exception
    return app


def charts(app):
    return [chart for chart in app.get("plotly_chart") if "present-chart" in chart.proto.id]


def test_without_a_lesson_all_lessons_are_listed():
    app = present()
    labels = [button.label for button in app.button]
    assert all(any(lesson.title in label for label in labels) for lesson in shipped().values())
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
