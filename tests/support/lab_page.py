"""The Lab without a browser: opens it, works its controls, and reads what it shows."""

import json
import re

from streamlit.testing.v1 import AppTest

from tests.support.checkout import HOUSE
from ui.urls.link import DEFAULTS, to_config

TIME_LIMIT = 120  # seconds; a page takes about one, but the machine may be busy
SMALL = {"depth": "2", "width": "4", "steps": "3", "samples": "16"}  # the parameters of a run that takes no time


def visit(**parameters):
    """The page as somebody sees it who comes with these parameters."""
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=TIME_LIMIT)
    app.session_state["history_reached"] = True  # as if they had come down to it
    for name, value in parameters.items():
        app.query_params[name] = value
    return calm(app.run())


def calm(app):
    assert not app.exception
    return app


def config_of(app):
    """The config that the controls of a page say."""
    return to_config({key: app.session_state[key] for key in DEFAULTS})


def shown(app):
    return app.get("plotly_chart")


def keys(app):
    """The keys of the charts of a page."""
    return [re.sub(r"^.*?-[0-9a-f]{32}-", "", chart.proto.id) for chart in shown(app)]


def figures(app):
    return [json.loads(chart.proto.spec) for chart in shown(app)]


def texts(elements):
    return [element.value.replace("\\", "") for element in elements]


def control(app, key):
    """The widget of a key, whatever its kind."""
    kinds = ("selectbox", "number_input", "toggle", "text_input", "segmented_control")
    return next(widget for kind in kinds for widget in app.get(kind) if widget.key == key)


def upload(app, key, name, text):
    raw = text if isinstance(text, bytes) else text.encode()
    return calm(app.file_uploader(key=key).upload(name, raw, "text/csv").run())


def open_box(app, key):
    """The page after a visitor has opened one of its boxes."""
    app.session_state[key] = True
    return calm(app.run())
