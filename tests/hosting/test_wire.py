"""Bytes on the wire: counted as the websocket compresses them, one message after another."""

import zlib

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.support.loops import finished
from tests.support.visitor import Visitor


class Wire:
    """A compressed websocket as the server keeps it: each message refers to the last 4 kB before it."""

    def __init__(self):
        self._deflate = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -12, 5)

    def count(self, answer):
        """Bytes of all messages of an answer."""
        packed = [self._deflate.compress(raw) + self._deflate.flush(zlib.Z_SYNC_FLUSH) for raw in answer.messages]
        return sum(len(part) - 4 for part in packed)  # each ends with four bytes that are not sent


def kinds(answer):
    return [ForwardMsg.FromString(raw).WhichOneof("type") for raw in answer.messages]


async def open_and_change(server, page, changes, query=""):
    """The sizes of a page's first run and of some changes, and the answers."""
    async with Visitor(server.url, page, query) as visitor:
        wire, answers = Wire(), [await visitor.visit()]
        sizes = [wire.count(answers[0])]
        for change in changes:
            answers.append(await visitor.change(**change))
            sizes.append(wire.count(answers[-1]))
        return sizes, answers


def test_the_lab_sends_little_and_of_its_charts_only_the_picture(server):
    changes = [{"init_scale": 1.1}, {"init_scale": 1.2}, {"learning_rate": 0.02}]
    (first, second, *moves), answers = finished(open_and_change(server, "", changes))
    assert not any(answer.errors for answer in answers)
    assert first <= 60_000
    # After the first run every control is sent once more, then without the value that the address had set.
    assert second <= 24_000
    assert max(moves) <= 20_000
    for answer in answers:
        assert answer.charts == ["gradient-profile"]  # the others are below the screen
    # What did not change goes by its name: most controls, at a move.
    assert kinds(answers[-1]).count("ref_hash") >= 40


def test_a_rerun_without_a_change_sends_no_chart_again(server):
    sizes, answers = finished(open_and_change(server, "", [{"init_scale": 1.1}, {"init_scale": 1.1}]))
    again = [ForwardMsg.FromString(raw) for raw in answers[-1].messages]
    charts = [message for message in again if message.delta.new_element.HasField("plotly_chart")]
    assert charts == []
    assert sizes[-1] <= 12_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "query", "most"), [("compare", "", 150_000), ("sweep", "", 120_000), ("lecture", "", 120_000)]
)
def test_a_first_run_with_all_its_previews_is_small(server, page, query, most):
    (first,), (answer,) = finished(open_and_change(server, page, [], query))
    assert not answer.errors
    assert first <= most
