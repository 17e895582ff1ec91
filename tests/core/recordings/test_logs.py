"""Nested objects of a log: their numbers keep the names on the way to them, and a table by layer is of gradients."""

import pytest

from core.recordings.logs import _BY_LAYER, _flatten


@pytest.mark.parametrize("name", _BY_LAYER)
def test_an_object_or_a_list_by_layer_holds_gradient_norms_at_the_top_of_a_row_and_nowhere_else(name):
    assert dict(_flatten({name: {"0": 1.5, "fc.weight": 2.5}})) == {"grad_norm/0": 1.5, "grad_norm/fc.weight": 2.5}
    assert dict(_flatten({name: [1.5, 2.5]})) == {"grad_norm/0": 1.5, "grad_norm/1": 2.5}
    assert dict(_flatten({"weights": {name: {"0": 1.5}}})) == {f"weights/{name}/0": 1.5}
    assert dict(_flatten({"weights": {name: [1.5]}})) == {f"weights/{name}/0": 1.5}


def test_names_are_joined_and_what_is_no_list_of_numbers_stays_as_it_is():
    row = {"step": 3, "train": {"loss": 0.5, "norms": {"a": 1.0}}, "tags": ["x", "y"], "empty": [], "flags": [True]}
    assert dict(_flatten(row)) == {
        "step": 3, "train/loss": 0.5, "train/norms/a": 1.0, "tags": ["x", "y"], "empty": [], "flags": [True],
    }  # fmt: skip
