"""Compare without a browser: opens it and reads what it shows."""

import json

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from core.comparison.arms import Comparison
from tests.support.checkout import HOUSE
from ui.urls.arms import parse_arms
from ui.urls.link import DEFAULTS, to_config

TIME_LIMIT = 240  # seconds; the longest comparison takes about ten, but the machine may be busy
SMALL = {"depth": 2, "width": 4, "steps": 3, "samples": 16}  # the settings of runs that take no time


def visit(**parameters):
    """The page with these settings of its controls."""
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=TIME_LIMIT)
    app.session_state["compare_history_reached"] = True  # as if they had come down to it
    app._page_hash = calc_hash("compare")  # as a browser asks for a page of the navigation
    calm(app.run())  # a page starts from its own address, so its controls are set once it is there
    for name, value in parameters.items():
        app.session_state[name] = value if isinstance(value, (str, bool)) else float(value)
    return calm(app.run())


def calm(app):
    assert not app.exception
    return app


def comparison_of(app):
    """The comparison that the controls of a page say."""
    values = app.session_state
    base = to_config({key: values[key] for key in DEFAULTS})
    vary = None if values["vary"] == "none" else values["vary"]
    return Comparison(base, vary, parse_arms(values["arms"], vary), int(values["seeds"]))


def figures(app):
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def arms_drawn(app):
    """Names of the lines of the shared profile."""
    return [line["name"] for line in figures(app)[0]["data"] if line.get("mode") == "lines+markers"]


def small(**parameters):
    return visit(**SMALL, seeds=2, **parameters)
