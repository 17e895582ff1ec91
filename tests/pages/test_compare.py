"""Compare, driven without a browser."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.comparison import Comparison
from ui.link import DEFAULTS, to_config

HOUSE = Path(__file__).resolve().parents[2]
LIMIT = 240  # seconds; the longest comparison takes about ten, but the machine may be busy
SMALL = {"depth": "2", "width": "4", "steps": "3", "samples": "16"}  # runs that take no time
CURVES = ["compare-loss", "compare-accuracy", "compare-global-norm", "compare-weight-norm", "compare-saturation",
          "compare-dead"]  # fmt: skip


@pytest.fixture(autouse=True)
def no_limits(monkeypatch):
    for name in ("COST", "BYTES", "TRAININGS"):
        monkeypatch.delenv(f"GRADIENT_LAB_MAX_{name}", raising=False)


def visit(**parameters):
    """The page as somebody sees it who comes with these parameters."""
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=LIMIT)
    app.run()  # the navigation must be known before the page can be switched
    app.switch_page("pages/compare.py")
    for name, value in parameters.items():
        app.query_params[name] = value
    return calm(app.run())


def calm(app):
    assert not app.exception
    return app


def comparison_of(app):
    """The comparison that the controls of a page say."""
    state = app.session_state
    base = to_config({key: state[key] for key in DEFAULTS})
    vary = None if state["vary"] == "none" else state["vary"]
    from ui.arms import read_arms

    return Comparison(base, vary, read_arms(state["arms"], vary), state["seeds"])


def figures(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def keys(app):
    return [chart.proto.id.rsplit("-None", 1)[0] for chart in app.get("plotly_chart")]


def headline(app):
    return app.header[0].value.replace("\\", "")


def arms_drawn(app):
    """Names of the lines of the shared profile."""
    return [line["name"] for line in figures(app)[0]["data"] if line.get("mode") == "lines+markers"]
