"""The path of twenty minutes: every scene in its order with its own link, page, minutes, question and look."""

from tests.support.nothing import anything
from ui.lecture import path
from ui.scenes import shipped

PAGES = {
    "": "Lab",
    "compare": "Compare",
    "sweep": "Sweep",
    "lecture": "Lecture",
    "papers": "Papers",
    "runs": "Your run",
}


def test_every_scene_has_its_own_words_in_its_order(monkeypatch):
    said = []
    monkeypatch.setattr(path, "st", anything(markdown=said.append))
    monkeypatch.setattr(path, "address", lambda page, query: f"<{page}|{query}>")
    path.section()
    lesson = shipped()[path.LESSON]
    minutes = sum(scene.minutes for scene in lesson.scenes)
    assert said[0].startswith(f"{len(lesson.scenes)} pictures in {minutes:g} minutes. ")
    wanted = []
    for number, scene in enumerate(lesson.scenes, 1):
        page, _, query = scene.link.partition("?")
        wanted.append(f"**{number}. [{scene.title}](<{page}|{query}>)** · {PAGES[page]}, {scene.minutes:g} min")
        wanted += [f"*{scene.ask}*"] * bool(scene.ask) + [f"Look for: {scene.look}"]
    assert said[1:] == wanted
