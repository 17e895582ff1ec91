"""A page of the navigation without a browser, as somebody sees it who comes with some parameters."""

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.support.checkout import HOUSE

TIME_LIMIT = 240  # seconds; a page takes about one, but the machine may be busy


def open_page(name, **parameters):
    app = AppTest.from_file(str(HOUSE / "app.py"), default_timeout=TIME_LIMIT)
    app._page_hash = calc_hash(name)  # as a browser asks for a page of the navigation
    for key, value in parameters.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app
