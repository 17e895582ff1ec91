"""The twenty-minute path: lecture sections, three networks of the Lab, one comparison, and what to look for in each."""

from __future__ import annotations

import streamlit as st

from ui import scenes
from ui.lecture.links import address

LESSON = "lesson-20"
WHERE = {
    "": "Lab",
    "compare": "Compare",
    "sweep": "Sweep",
    "lecture": "Lecture",
    "papers": "Papers",
    "runs": "Your run",
}


def section() -> None:
    """A row a scene: its link, its minutes, the question, and what to look for."""
    lesson = scenes.shipped()[LESSON]
    st.markdown(
        f"{len(lesson.scenes)} pictures in {lesson.minutes:g} minutes. Each link opens one in a tab of its own; answer "
        "the question before you look."
    )
    st.link_button("Present it, one picture at a time", address("present", f"lesson={LESSON}"), key="path_present",
                   icon=":material/slideshow:")  # fmt: skip
    for number, scene in enumerate(lesson.scenes, 1):
        page, _, query = scene.link.partition("?")
        with st.container(border=True, key=f"path_{number}"):
            title = f"{number}. [{scene.title}]({address(page, query)})"
            st.markdown(f"**{title}** · {WHERE[page]}, {scene.minutes:g} min")
            if scene.ask:
                st.markdown(f"*{scene.ask}*")
            st.markdown(f"Look for: {scene.look}")
