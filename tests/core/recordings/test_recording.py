"""Numbers that a recording computes from its own, and the table that it gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.recordings import Parameter, Recording
from core.recordings.cells import MAX_STEP, MAX_VALUES, check_size, check_steps
from core.recordings.recording import ROW_FIELDS, VALUE_FIELDS, describe, guess_kind, natural_key


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


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_clipping_is_measured_over_the_tensors_that_have_both_norms(seed):
    recording = random_recording(seed)
    whole, clipped = recording.values["grad_norm"], recording.values["clipped_grad_norm"]
    whole[0, 0], clipped[1, 1], whole[1, 0] = np.nan, np.inf, np.inf
    clipped[2] = np.nan
    whole[3] = 0.0
    expected = [
        np.linalg.norm(clipped[0, 1:]) / np.linalg.norm(whole[0, 1:]),
        clipped[1, 2] / whole[1, 2],
        np.nan,
        np.nan,
    ]
    np.testing.assert_allclose(recording.clip_scale, expected)


def test_a_recording_weighs_what_its_arrays_do():
    recording = random_recording(0)
    assert recording.nbytes == 8 * 4 * (1 + 3 * len(VALUE_FIELDS) + len(ROW_FIELDS))


@pytest.mark.parametrize(
    "names, layers",
    [
        (("a.weight", "a.bias", "b.weight"), (1, 1, 2)),
        (("a/0.weight", "a/0.bias", "a/1.weight"), (1, 1, 2)),  # the last of both marks divides
        (("a.0/weight", "a.0/bias", "a.1/weight"), (1, 1, 2)),
        (("one", "two", "one.bias"), (1, 2, 1)),
    ],
)
def test_names_up_to_their_last_mark_are_layers_counted_from_1(names, layers):
    assert tuple(parameter.layer for parameter in describe(names)) == layers


@pytest.mark.parametrize(
    "name, kind",
    [
        ("net.0.weight", "weight"), ("net.0.bias", "bias"), ("dense/b", "bias"), ("beta", "bias"),
        ("bias_hh_l0", "bias"), ("block.norm.weight", "norm"), ("bn1.weight", "norm"), ("ln/bias", "norm"),
        ("LayerNorm.bias", "norm"), ("tok_emb.weight", "embedding"), ("wte.weight", "embedding"), ("wpe", "embedding"),
        ("subnet.weight", "weight"), ("blob.kernel", "weight"),
    ],
)  # fmt: skip
def test_the_kind_of_a_tensor_is_guessed_from_its_name(name, kind):
    assert guess_kind(name) == kind


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6), st.sampled_from(["net.{}.w", "{}", "a{}", "{}.{}"]))
def test_names_stand_in_the_order_of_their_numbers(numbers, form):
    named = [form.format(number, number) for number in numbers]
    assert sorted(named, key=natural_key) == [form.format(number, number) for number in sorted(numbers)]
