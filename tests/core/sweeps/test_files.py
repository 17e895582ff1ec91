"""A checkpoint: a table that was interrupted anywhere equals one that was not, failed runs and their reasons too."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from core import ConfigError, RunConfig
from core.sweeps.chunks import Chunk, ChunkResult, summary_fields
from core.sweeps.files import Checkpoint
from core.sweeps.grid import Grid
from core.sweeps.table import SweepTable

GRID = Grid(RunConfig(samples=8, hidden=(2,), steps=0), {"init_scale": [1.0, 2.0, 3.0], "bias_std": [0.0, 1.0]}, 2)
ERRORS = st.one_of(st.none(), st.text(min_size=1, max_size=30))


@st.composite
def finished_chunks(draw):
    """All networks of the grid in any order, in chunks of any size, each run with numbers or with an error."""
    order = draw(st.permutations(range(GRID.networks)))
    chunks = []
    while order:
        size = draw(st.integers(1, len(order)))
        indices, order = tuple(order[:size]), order[size:]
        reasons = draw(st.lists(ERRORS, min_size=size, max_size=size))
        values = np.array([draw(st.integers(-9, 9)) / 3 + np.arange(len(summary_fields())) for _ in indices])
        values[:, 1] = draw(st.sampled_from([np.nan, np.inf, 1e-300, 0.1]))
        failed = {i: reason for i, reason in enumerate(reasons) if reason is not None}
        values[list(failed)] = np.nan
        chunks.append((Chunk(indices, 1.0), ChunkResult(values=values, errors=failed, seconds=1.0, worker=())))
    return chunks


class Interrupted(BaseException):
    """Neither Exception nor anything a library would catch."""


@settings(max_examples=60)
@given(chunks=finished_chunks(), data=st.data())
def test_an_interrupted_table_equals_an_uninterrupted_one(tmp_path_factory, chunks, data):
    whole = SweepTable(GRID)
    for chunk, result in chunks:
        whole.add(chunk, result)

    output = tmp_path_factory.mktemp("sweep") / "out.csv"
    stop = data.draw(st.integers(0, len(chunks)), label="chunks before the interruption")
    with pytest.raises(Interrupted), Checkpoint(output, GRID) as checkpoint:
        for chunk, result in chunks[:stop]:
            checkpoint.add(chunk, result)
        raise Interrupted
    lost = data.draw(st.integers(0, 12), label="bytes of the last line that were not written")
    part = output.with_name("out.csv.part")
    written = part.read_bytes()
    last = written[:-1].rfind(b"\n") + 1
    part.write_bytes(written[: max(last, len(written) - lost)])

    with Checkpoint(output, GRID) as checkpoint:
        done = checkpoint.table.done.copy()
        for chunk, result in chunks:
            missing = [i for i, index in enumerate(chunk.indices) if not done[index]]
            if missing:
                errors = {k: result.errors[i] for k, i in enumerate(missing) if i in result.errors}
                indices = tuple(chunk.indices[i] for i in missing)
                checkpoint.add(
                    Chunk(indices, 1.0),
                    ChunkResult(values=result.values[missing], errors=errors, seconds=1.0, worker=()),
                )
        assert done.sum() >= sum(len(chunk.indices) for chunk, _ in chunks[:stop]) - 1
        assert checkpoint.table.errors == whole.errors and checkpoint.table.done.all()
        assert_frame_equal(checkpoint.table.to_frame(), whole.to_frame(), check_exact=True)
    assert not part.exists()


def test_a_checkpoint_of_other_seeds_is_refused(tmp_path):
    output = tmp_path / "out.csv"
    with pytest.raises(Interrupted), Checkpoint(output, GRID):
        raise Interrupted
    other = Grid(GRID.base, dict(GRID.axes), GRID.seeds + 1)
    with pytest.raises(ConfigError, match="another sweep"), Checkpoint(output, other):
        pass
    assert json.loads(output.with_name("out.csv.part").read_text())["sweep"]
