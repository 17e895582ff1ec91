"""Every key of Streamlit's session has one name, one meaning and one type, in one module."""

import ast
from functools import cache

import pytest

from tests.support.checkout import HOUSE
from ui.compare import state
from ui.controls.fields import LAB_PARAMETERS
from ui.lecture import outline
from ui.presenting import PARAMETERS as PRESENT_PARAMETERS
from ui.runs import controls as runs_controls
from ui.session import COMPOSED, Session
from ui.sweep import controls as sweep_controls

FILES = [path for folder in ("ui", "pages") for path in sorted((HOUSE / folder).rglob("*.py"))] + [HOUSE / "app.py"]
# These read what lies beneath the session: that it is there at all, and what a browser sent.
BENEATH = {"ui/session.py", "ui/runtime/progress.py", "ui/runtime/widget_states.py"}
SESSIONS = {"session", "session_by_name"}
CONTROLS = set(
    """selectbox multiselect number_input slider text_input toggle checkbox radio pills segmented_control file_uploader
    data_editor""".split()
)
BOXES = {"expander", "popover"}  # they have a state where something happens as they open
PAGES = [
    LAB_PARAMETERS,
    state.PARAMETERS,
    sweep_controls.PARAMETERS,
    runs_controls.PARAMETERS,
    outline.PARAMETERS,
    PRESENT_PARAMETERS,
]


def name_of(path):
    return path.relative_to(HOUSE).as_posix()


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def form(node):
    """A key as it stands in the code, {} for each part that is put in; None for a variable."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def keys(path):
    """(line, key) of every value of the session that a file reads, writes or gives to a control."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") in SESSIONS:
            yield node.lineno, node.slice
        elif isinstance(node, ast.Compare) and getattr(node.comparators[0], "id", "") in SESSIONS:
            yield node.lineno, node.left
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = {keyword.arg: keyword.value for keyword in node.keywords}
            if getattr(node.func.value, "id", "") in SESSIONS:
                first = node.args[0] if node.args else None
                yield from ((node.lineno, key) for key in (first.keys if isinstance(first, ast.Dict) else [first]))
            elif node.func.attr in CONTROLS or (node.func.attr in BOXES and "on_change" in called):
                yield node.lineno, called.get("key")


def forms(path):
    return [(line, form(key)) for line, key in keys(path) if form(key) is not None]


def test_every_key_that_is_used_is_listed():
    listed = Session.__annotations__.keys() | COMPOSED
    used = [(name_of(path), line, key) for path in FILES for line, key in forms(path)]
    assert len(used) > len(listed) / 2  # keys are found at all
    assert not [(name, line, key) for name, line, key in used if key not in listed]


def test_the_session_is_read_through_its_module():
    def reads_beneath(path):
        return any(isinstance(node, ast.Attribute) and node.attr == "session_state" for node in ast.walk(parsed(path)))

    assert {name_of(path) for path in FILES if reads_beneath(path)} == BENEATH


def test_every_key_that_is_listed_is_used():
    listed = Session.__annotations__.keys() | COMPOSED
    files = [path for path in FILES if name_of(path) != "ui/session.py"]
    used = {form(node) for path in files for node in ast.walk(parsed(path))}
    assert not listed - used - {name for page in PAGES for name in page.defaults}


def types(annotation):
    """Names of the types in an annotation such as "float | None"."""
    text = annotation.__name__ if isinstance(annotation, type) else annotation.__forward_arg__
    return {part.split("[")[0] for part in text.split(" | ")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.page)
def test_every_setting_of_a_page_has_the_type_of_its_default(page):
    for name, default in page.defaults.items():
        if name in Session.__annotations__:
            found = {type(None): "None", int: "float"}.get(type(default), type(default).__name__)
            assert found in types(Session.__annotations__[name]), name
        else:  # a surface's numbers and a sweep's axes
            assert "_" in name and (default is None or isinstance(default, (float, str))), name


def test_a_name_means_the_same_on_every_page():
    # settings go along from page to page by their names: one that meant two things would be read as the other
    rules = {}
    for page in PAGES:
        for name, rule in page.rules.items():
            assert rules.setdefault(name, rule) == rule, name
