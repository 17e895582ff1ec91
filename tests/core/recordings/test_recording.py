"""Numbers that a recording computes from its own, and the table that it gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.recordings import Parameter, Recording
from core.recordings.cells import MAX_STEP, MAX_VALUES, check_size, check_steps
from core.recordings.recording import ROW_FIELDS, VALUE_FIELDS


def random_recording(seed, rows=4, count=3):
    """Every field of a recording, all numbers random."""
    rng = np.random.default_rng(seed)
    return Recording(
        name="r",
        source="t",
        parameters=tuple(Parameter(name=f"net.{i}.weight", layer=i + 1, kind="weight") for i in range(count)),
        step=np.cumsum(rng.integers(1, 9, rows)),
        values={field: rng.uniform(0.1, 1, (rows, count)) for field in VALUE_FIELDS} | {
            "nonfinite": (rng.random((rows, count)) < 0.3) * 1.0},
        rows={field: rng.uniform(0.1, 1, rows) for field in ROW_FIELDS},
    )  # fmt: skip


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_every_cell_of_the_table_is_the_number_of_its_step_and_tensor(seed):
    recording = random_recording(seed)
    table = recording.to_frame()
    assert len(table) == 12
    for place, row in enumerate(table.to_dict("records")):
        at, tensor = divmod(place, 3)
        assert (row["step"], row["parameter"]) == (recording.step[at], f"net.{tensor}.weight")
        for field in VALUE_FIELDS:
            assert row[field] == recording.values[field][at, tensor]
        for field in ROW_FIELDS:
            assert row[field] == recording.rows[field][at]


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_ratios_are_steps_over_weights_and_clipped_over_whole_norms(seed):
    recording = random_recording(seed)
    values = recording.values
    np.testing.assert_allclose(recording.update_ratio, values["update_norm"] / values["weight_norm"])
    whole, clipped = (np.linalg.norm(values[name], axis=1) for name in ("grad_norm", "clipped_grad_norm"))
    np.testing.assert_allclose(recording.clip_scale, clipped / whole)
    values["grad_norm"][1, 2] = np.inf
    bad = values["nonfinite"] > 0
    bad[1, 2] = True
    np.testing.assert_array_equal(recording.not_finite, bad)


@pytest.mark.parametrize("step, allowed", [(0, True), (MAX_STEP, True), (MAX_STEP + 1, False), (-1, False)])
def test_a_step_is_allowed_up_to_the_largest_number_of_32_bits(step, allowed):
    if allowed:
        check_steps(np.array([step], float), "x")
    else:
        with pytest.raises(ConfigError, match="is not a number from 0"):
            check_steps(np.array([step], float), "x")


@pytest.mark.parametrize("axis", range(3))
def test_a_recording_is_as_large_as_its_steps_tensors_and_fields_together(axis):
    sizes = [MAX_VALUES // 4, 2, 2]
    check_size(*sizes, "x")
    sizes[axis] += 1
    with pytest.raises(ConfigError, match="record every tenth step"):
        check_size(*sizes, "x")
