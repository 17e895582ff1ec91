"""Widgets and charts as their source has them: each press does something, in words, each chart is in its theme."""

import ast
import importlib
import inspect
import re
from functools import cache

import pytest

from tests.support.checkout import HOUSE

SOURCES = [*sorted(path for folder in ("ui", "pages") for path in (HOUSE / folder).rglob("*.py")), HOUSE / "app.py"]
CHARTS = sorted(path for path in (HOUSE / "ui" / "charts").glob("*.py") if path.stem != "__init__")
CALLBACKS = {"on_click", "on_change", "on_select"}
WIDGETS = {
    "button", "checkbox", "download_button", "expander", "file_uploader", "link_button", "multiselect", "number_input",
    "page_link", "pills", "popover", "radio", "segmented_control", "selectbox", "slider", "text_input", "toggle",
}  # fmt: skip
ON_PAPER = {"to_print", "charts"}  # functions whose charts have the colors of paper, or whose tables alone are shown


@cache
def tree_of(path):
    return ast.parse(path.read_text("utf-8"))


def calls(path):
    """(innermost function's name, call) of every call in a file."""

    def walk(node, function):
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.Call):
            yield function, node
        for child in ast.iter_child_nodes(node):
            yield from walk(child, function)

    yield from walk(tree_of(path), "")


def streamlit_calls():
    """(file:line, name, call, names of its keywords) of every call of Streamlit's widgets."""
    for path in SOURCES:
        for _, call in calls(path):
            function = call.func
            if (
                isinstance(function, ast.Attribute)
                and isinstance(function.value, ast.Name)
                and function.value.id == "st"
            ):
                if function.attr in WIDGETS:
                    where = f"{path.relative_to(HOUSE)}:{call.lineno}"
                    yield where, function.attr, call, {keyword.arg for keyword in call.keywords}


def test_a_widget_with_arguments_of_a_callback_has_one():
    found = [where for where, _, _, given in streamlit_calls() if given & {"args", "kwargs"} and not given & CALLBACKS]
    assert found == []


def test_a_button_whose_press_is_not_asked_for_calls_something():
    used = {id(node.value) for path in SOURCES for node in ast.walk(tree_of(path)) if isinstance(node, ast.Expr)}
    buttons = [(where, call, given) for where, name, call, given in streamlit_calls() if name == "button"]
    assert len(buttons) > 30
    assert [where for where, call, given in buttons if id(call) in used and "on_click" not in given] == []


def test_every_widget_has_a_label_in_words():
    labels = [(where, name, call.args[0] if call.args else None) for where, name, call, given in streamlit_calls()
              if not given & {"label", None}]  # fmt: skip
    assert len(labels) > 60
    assert [where for where, _, label in labels
            if label is None or (isinstance(label, ast.Constant) and not str(label.value).strip())] == []  # fmt: skip


def drawn_keys():
    """The keys of elements: texts among the arguments of calls, and patterns of those that are put together."""
    texts, patterns = set(), set()
    for path in SOURCES:
        for _, call in calls(path):
            given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "key")]
            for node in (part for value in given for part in ast.walk(value)):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.add(node.value)
                elif isinstance(node, ast.JoinedStr):
                    parts = [re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in node.values]
                    patterns.add("".join(parts))
    return texts, {pattern for pattern in patterns if re.search("[a-z]", pattern)}


def test_every_style_and_script_is_for_a_key_that_is_drawn():
    texts, patterns = drawn_keys()
    texts |= {f"{axis}_{part}" for axis in "xy" for part in ("from", "to", "count")}
    styled = {name for path in [*SOURCES, *(HOUSE / "ui" / "browser" / "assets").iterdir()]
              for name in re.findall(r"st-key-([A-Za-z0-9_-]+)", path.read_text("utf-8"))}  # fmt: skip
    assert len(styled) > 30
    assert {
        name for name in styled
        if not any(text.startswith(name) if name[-1] in "-_" else text == name for text in texts)
        and not any(re.fullmatch(pattern, name) or pattern.startswith(re.escape(name)) for pattern in patterns)
    } == set()  # fmt: skip


@cache
def chart_functions():
    """The functions of `ui.charts` that take a theme by keyword, by module and name."""
    found = {}
    for path in CHARTS:
        module = importlib.import_module(f"ui.charts.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and "dark" in inspect.signature(function).parameters:
                found[module.__name__, name] = inspect.signature(function).parameters["dark"]
    return found


def test_every_chart_is_light_unless_a_page_says_otherwise():
    defaults = {name: parameter.default for name, parameter in chart_functions().items()}
    assert len(defaults) > 50
    assert {name for name, default in defaults.items() if default not in (False, inspect.Parameter.empty)} == set()


@pytest.mark.parametrize("folder", ["pages", "ui"])
def test_every_chart_that_is_made_for_a_screen_is_made_in_the_theme_of_the_page(folder):
    asked, without = 0, []
    for path in SOURCES:
        if path in CHARTS or not path.is_relative_to(HOUSE / folder):
            continue
        makers = {(alias.asname or alias.name): chart_functions()[node.module, alias.name]
                  for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom)
                  for alias in node.names if (node.module, alias.name) in chart_functions()}  # fmt: skip
        for function, call in calls(path):
            if isinstance(call.func, ast.Name) and call.func.id in makers and function not in ON_PAPER:
                asked += 1
                named = {keyword.arg for keyword in call.keywords}
                if makers[call.func.id].kind is inspect.Parameter.KEYWORD_ONLY and not named & {"dark", None}:
                    without.append(f"{path.relative_to(HOUSE)}:{call.lineno}")
    assert asked > 10 and without == []
