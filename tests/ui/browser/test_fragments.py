"""Requests to run a fragment again go to the browser of a session, and elsewhere to nobody."""

from types import SimpleNamespace

import pytest

from ui.browser import fragments


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(
        fragments, "get_script_run_ctx", lambda suppress_warning=False: SimpleNamespace(enqueue=messages.append)
    )
    return messages


def test_a_fragment_is_no_longer_asked_for(sent):
    fragments.stop_rerunning("a")
    assert [list(message.stop_auto_rerun.fragment_ids) for message in sent] == [["a"]]


def test_without_a_fragment_nothing_is_sent(sent):
    fragments.stop_rerunning(None)
    assert not sent


def test_outside_a_session_nothing_is_sent_and_nothing_logged(monkeypatch):
    asked = []
    monkeypatch.setattr(fragments, "get_script_run_ctx", lambda suppress_warning=False: asked.append(suppress_warning))
    fragments.stop_rerunning("a")
    assert asked == [True]  # Streamlit warns of a missing session unless this is True
