"""Bounds from which data count as unscaled, on either side."""

from types import SimpleNamespace

import pytest

from core import RunConfig
from core.diagnosis.causes import find_unscaled_data


def find(inputs, targets, *, learned=True):
    data = SimpleNamespace(input_rms=inputs, target_rms=targets)
    trace = SimpleNamespace(data_summary=None, diverged_at=None)
    return find_unscaled_data(SimpleNamespace(data=data, trace=trace, learned=learned, config=RunConfig()))


CASES = [(9.99, 9.99, []), (10.01, 9.99, ["inputs"]), (9.99, 10.01, ["targets"]), (12, 13, ["inputs", "targets"])]


@pytest.mark.parametrize("inputs, targets, said", CASES)
@pytest.mark.parametrize("learned", [True, False])
def test_data_are_unscaled_from_ten_times_the_usual_size_on(inputs, targets, said, learned):
    found = find(inputs, targets, learned=learned)
    assert (found is not None) == bool(said)
    if found:
        assert [word for word in ("inputs", "targets") if f"{word} have a root mean square" in found.what] == said
        assert found.severity == ("note" if learned else "bad")
