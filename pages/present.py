"""The presenting mode: scenes of a lesson, or the scene of a page, for a projector."""

import streamlit as st

from core import ConfigError
from ui import panels, presenting, scenes
from ui.navigation import ensure_navigation
from ui.scenes import Lesson, Scene
from ui.session import session, session_by_name
from ui.text import as_text
from ui.urls import address
from ui.urls.sync import sync_address

RULES = presenting.RULES
PARAMETERS = presenting.PARAMETERS


def lesson() -> Lesson | None:
    """The lesson of the address: one that ships or of the lecturer's folder, or the single scene of a page."""
    if session["link"]:
        scene = Scene(link=session["link"], title="")
        return Lesson(name="", title="", scenes=(scene,)) if scene.page in scenes.PAGES else None
    return scenes.lessons().get(session["lesson"])


def choose_lesson() -> None:
    """Draws the list of all lessons, and says where the address names one that there is not."""
    st.title("Present a lesson", anchor=False)
    if session["link"]:
        st.warning("The link of the address opens no page that can be presented.", icon=":material/link_off:")
    elif session["lesson"]:
        words = as_text(f"There is no lesson “{session['lesson']}”. These are all.")
        st.warning(words, icon=":material/link_off:")
    for name, found in scenes.lessons().items():
        st.button(f"{found.title} · {len(found.scenes)} scenes, {found.minutes:g} min", key=f"lesson_{name}",
                  on_click=open_lesson, args=(name,), icon=":material/slideshow:")  # fmt: skip


def open_lesson(name: str) -> None:
    """Opens a lesson at its first scene; for a callback."""
    session.update({"lesson": name, "scene": 1.0, "link": ""})


def go(number: int) -> None:
    """Opens a scene, its question first; for a callback."""
    session["scene"] = float(number)


def move(steps: tuple[int, ...], at: int, by: int) -> None:
    """Moves the picture from a step to another mark of its slider; for a callback."""
    index = sum(step <= at for step in steps) - 1
    session["present_step"] = steps[min(max(index + by, 0), len(steps) - 1)]


def flip(key: str) -> None:
    """Turns a state of the mode on or off; for a callback."""
    session_by_name[key] = not session_by_name.get(key, False)


def bar(lesson: Lesson, number: int, steps: tuple[int, ...], at: int) -> None:
    """Draws the bar of buttons; each has a key.

    Args:
        steps, at: the marks of the picture's slider, and the step that it shows.
    """
    last = len(lesson.scenes)
    at_end = number >= last
    with st.container(key="present-bar", horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Back", key="present_back", shortcut="Left", on_click=go, args=(number - 1,), disabled=number <= 1)
        st.markdown(f"{number} / {last}", width="content")
        st.button("Next", key="present_next", shortcut="Right", on_click=go, args=(number + 1,), disabled=at_end)
        if steps:
            st.button("Step −", key="present_down", shortcut="Down", on_click=move, args=(steps, at, -1))
            st.button("Step +", key="present_up", shortcut="Up", on_click=move, args=(steps, at, 1))
        st.button("Blank", key="present_blank_key", shortcut="B", on_click=flip, args=("present_blank",))
        st.button("Notes", key="present_notes_key", shortcut="N", on_click=flip, args=("present_notes",))
        if st.button("Leave", key="present_leave", shortcut="Esc"):
            leave(lesson.scenes[number - 1])


def start(scene: Scene | None) -> None:
    """Shows a scene from its question on, on a lit screen, when another one was shown."""
    if session.get("presented") != scene:
        session.update({"presented": scene, "present_revealed": False, "present_step": None, "present_blank": False})


def leave(scene: Scene) -> None:
    """Opens the page of the scene."""
    start(None)
    st.switch_page(f"pages/{scene.page or 'lab'}.py", query_params=scene.query)


def notes(scene: Scene) -> None:
    """Draws what to look for, and the lecturer's notes."""
    for label, words in (("Look for", scene.look), ("Often wrong", scene.wrong), ("Say", scene.say)):
        if words:
            st.markdown(f"**{label}:** {words}")


ensure_navigation()
sync_address(PARAMETERS)
with st.container(key="present"):
    address.show_param_warnings(RULES)
    try:
        found = lesson()
    except ConfigError as error:
        panels.show_error(error)
        st.stop()
    if found is None:
        start(None)
        st.html(presenting.style(None))
        choose_lesson()
        st.stop()
    number = min(int(session["scene"]), len(found.scenes))
    scene = found.scenes[number - 1]
    start(scene)
    blank = session.get("present_blank", False)
    asks = bool(scene.ask) and not session.get("present_revealed", False)
    st.html(presenting.style(scene) + (presenting.BLANK if blank else ""))
    steps: tuple[int, ...] = ()
    at = 0
    if not blank:
        if scene.title:
            st.title(scene.title, anchor=False)
        if session.get("present_notes", False):
            notes(scene)
        elif asks:
            with st.container(key="present-question"):
                st.markdown(scene.ask)
            st.button("Show the run", key="present_reveal", type="primary", shortcut="Space", on_click=flip,
                      args=("present_revealed",))  # fmt: skip
        else:
            steps, at = presenting.draw_scene(scene, session.get("present_step"))
    bar(found, number, steps, at)
