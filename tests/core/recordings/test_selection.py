"""The tensors that are shown: one kind, some names, an order; what has no gradient is left out."""

import numpy as np
import pytest

from core.recordings import Parameter, Recording
from core.recordings.selection import GROUPS, ORDERS, count_groups, select_tensors

NAMES = {
    "embedding.weight": "embedding",
    "encoder.10.weight": "weight",
    "encoder.10.bias": "bias",
    "encoder.2.weight": "weight",
    "encoder.2.norm.weight": "norm",
    "Head.weight": "weight",
    "frozen.weight": "frozen",
    "silent.weight": "weight",
    "act (ReLU)": "activation",
}


def made():
    norms = np.ones((2, len(NAMES)))
    norms[:, [6, 7, 8]] = np.nan
    parameters = tuple(Parameter(name=n, layer=i + 1, kind=k) for i, (n, k) in enumerate(NAMES.items()))
    return Recording(name="r", source="t", parameters=parameters, step=np.arange(2), values={"grad_norm": norms})


def names(*arguments, **options):
    recording = made()
    return [recording.parameters[i].name for i in select_tensors(recording, *arguments, **options)]


def test_each_kind_stands_apart_and_all_are_those_with_a_gradient():
    assert names("weights") == ["encoder.10.weight", "encoder.2.weight", "Head.weight"]
    assert names("biases") == ["encoder.10.bias"]
    assert names("all") == list(NAMES)[:6]
    assert count_groups(made()) == {"weights": 3, "biases": 1, "norms": 1, "embeddings": 1, "all": 6}


def test_orders_are_the_models_its_reverse_and_that_of_the_numbers():
    assert names("weights", order="reversed") == names("weights")[::-1]
    assert names("weights", order="names") == ["Head.weight", "encoder.2.weight", "encoder.10.weight"]


def test_the_words_of_a_pattern_are_an_order_of_ones_own():
    assert names("weights", pattern="head .2. encoder", order="pattern") == [
        "Head.weight",
        "encoder.2.weight",
        "encoder.10.weight",
    ]
    assert names("weights", pattern="-head", order="pattern") == names("weights", pattern="-head")
    assert names("weights", order="pattern") == names("weights")


@pytest.mark.parametrize(
    "pattern, expected",
    [
        ("head", ["Head.weight"]),
        ("HEAD, .2.", ["encoder.2.weight", "Head.weight"]),
        ("encoder -10", ["encoder.2.weight"]),
        ("e*r.2", ["encoder.2.weight"]),
        ("-encoder", ["Head.weight"]),
        ("zzz", []),
        ("[", []),
        ("-", ["encoder.10.weight", "encoder.2.weight", "Head.weight"]),
    ],
)
def test_a_pattern_is_words_stars_and_words_to_leave_out(pattern, expected):
    assert names("weights", pattern=pattern) == expected


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("order", ORDERS)
def test_an_order_changes_no_choice(group, order):
    assert sorted(names(group, order=order)) == sorted(names(group))


def test_a_tensor_whose_every_gradient_was_not_finite_is_shown_too():
    recording = made()
    recording.values["nonfinite"] = np.zeros((2, len(NAMES)))
    recording.values["nonfinite"][1, 7] = 1.0  # "silent.weight", of which no norm is a number
    chosen = [recording.parameters[i].name for i in select_tensors(recording)]
    assert chosen == ["encoder.10.weight", "encoder.2.weight", "Head.weight", "silent.weight"]


def test_two_hundred_characters_of_a_pattern_count():
    assert names("weights", pattern="x" * 195 + " head") == ["Head.weight"]
    assert names("weights", pattern="x" * 200 + " head") == []
