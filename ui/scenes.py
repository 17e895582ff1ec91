"""Lists of scenes: links with what to ask, to look for and to say, from JSON files that ship or of a lecturer."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

from core import ConfigError
from core.config import Number
from ui.runtime.limits import SCENES

FOLDER = Path(__file__).resolve().parents[1] / "scenes"  # in the checkout and in the wheel
PAGES = ("", "compare", "sweep", "lecture", "papers", "runs")
MAX_SCENES = 200
MAX_BYTES = 1_000_000
MAX_TEXT = 4_000  # characters of a link or a text
MINUTES = Number(0, 600)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One picture of a lesson.

    Attributes:
        link: the page and its query, such as "?depth=20" for the Lab or "compare?vary=init".
        title: above the picture.
        minutes: how long it takes.
        ask: the question before the picture is shown; without one it is shown at once.
        look: what to look for.
        wrong: what students get wrong.
        say: what to say then.
    """

    link: str
    title: str
    minutes: float = 0
    ask: str = ""
    look: str = ""
    wrong: str = ""
    say: str = ""

    @property
    def page(self) -> str:
        """The path of the page; empty for the Lab."""
        return self.link.partition("?")[0]

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the address."""
        return parse_qs(self.link.partition("?")[2], keep_blank_values=True)


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A list of scenes.

    Attributes:
        name: of its file, without the ending.
        title: above the list.
        scenes: in their order.
    """

    name: str
    title: str
    scenes: tuple[Scene, ...]

    @property
    def minutes(self) -> float:
        """Minutes of all scenes together."""
        return sum(scene.minutes for scene in self.scenes)


def read_lesson(raw: bytes, name: str) -> Lesson:
    """Reads a lesson from JSON: {"title": ..., "scenes": [{"link": ..., "title": ..., "ask": ...}, ...]}.

    Raises:
        ConfigError: what is wrong, by the number of its scene.
    """
    if len(raw) > MAX_BYTES:
        raise ConfigError(name, f"{len(raw):,} bytes", f"a list of scenes has at most {MAX_BYTES:,} bytes")
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        raise ConfigError(name, "its text", "it must be JSON") from None
    scenes = content.get("scenes") if isinstance(content, Mapping) else None
    if not isinstance(scenes, list) or not 1 <= len(scenes) <= MAX_SCENES:
        raise ConfigError(name, "its text", f'it must be an object with "scenes", a list of 1 to {MAX_SCENES}')
    title = content.get("title", name)
    return Lesson(
        name=name,
        title=title if isinstance(title, str) and len(title) <= MAX_TEXT and _is_text(title) else name,
        scenes=tuple(_read_scene(scene, f"{name}, scene {n}") for n, scene in enumerate(scenes, 1)),
    )


def _read_scene(given: object, where: str) -> Scene:
    if not isinstance(given, Mapping):
        raise ConfigError(where, given, 'it must be an object with "link" and "title"')
    known = {field.name for field in fields(Scene)}
    for key, value in given.items():
        if key not in known:
            raise ConfigError(where, key, "a scene has " + ", ".join(sorted(known)))
        if key == "minutes":
            MINUTES.validate(f"{where}, {key}", value)
        elif not isinstance(value, str):
            raise ConfigError(f"{where}, {key}", value, "it must be a text")
        elif len(value) > MAX_TEXT or not _is_text(value):
            raise ConfigError(f"{where}, {key}", value[:20], f"it must be a text of at most {MAX_TEXT:,} characters")
    for key in ("link", "title"):
        if not given.get(key) and not (key == "link" and given.get(key) == ""):
            raise ConfigError(where, f"no {key}", f'it needs "{key}"')
    scene = Scene(**given)
    if scene.page not in PAGES:
        pages = ", ".join(page or "?... (the Lab)" for page in PAGES)
        raise ConfigError(f"{where}, link", scene.link, f"it must begin with a page: {pages}")
    return scene


def _is_text(value: str) -> bool:
    """False for half of a character, which JSON can hold and no page can show."""
    return value.encode(errors="ignore").decode() == value


def read_folder(path: Path) -> dict[str, Lesson]:
    """The lessons of a folder, or the one of a file, by name.

    Raises:
        ConfigError: there is no such file, or one that cannot be read as a lesson.
    """
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ConfigError(SCENES, str(path), "the folder must have files that end in .json")
    lessons = {}
    for file in files:
        try:
            lessons[file.stem] = read_lesson(file.read_bytes(), file.stem)
        except OSError as error:
            raise ConfigError(SCENES, str(file), f"it must be a file that can be read ({error.strerror})") from None
    return lessons


@cache
def shipped() -> dict[str, Lesson]:
    """The lessons that ship."""
    return read_folder(FOLDER)


def lessons() -> dict[str, Lesson]:
    """All lessons: the lecturer's own first, then those that ship.

    Raises:
        ConfigError: as `read_folder`, for the lecturer's own.
    """
    own = os.environ.get(SCENES)
    first = read_folder(Path(own)) if own else {}
    return first | {name: lesson for name, lesson in shipped().items() if name not in first}
