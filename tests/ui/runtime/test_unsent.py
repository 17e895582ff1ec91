"""Messages that wait to be sent are kept when a fragment begins to run, and dropped when the whole page does."""

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from ui.runtime import unsent


class Session:
    def __init__(self):
        self._browser_queue = ForwardMsgQueue()


def block(path, fragment=""):
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    message.delta.add_block.allow_empty = True
    message.delta.fragment_id = fragment
    return message


def text(path, body, fragment=""):
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    message.delta.new_element.markdown.body = body
    message.delta.fragment_id = fragment
    return message


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(AppSession, "_clear_queue", AppSession._clear_queue)
    unsent.install()
    session = Session()
    for message in (block([0]), block([0, 0], "history"), text([0, 0, 0], "old", "history"), block([0, 1])):
        session._browser_queue.enqueue(message)
    return session


def paths(session):
    return [list(message.metadata.delta_path) for message in session._browser_queue._queue]


@pytest.mark.parametrize("running", ["history", "other"])
def test_the_block_of_a_fragment_reaches_the_browser_before_what_the_fragment_draws(session, running):
    AppSession._clear_queue(session, [running])
    session._browser_queue.enqueue(text([0, 0, 0], "new", running))
    assert paths(session) == [[0], [0, 0], [0, 0, 0], [0, 1], [0, 0, 0]]


def test_a_run_of_the_whole_page_drops_what_was_not_sent(session):
    AppSession._clear_queue(session)
    assert paths(session) == []
