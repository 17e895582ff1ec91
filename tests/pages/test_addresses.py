"""Whatever an address says, its page is there, and one sentence each names what is not taken."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core import ConfigError
from core.comparison.arms import VARIES
from core.config import Choice, Flag
from core.papers.registry import PAPERS
from tests.support.checkout import HOUSE
from ui import navigation, presenting
from ui.compare import state as compare_state
from ui.controls.fields import CONTROLS, LAB_PARAMETERS
from ui.lecture import outline
from ui.papers import sections
from ui.runs import controls as runs_controls
from ui.sweep import controls as sweep_controls
from ui.urls import address, link, sync

LIMIT = 240  # seconds; a page takes less than one, but the machine may be busy
SMALL = {"depth": "1", "width": "2", "steps": "2", "samples": "8"}  # a run that takes no time


@dataclass(frozen=True)
class Page:
    """The part of its address that a page reads; `start` keeps it quick; `texts` are values of names without a rule."""

    rules: dict
    free: tuple = ()
    start: tuple = ()
    texts: tuple = ()


WIDTHS = ("3,2", "", "64,x", "0", "2.5", "9" * 400, "1," * 501, "4;4", " 4  4 ")
ARMS = (
    "sigmoid,tanh", "0.5,2", "a~1,a~2", "x", ",", "~~~,===", "a~!depth=1,b~!depth=2;width=3", "%00~relu,tanh",
    "a~;;;,b~l2=nan", "true,false", "none,1", "," * 400, "a~seed=1,b~seed=2", "x" * 9000, "%E2%80%AE~relu,tanh",
    "=cmd|' /C calc'!A0~relu,<b onload=alert(1)>~tanh",
)  # fmt: skip
PATTERNS = ("conv", "-0", "*", "[", "[a-", "no such tensor", "***************a", "-", "a" * 400)
BASES = ("", "steps=0", "steps=0;depth=1;width=2", "depth=1;;=;width", "a~b,c", "activation=x", "seed=1",
         "steps=0;" * 300, "depth=nan", "<b>=1", "steps=%30")  # fmt: skip
CELLS = (("base", "depth=1;width=2;steps=0;samples=8"), ("x_count", "2"), ("y_count", "1"), ("activations", "tanh"))
PAGES = {
    "": Page(LAB_PARAMETERS.rules, link.FREE_TEXT_PARAMS, tuple(SMALL.items()), WIDTHS),
    "compare": Page(
        compare_state.ADDRESS_RULES,
        compare_state.ADDRESS_FREE_TEXT_PARAMS,
        (*SMALL.items(), ("seeds", "1")),
        WIDTHS + ARMS,
    ),
    "sweep": Page(sweep_controls.RULES, sweep_controls.FREE_TEXT_PARAMS, CELLS, BASES),
    "runs": Page(runs_controls.RULES, runs_controls.FREE_TEXT_PARAMS, (("example", "dead_cnn"),), PATTERNS),
    "papers": Page({}, sections.FREE_TEXT_PARAMS, (), tuple(PAPERS)),
    "lecture": Page(outline.RULES),
    "present": Page(presenting.RULES),
}

# No number here is both allowed and costly.
JUNK = (
    "", " ", "nan", "inf", "-inf", "1e400", "-1", "-0", "0", "3.7", "1e-400", "0x10", "9" * 400, "1_0", "１２", "1,5",
    "+2", "true", "True", "false", "null", "None", "[]", "{}", "undefined", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "\x00", "\x07\x1b[31m", "a\nb\r\nc", "\u202egnp.exe",
    "a" * 5000, "../../etc/passwd", "%00", "%s%n", "{{7*7}}", "$\\frac{1}{0}$", ":smile: **b**",
    "[x](javascript:alert(1))", "'; DROP TABLE runs; --", "😀" * 50, "\ufffd", "__proto__",
)  # fmt: skip
UNKNOWN = ("foo", "", "<b>", "__proto__", "a" * 3000, "data", "key", "embed_", "\x00", "Depth", "self", "state[0]")


def fitting(rule):
    """A cheap value that the rule allows by itself, as an address writes it."""
    if isinstance(rule, Flag):
        return st.sampled_from(["true", "false"])
    if isinstance(rule, (Choice, link.Subset)):
        return st.sampled_from([name for name in rule.names if name != "custom"])
    if isinstance(rule, link.Text):
        return st.just("")
    high = min(rule.high, rule.low + 12)
    number = st.integers(int(rule.low), int(high)) if rule.integer else st.floats(rule.low, high, allow_subnormal=False)
    return number.map(str)


@st.composite
def addresses(draw, page):
    """Every text given for each name: some fit, most do not, and some names are given more than once."""
    given = dict.fromkeys(())
    for name, text in page.start:
        given[name] = [text]
    for _ in range(draw(st.integers(1, 7))):
        name = draw(st.sampled_from([*page.rules, *page.free]) | st.sampled_from(UNKNOWN))
        junk = st.sampled_from(JUNK) | st.text(max_size=20).filter(lambda text: not text.strip().isdecimal())
        good = fitting(page.rules[name]) if name in page.rules else st.sampled_from(page.texts or JUNK)
        given[name] = draw(st.lists(junk | good, min_size=1, max_size=draw(st.sampled_from([1, 1, 1, 3]))))
    return given


def visit(path, parameters):
    """The page as somebody sees it who comes straight to it."""
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=LIMIT)
    # As a browser asks for a page of the navigation; switch_page() would need a visit to another page before.
    app._page_hash = calc_hash(path) if path else ""
    for name, texts in parameters.items():
        app.query_params[name] = texts
    return app.run()


def plainly(text):
    """A sentence as it is read, without what keeps its marks from being markup."""
    return text.replace("\\", "").replace("\u2060", "")


def taken(rule, texts):
    """The value that these texts stand for; an error where the page takes none."""
    if len(texts) > 1 and not isinstance(rule, link.Subset):
        raise ConfigError("name", texts, "given once")
    if link.find_invalid_params({"name": texts}, {"name": rule}, ()):
        raise ConfigError("name", texts, rule.allowed)
    if isinstance(rule, link.Subset):
        return [] if texts == [""] else texts
    if isinstance(rule, Flag):
        return texts[0].lower() == "true"
    return texts[0] if isinstance(rule, Choice | link.Text) else float(texts[0]) if texts[0] else None


def check(path, parameters):
    page = PAGES[path]
    app = visit(path, parameters)
    assert not app.exception
    assert [*app.title, *app.header][0].value.strip()
    alerts = [element.value for element in [*app.warning, *app.error]]
    asked = "custom" in str(parameters) or any(button.key == "run_sweep" for button in app.button)
    asked = asked or path == "present"  # a list of lessons to choose from where the address names none
    assert asked or app.get("plotly_chart") or any("is not allowed" in text for text in alerts)
    assert all(len(text) < 900 for text in alerts)
    assert not [text for text in alerts if re.search(r"(?<!\\)[<$`*]|[\x00-\x09\x0b-\x1f\u202a-\u202e]", text)]
    told, crowd = [plainly(text) for text in alerts], "more parameters" in "".join(alerts)
    for name, texts in parameters.items():
        named = any(text.startswith(plainly(shown)) for shown in (f"{name} ", name[:40]) for text in told) or crowd
        if name in page.free:
            assert len(texts) == 1 or named
        elif name not in page.rules:
            assert named or not name.isprintable() or not name
        else:
            try:
                value = taken(page.rules[name], texts)
            except ConfigError:
                assert named
            else:
                assert name not in app.session_state or app.session_state[name] == value, name


def test_every_page_of_the_navigation_is_visited_here():
    source = Path(navigation.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r"pages/(\w+)\.py", source)) == {path or "lab" for path in PAGES}


@pytest.mark.parametrize("path", PAGES)
def test_an_address_of_any_kind_shows_the_page_and_names_what_it_does_not_take(path):
    _any_address(path, 10)


COUNTS = {"": 100, "compare": 80, "sweep": 50, "runs": 40, "papers": 40, "lecture": 40}  # beyond the ten of each above


@pytest.mark.slow
@pytest.mark.parametrize("path, count", COUNTS.items())
def test_many_addresses_of_any_kind_show_the_page_and_name_what_they_do_not_take(path, count):
    _any_address(path, count)


def _any_address(path, count):
    @settings(max_examples=count, suppress_health_check=list(HealthCheck), print_blob=False)
    @given(addresses(PAGES[path]))
    def holds(parameters):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GRADIENT_LAB_MAX_COST", "3e8")  # whatever an address asks for takes no time
            patch.setenv("GRADIENT_LAB_MAX_SWEEP", "12")
            check(path, parameters)

    holds()


CONTRADICTIONS = [
    ("", {"loss": "bce"}, "output_activation"),
    ("", {"batch_size": "100"}, "batch_size"),
    ("", {"dataset": "sine", "loss": "cross_entropy", "output_activation": "softmax"}, "loss"),
    ("", {"output_activation": "softmax"}, "output_activation"),
    ("compare", {"vary": "loss", "arms": "cross_entropy,mse"}, "loss"),
    ("compare", {"arms": "relu"}, "arms"),
    ("compare", {"vary": "none", "arms": "a~batch_size=9,b~batch_size=99"}, "batch_size"),
]


@pytest.mark.parametrize("path, parameters, field", CONTRADICTIONS)
def test_settings_that_contradict_each_other_are_refused_by_the_field(path, parameters, field):
    app = visit(path, dict(PAGES[path].start) | parameters)
    assert not app.exception
    label = CONTROLS[field].label if field in CONTROLS else field
    assert any(plainly(error.value).startswith(f"{label} = ") for error in app.error)


def test_many_odd_parameters_are_counted_and_not_all_told():
    app = visit("", SMALL | {f"foo{n}": "1" for n in range(300)})
    assert len(app.warning) == address.MAX_WARNINGS + 1
    assert app.warning[-1].value.startswith(f"{300 - address.MAX_WARNINGS} more parameters")


def test_what_was_odd_is_said_until_a_control_changes_and_not_on_another_page():
    app = visit("lecture", {"section": ["network"], "net_i": ["99"]})
    assert [plainly(warning.value).split(" ")[0] for warning in app.warning] == ["net_i"]
    app.switch_page("pages/papers.py").run()
    assert not any("net_i" in warning.value for warning in app.warning)
    app.switch_page("pages/lecture.py").run()
    app.number_input(key="net_i").set_value(2.0).run()
    assert not app.warning and not app.exception


@pytest.mark.slow
def test_every_field_that_varies_can_be_asked_for_by_address():
    for field in VARIES:
        app = visit("compare", dict(PAGES["compare"].start) | {"vary": field, "arms": "x"})
        assert not app.exception and app.session_state["vary"] == field
        assert any(plainly(error.value).startswith(f"{CONTROLS[field].label} = “x”") for error in app.error)


def test_an_address_states_exactly_what_differs_from_the_defaults_and_nothing_else():
    app = visit("", {"depth": ["3"], "width": ["2"], "steps": ["2"], "samples": ["8"], "noise": ["0.10"], "foo": ["1"]})
    assert app.query_params == {"depth": "3", "width": "2", "steps": "2", "samples": "8"}
    app.selectbox(key="activation").select("relu").run()
    app.number_input(key="depth").set_value(4.0).run()
    assert app.query_params == {
        "depth": "4", "width": "2", "steps": "2", "samples": "8", "activation": "relu",
    }  # fmt: skip


def test_an_action_that_changes_many_controls_is_undone_by_one_click():
    app = visit("", {name: [text] for name, text in SMALL.items()})
    assert app.button(key="undo_last").disabled
    app.number_input(key="seed").set_value(3.0).run()
    app.button(key="reset").click().run()
    assert app.query_params == {}
    app.button(key="undo_last").click().run()
    assert app.query_params == SMALL | {"seed": "3"}
    app.button(key="undo_last").click().run()
    assert app.query_params == SMALL
    assert app.button(key="undo_last").disabled


VIEWS = {
    "": {"quantity": "rms", "relative": False, "open_layer": 2},
    "compare": {"compare_quantity": "grad_norm"},
    "lecture": {"sigmoid_z": 1.5},
}


@pytest.mark.parametrize("path", VIEWS)
def test_what_is_chosen_in_a_part_that_runs_alone_is_in_the_address(path, monkeypatch):
    start = dict(PAGES[path].start) | ({"section": "sigmoid"} if path == "lecture" else {})
    app = visit(path, {name: [text] for name, text in start.items()})
    before = dict(app.query_params)
    monkeypatch.setattr(sync, "sync_address", lambda parameters: None)  # the script of a page, not that of a fragment
    for name, value in VIEWS[path].items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    assert app.query_params == before | {name: link.to_query_value(value) for name, value in VIEWS[path].items()}


def test_a_page_switch_keeps_the_network_and_states_it_in_the_address():
    app = visit("", {name: [text] for name, text in SMALL.items()} | {"activation": ["relu"]})
    app.switch_page("pages/compare.py").run()
    assert not app.exception
    assert app.query_params["activation"] == "relu"
    app.selectbox(key="activation").select("tanh").run()
    app.switch_page("pages/lecture.py").run()
    app.switch_page("pages/lab.py").run()
    assert app.selectbox(key="activation").value == "tanh"
    assert app.query_params["activation"] == "tanh" and app.query_params["depth"] == "1"


def test_a_long_value_that_is_used_instead_is_shortened_in_its_sentence():
    check(
        "sweep",
        {"x_count": ["2"], "y_count": ["1"], "activations": ["tanh"]} | {"base": ["", ";".join(["steps=0"] * 200)]},
    )
