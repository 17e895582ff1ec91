"""The editor of arms: what each press does to the arms, and nothing else."""

import pytest

from core import RunConfig
from core.comparison.arms import MAX_ARMS, MIN_ARMS, Arm, Comparison
from ui.compare import editor, state
from ui.compare.editor import _shorten
from ui.urls import link
from ui.urls.arms import choices, default_arm_name, format_arms, format_value

ARMS = (
    Arm("ReLU", {"activation": "relu"}),
    Arm("mine", {"activation": "tanh", "init_scale": 0.5, "hidden": (5, 6)}),
    Arm("kept", {"steps": 7, "hidden": (4, 4)}, True),
)


@pytest.fixture
def session(monkeypatch):
    values = {"vary": "activation", "arms": format_arms(ARMS, "activation")}
    for module in (editor, state):
        monkeypatch.setattr(module, "session", values)
        monkeypatch.setattr(module, "session_by_name", values)
    assert state.current_arms() == ARMS
    return values


@pytest.mark.parametrize("i", [1, 2])
def test_an_arm_moves_up_by_one_place(session, i):
    editor._move_up(i)
    wanted = list(ARMS)
    wanted.insert(i - 1, wanted.pop(i))
    assert state.current_arms() == tuple(wanted)


@pytest.mark.parametrize("i", range(3))
def test_an_arm_is_removed_and_the_others_stay(session, i):
    editor._remove(i)
    assert state.current_arms() == ARMS[:i] + ARMS[i + 1 :]


@pytest.mark.parametrize("i", range(3))
@pytest.mark.parametrize("text, name", [(" other ", "other"), ("", None), ("  ", None)])
def test_a_name_is_another_one_and_no_name_changes_nothing(session, i, text, name):
    session["box"] = text
    editor._rename(i, "box")
    assert [arm.name for arm in state.current_arms()] == [name if name and k == i else ARMS[k].name for k in range(3)]
    assert [(arm.changes, arm.pinned) for arm in state.current_arms()] == [(arm.changes, arm.pinned) for arm in ARMS]


def test_two_arms_get_no_equal_name(session):
    session["box"] = "kept"
    editor._rename(0, "box")
    assert len({arm.name for arm in state.current_arms()}) == 3


@pytest.mark.parametrize("chosen", [[], ["init_scale"], ["hidden", "init_scale"]])
def test_settings_that_are_taken_away_leave_the_others_and_the_one_that_varies(session, chosen):
    session["box"] = chosen
    editor._keep_changes(1, "box")
    assert set(dict(state.current_arms()[1].changes)) == {"activation", *chosen}
    assert (state.current_arms()[0], state.current_arms()[2]) == (ARMS[0], ARMS[2])


SET = [(0, "init_scale", "2", 2.0), (1, "depth", "3", 3), (2, "width", "8", 8), (2, "steps", "9", 9)]


@pytest.mark.parametrize("i, field, text, value", SET)
def test_a_value_is_set_in_its_arm_and_a_shape_goes_before_single_layers(session, i, field, text, value):
    session["box"] = text
    editor._set_value(i, field, "box")
    old, new = ARMS[i], state.current_arms()[i]
    wanted = dict(old.changes) | {field: value}
    if field in ("depth", "width"):
        wanted.pop("hidden")
    assert dict(new.changes) == wanted and new.pinned == old.pinned
    assert new.name == (default_arm_name(wanted) if old.name == default_arm_name(dict(old.changes)) else old.name)
    assert [arm for k, arm in enumerate(state.current_arms()) if k != i] == [arm for arm in ARMS if arm is not old]


def test_only_values_that_no_arm_has_can_be_added(session, monkeypatch):
    offered = []
    monkeypatch.setattr(editor.st, "selectbox", lambda label, options, **_: offered.extend(options))
    editor._draw_adder(ARMS)
    assert offered == [name for name in choices("activation") if name not in ("relu", "tanh")]


@pytest.mark.parametrize("length", [1, 39, 40, 41, 90])
def test_a_text_of_forty_letters_has_room_and_a_longer_one_is_cut(length):
    assert _shorten("x" * length) == ("x" * length if length <= 40 else "x" * 39 + "…")


@pytest.mark.parametrize("i", range(3))
@pytest.mark.parametrize("count", [MIN_ARMS, MIN_ARMS + 1])
def test_the_buttons_of_an_arm_are_its_own_and_its_link_opens_its_own_settings(i, count, monkeypatch):
    buttons, links = {}, []
    monkeypatch.setattr(editor.st, "button", lambda label, **more: buttons.update({label: more}))
    monkeypatch.setattr(editor.st, "link_button", lambda label, url, **_: links.append(url))
    comparison = Comparison(RunConfig(seed=7, steps=12), "activation", ARMS, 2)
    editor._draw_buttons(comparison, i, ARMS[i], count, "at")
    assert links == ["./?" + link.to_query(ARMS[i].config(comparison.base))]
    assert (buttons["Up"]["disabled"], buttons["Remove"]["disabled"]) == (i == 0, count == MIN_ARMS)
    assert [buttons[label]["args"] for label in ("Up", "Remove")] == [(i,), (i,)]


@pytest.mark.parametrize("count", [MAX_ARMS - 1, MAX_ARMS])
def test_an_arm_is_added_where_there_is_room(count, monkeypatch):
    drawn = []
    arms = tuple(Arm(f"arm {k}", {"steps": k}) for k in range(count))
    monkeypatch.setattr(editor, "_draw_row", lambda *_: None)
    monkeypatch.setattr(editor, "_draw_adder", lambda given: drawn.append(len(given)))
    monkeypatch.setattr(editor.st, "caption", drawn.append)
    editor.draw_editor(Comparison(RunConfig(), None, arms, 1))
    assert drawn == ([count] if count < MAX_ARMS else [f"A comparison has at most {MAX_ARMS} arms."])


@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("i", range(3))
def test_the_box_of_a_setting_holds_the_arm_s_own_value_and_that_of_a_new_one_is_empty(i, is_new, monkeypatch):
    boxes = []
    monkeypatch.setattr(editor.st, "text_input", lambda label, **more: boxes.append((more.pop("value"), more)))
    monkeypatch.setattr(editor.st, "selectbox", lambda label, options, index, **more: boxes.append(
        (None if index is None else options[index], more)))  # fmt: skip
    for field, value in ARMS[i].changes:
        editor._draw_value("label", i, field, "key", value, is_new=is_new)
        shown, more = boxes.pop()
        few = choices(field)
        assert shown == ((None if few else "") if is_new else format_value(value))
        if not few:
            assert more["placeholder"] == format_value(value)
        assert (more["on_change"], more["args"], more["key"]) == (editor._set_value, (i, field, "key"), "key")


@pytest.mark.parametrize("i", range(3))
def test_an_arm_s_own_value_set_again_changes_nothing(session, i):
    for field, value in ARMS[i].changes:
        if field != "hidden":
            session["box"] = format_value(value)
            editor._set_value(i, field, "box")
            assert state.current_arms() == ARMS


@pytest.mark.parametrize("field, text, empty", [("activation", "elu", None), ("init_scale", "3", ""),
                                                ("init_scale", "wide", "")])  # fmt: skip
def test_the_box_that_adds_an_arm_is_empty_again_and_a_wrong_value_is_kept_as_the_reason(session, field, text, empty):
    session.update(vary=field, arms="tanh,relu" if field == "activation" else "1,2", arm_added=text)
    editor._add()
    assert session["arm_added"] == empty and ("arm_error" in session) == (text == "wide")
    assert len(state.current_arms()) == (2 if text == "wide" else 3)
