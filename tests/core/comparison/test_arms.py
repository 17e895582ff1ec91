"""A comparison: what it refuses, that it survives JSON, what differs and what is shared, and its runs."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import ConfigError, RunConfig
from core.comparison.arms import VARIES, Arm, Comparison, arm_name, recommended_arms
from core.config import RULES
from core.families.clipping import CLIPS
from core.presets.comparisons import COMPARISON_PRESETS
from tests.support.strategies import configs

SMALL = RunConfig(samples=16, hidden=(4, 4), steps=3)


def two(*changes, **fields):
    """A comparison of arms called a, b, ... with these changes."""
    return Comparison(SMALL, None, tuple(Arm(chr(97 + i), c) for i, c in enumerate(changes)), **fields)


@pytest.mark.parametrize("vary", VARIES)
def test_every_field_that_may_vary_has_arms_that_run(vary):
    base = RunConfig(dataset="circles", clip="global_norm" if vary == "clip_threshold" else "none")
    comparison = Comparison(base, vary)
    assert 2 <= len(comparison.arms) <= 8
    found = [arm.config(base) for arm in comparison.arms]
    assert len(set(found)) == len(found)
    assert list(comparison.differences().index) == [arm.name for arm in comparison.arms]


@pytest.mark.parametrize("vary", VARIES)
def test_arms_of_one_field_differ_in_that_field(vary):
    field = "hidden" if vary in ("depth", "width") else vary
    beside = {"clip_threshold": {"clip": "global_norm"}, "norm_affine": {"normalization": "layer"}}
    base = RunConfig(**beside.get(vary, {}))
    # a loss takes the output it needs along; a threshold or momentum matters beside some of the choices only
    along = {"loss": {"output_activation"}, "clip": {"clip_threshold"}, "optimizer": {"momentum"}}
    along |= {"schedule": {"schedule_steps"}, "normalization": {"norm_affine"}}
    assert set(Comparison(base, vary).differences().columns) == {field} | along.get(vary, set())


def test_without_a_choice_it_is_sigmoid_tanh_and_relu_on_the_default_network():
    comparison = Comparison()
    assert [config.activation for config in (arm.config(comparison.base) for arm in comparison.arms)] == [
        "sigmoid",
        "tanh",
        "relu",
    ]
    assert {arm.config(comparison.base).replace(activation="sigmoid") for arm in comparison.arms} == {RunConfig()}


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: two({}), "arms = 1"),
        (lambda: two(*[{"l2": 0.1 * i} for i in range(9)]), "2 to 8 arms"),
        (lambda: Comparison(SMALL, None), "arms = 0"),
        (lambda: Comparison(SMALL, None, (Arm("a"), Arm("a", {"l2": 1}))), "a name of its own"),
        (lambda: two({}, {}, seeds=0), "seeds = 0"),
        (lambda: two({}, {}, seeds=17), "from 1 to 16"),
        (lambda: Comparison(SMALL, "noise"), "vary = 'noise'"),
        (lambda: Comparison(SMALL.replace(seed=2**32 - 2), seeds=5), "seed = "),
        (lambda: Arm(""), "1 to 40 characters"),
        (lambda: Arm("a" * 41), "1 to 40 characters"),
        (lambda: Arm("a", {"color": 1}), "color = 1"),
        (lambda: Arm("a", {"seed": 1}), "seed = 1"),
        (lambda: Arm("a", {"depth": 501}), "depth = 501"),
        (lambda: Arm("a", {"l2": -1}), "l2 = -1"),
        (lambda: Arm("a", {"activation": "step"}), "activation = 'step'"),
        (lambda: Arm("a", "l2"), "changes = 'l2'"),
        (lambda: Arm("a", {}, pinned="yes"), "pinned = 'yes'"),
        (lambda: two({}, {"output_activation": "softmax"}), "output_activation = 'softmax'"),
        (lambda: Comparison.from_dict([]), "comparison = []"),
        (lambda: Comparison.from_dict({"arm": []}), "arm = []"),
        (lambda: Comparison.from_dict({"arms": "ab"}), "arms = 'ab'"),
        (lambda: Comparison.from_dict({"arms": [3]}), "arm = 3"),
        (lambda: Comparison.from_dict({"arms": [{"name": 3}]}), "name = 3"),
        (lambda: Comparison.from_dict({"vary": ["l2"]}), "vary = ['l2']"),
        (lambda: Comparison.from_dict({"base": {"l2": "x"}}), "l2 = 'x'"),
        (lambda: Comparison.from_dict({"seeds": "5"}), "seeds = '5'"),
    ],
)
def test_a_bad_comparison_is_refused_in_one_sentence_with_field_and_value(make, said):
    with pytest.raises(ConfigError) as refusal:
        make()
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("comparison", [p.comparison for p in COMPARISON_PRESETS.values()], ids=COMPARISON_PRESETS)
def test_ready_comparisons_survive_json(comparison):
    assert Comparison.from_dict(json.loads(json.dumps(comparison.to_dict()))) == comparison


@settings(max_examples=30)
@given(configs(), st.lists(configs(), min_size=2, max_size=8), st.integers(1, 16))
def test_pinned_arms_are_whole_settings_and_survive_json(base, pinned, seeds):
    base = base.replace(seed=base.seed % 2**31)
    comparison = Comparison(base, None, tuple(Arm.pin(f"arm {i}", c) for i, c in enumerate(pinned)), seeds)
    assert Comparison.from_dict(json.loads(json.dumps(comparison.to_dict()))) == comparison
    for arm, config in zip(comparison.arms, pinned, strict=True):
        assert arm.config(base) == config.replace(seed=base.seed)


def test_changed_arms_follow_the_base_and_pinned_ones_do_not():
    arms = (Arm("follows", {"activation": "tanh"}), Arm.pin("stays", SMALL.replace(activation="relu")))
    deep = Comparison(SMALL.replace(hidden=(4,) * 9, seed=7), "activation", arms)
    follows, stays = (arm.config(deep.base) for arm in deep.arms)
    assert (len(follows.hidden), len(stays.hidden)) == (9, 2)
    assert (follows.seed, stays.seed) == (7, 7)


@pytest.mark.parametrize(
    "changes, hidden",
    [
        ({"depth": 3}, (5, 5, 5)),
        ({"width": 8}, (8, 8)),
        ({"depth": 3, "width": 8}, (8, 8, 8)),
        ({"depth": 0}, ()),
        ({"hidden": (1, 2, 3)}, (1, 2, 3)),
    ],
)
def test_depth_and_width_stand_for_hidden(changes, hidden):
    assert Arm("a", changes).config(RunConfig(hidden=(5, 6))).hidden == hidden


def test_depth_of_a_network_without_hidden_layers_takes_the_default_width():
    assert Arm("a", {"depth": 2}).config(RunConfig(hidden=())).hidden == (32, 32)


@pytest.mark.parametrize(
    "start, loss, output",
    [
        ({}, "mse", "linear"),
        ({}, "bce", "sigmoid"),
        ({}, "cross_entropy", "softmax"),
        ({"loss": "bce", "output_activation": "sigmoid"}, "mse", "sigmoid"),
        ({"loss": "cross_entropy", "output_activation": "softmax"}, "mse", "linear"),
    ],
)
def test_a_loss_brings_the_output_that_it_needs(start, loss, output):
    assert Arm("a", {"loss": loss}).config(RunConfig(**start)).output_activation == output


def test_runs_are_every_arm_on_the_same_seeds():
    comparison = two({}, {"l2": 0.1}, {"activation": "relu"}, seeds=3)
    configs = comparison.configs()
    assert [config.seed for config in configs] == [0, 1, 2] * 3
    assert [config.activation for config in configs] == ["sigmoid"] * 6 + ["relu"] * 3
    assert [config.l2 for config in configs] == [0] * 3 + [0.1] * 3 + [0] * 3


def test_training_returns_traces_by_arm_which_start_from_the_same_draws():
    comparison = two({}, {"activation": "tanh"}, seeds=2)
    seen = []
    traces = comparison.train(on_trace=lambda i, trace: seen.append((i, trace)))
    assert [[trace.config for trace in arm] for arm in traces] == [
        comparison.arm_configs(arm) for arm in comparison.arms
    ]
    assert sorted(i for i, _ in seen) == [0, 1, 2, 3]
    for first, second in zip(*traces, strict=True):
        np.testing.assert_array_equal(first.weight_norm[0], second.weight_norm[0])
    assert not np.array_equal(traces[0][0].weight_norm[0], traces[0][1].weight_norm[0])


def test_differences_name_what_differs_and_nothing_else():
    table = two({}, {"clip": "value", "clip_threshold": 0.5}, {"max_norm": 2}).differences()
    assert table.to_dict("list") == {
        "clip": [CLIPS[name].label for name in ("none", "value", "none")],
        "clip_threshold": ["-", "0.5", "-"],  # no threshold where nothing is clipped
        "max_norm": ["none", "none", "2"],
    }


def test_the_shared_line_leaves_out_what_differs_and_tells_what_is_not_the_default():
    line = two({}, {"learning_rate": 0.5}, seeds=4).common_settings()
    assert line.startswith("16 samples of “Circles”, hidden layers 2 × 4, sigmoid")
    assert "learning rate" not in line
    assert "seeds 0 to 3" in line
    quiet = Comparison(SMALL.replace(l2=0.01, momentum=0.5), "activation", seeds=1).common_settings()
    assert "sigmoid" not in quiet
    assert "L2 0.01" in quiet
    assert "momentum" not in quiet  # does not apply under sgd
    assert "seed 0:" in quiet


@pytest.mark.parametrize(
    "field, value, name",
    [
        ("activation", "relu", "ReLU"),
        ("init_scale", 0.5, "init scale 0.5"),
        ("max_norm", None, "max norm none"),
        ("residual", True, "residual on"),
        ("depth", 20, "depth 20"),
        ("clip", "none", "clip none"),
    ],
)
def test_an_arm_is_named_for_its_value(field, value, name):
    assert arm_name(field, value) == name
    assert Arm(name, {field: value}).config(RunConfig()) is not None


def test_names_of_suited_arms_are_unique_and_short():
    for vary in VARIES:
        names = [arm.name for arm in recommended_arms(vary)]
        assert len(set(names)) == len(names)


def test_every_field_but_the_seed_can_be_changed_by_an_arm():
    default = RunConfig()
    for field in RULES:
        if field != "seed":
            assert Arm("a", {field: getattr(default, field)}).config(default) == default
