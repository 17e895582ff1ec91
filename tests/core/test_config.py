"""A config is validated once, says what is wrong in one sentence, survives JSON, and knows what its run will cost."""

import json
import math
import pickle
import tracemalloc
from dataclasses import FrozenInstanceError, fields
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import ConfigError, RunConfig, train
from core.config import RULES, check_cost, check_snapshot_cost, cost
from core.data import datasets
from core.families.activations import ACTIVATIONS
from core.families.class_weights import CLASS_WEIGHTS
from core.families.clipping import CLIPS
from core.families.initializers import INITS
from core.families.losses import LOSSES, OUTPUT_ACTIVATIONS
from core.families.normalization import NORMALIZATIONS
from core.families.optimizers import OPTIMIZERS
from core.families.schedules import SCHEDULES
from tests.support.strategies import configs

# The limits as the design states them, written out here: field -> (allowed at the edge, refused just beyond it).
LIMITS = {
    "samples": ([2, 100_000], [1, 0, -5, 100_001]),
    "noise": ([0, 0.3, 1e308], [-1e-300, -1]),
    "holdout": ([0, 0.5, 0.999], [-1e-9, 1, 1.5]),
    "hidden": ([(), (1,), (4096,), (1,) * 500, [3, 2]], [(1,) * 501, (0,), (4097,), (8, -1)]),
    "init_scale": ([0, 1e300], [-1e-300]),
    "bias_std": ([0, 2.5], [-0.1]),
    "learning_rate": ([1e-300, 5], [0, -0.01]),
    "momentum": ([0, 0.999], [-0.1, 1, 2]),
    "batch_size": ([None, 1, 128], [0, -1, 100_001]),
    "steps": ([0, 1_000_000], [-1, 1_000_001]),
    "clip_threshold": ([1e-300, 7], [0, -1]),
    "l1": ([0, 3], [-1e-9]),
    "l2": ([0, 3], [-1e-9]),
    "weight_decay": ([0, 3], [-1e-9]),
    "max_norm": ([None, 1e-9, 4], [0, -2]),
    "record_every": ([1, 10**9], [0, -3]),
    "dropout": ([0, 0.99], [1, -0.1]),
    "schedule_steps": ([None, 1, 1_000_000], [0, -1, 1_000_001]),
    "warmup_steps": ([0, 1_000_000], [-1, 1_000_001]),
    "seed": ([0, 2**32 - 1], [-1, 2**32]),
}
NAMES = {
    "dataset": datasets.DATASETS,
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "init": INITS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "clip": CLIPS,
    "dtype": ("float64", "float32"),
    "loss": LOSSES,
    "output_activation": OUTPUT_ACTIVATIONS,
    "scaling": datasets.SCALINGS,
    "class_weight": CLASS_WEIGHTS,
}
FLAGS = ("bias", "residual", "norm_affine")
WHOLE = ("samples", "batch_size", "steps", "record_every", "seed", "schedule_steps", "warmup_steps")
NOT_NUMBERS = [math.nan, math.inf, -math.inf, 10**400, True, "3", [1.0], 1j, {}]

REFUSED = [(name, value) for name, (_, bad) in LIMITS.items() for value in bad]
REFUSED += [(name, value) for name in LIMITS if name != "hidden" for value in NOT_NUMBERS]
REFUSED += [(name, None) for name in LIMITS if name not in ("batch_size", "max_norm", "schedule_steps")]
REFUSED += [(name, 1.5) for name in WHOLE]
REFUSED += [("hidden", value) for value in ("64,32", b"12", 32, 1.5, (1.5,), (True,), ("8",), (None,), [[8]], {"a": 1})]
REFUSED += [("hidden", value) for value in ({}, {3: 1}, {3: 1}.keys(), set(), {3}, frozenset({3}))]
REFUSED += [(name, value) for name in NAMES for value in ("", "nonsense", "Sigmoid ", None, 3, ["none"], math.nan)]
REFUSED += [(name, value) for name in FLAGS for value in (0, 1, "True", None, [])]
ALLOWED = [(name, value) for name, (good, _) in LIMITS.items() for value in good]
ALLOWED += [(name, value) for name in FLAGS for value in (True, False, np.True_)]


def ids(pair):
    text = repr(pair)
    return text if len(text) < 40 else text[:37] + "..."


def test_every_field_has_a_rule_and_every_rule_a_test():
    names = [field.name for field in fields(RunConfig)]
    assert names == list(RULES)
    assert set(names) == {*LIMITS, *NAMES, *FLAGS}


@pytest.mark.parametrize("pair", REFUSED, ids=ids)
def test_a_bad_value_is_refused_naming_field_value_and_what_is_allowed(pair):
    name, value = pair
    with pytest.raises(ConfigError) as caught:
        RunConfig(**{name: value})
    message, error = str(caught.value), caught.value
    assert error.field == name and message.startswith(name + " = ")
    assert error.allowed in message and "\n" not in message
    if name != "hidden":
        assert error.value is value
        assert repr(value)[:100] in message


@pytest.mark.parametrize("pair", ALLOWED, ids=ids)
def test_a_value_at_the_limit_is_allowed(pair):
    name, value = pair
    stored = getattr(RunConfig(**{name: value}), name)
    assert stored == (tuple(value) if name == "hidden" else value)


@pytest.mark.parametrize("name", NAMES)
def test_every_member_of_a_registry_is_allowed_and_named_in_the_refusal(name):
    with pytest.raises(ConfigError) as caught:
        RunConfig(**{name: "nonsense"})
    for member in NAMES[name]:
        assert member in caught.value.allowed
        extra = {"cross_entropy": "softmax", "bce": "sigmoid"}
        if name == "loss":
            config = RunConfig(loss=member, output_activation=extra.get(member, "linear"))
        elif member == "softmax":
            config = RunConfig(loss="cross_entropy", output_activation=member)
        else:
            config = RunConfig(**{name: member})
        assert getattr(config, name) == member


@pytest.mark.parametrize(
    "name, words",
    [
        ("samples", "a whole number from 2 to 100,000"),
        ("holdout", "a finite number from 0 and below 1"),
        ("noise", "a finite number of at least 0"),
        ("learning_rate", "a finite number greater than 0"),
        ("max_norm", "a finite number greater than 0, or None"),
        ("batch_size", "a whole number from 1 to 100,000, or None"),
        ("hidden", "0 to 500 whole numbers from 1 to 4,096, one for each hidden layer"),
        ("seed", "a whole number from 0 to 4,294,967,295"),
        ("bias", "True or False"),
    ],
)
def test_what_is_allowed_is_said_in_words_with_the_limits(name, words):
    assert RULES[name].allowed == f"it must be {words}"


def test_activations_are_one_for_all_layers_or_one_for_each():
    config = RunConfig(hidden=(4, 3, 3), activation=["relu", "tanh", "relu"])
    assert config.activation == config.activations == ("relu", "tanh", "relu") and not config.has_one_activation
    assert RunConfig.from_dict(config.to_dict()) == config and config.to_dict()["activation"] == [
        "relu",
        "tanh",
        "relu",
    ]
    assert hash(config) == hash(RunConfig(hidden=(4, 3, 3), activation=("relu", "tanh", "relu")))
    assert RunConfig(hidden=(4, 3)).activations == ("sigmoid", "sigmoid") and RunConfig(hidden=()).activations == ()
    assert RunConfig(hidden=(4, 3), activation=("tanh", "tanh")) == RunConfig(hidden=(4, 3), activation="tanh")


@pytest.mark.parametrize("hidden, names", [
    ((4, 4, 4), ("relu", "tanh")), ((4, 4, 4), ("relu", "relu")), ((), ("relu",)), ((4,), ("relu", "tanh")),
])  # fmt: skip
def test_as_many_activations_as_hidden_layers_or_one_sentence(hidden, names):
    with pytest.raises(ConfigError) as caught:
        RunConfig(hidden=hidden, activation=names)
    assert str(caught.value) == (
        f"activation = {names!r} is not allowed: it must have one name for each hidden layer, here {len(hidden)}"
    )
    with pytest.raises(ConfigError, match="hidden layer"):
        RunConfig(hidden=(4, 4), activation=("relu", "tanh")).replace(hidden=(4, 4, 4))


@pytest.mark.parametrize("value", [(), [], ("relu", "nonsense"), ("relu", None), ("relu", ["tanh"]), {"relu": 1}])
def test_activations_that_are_none_are_refused_with_the_names_that_there_are(value):
    with pytest.raises(ConfigError, match="softplus, or a list of these, one for each hidden layer") as caught:
        RunConfig(hidden=(4, 4), activation=value)
    assert caught.value.field == "activation"


def test_numbers_of_other_types_become_plain_ones():
    config = RunConfig(
        samples=np.int64(16), steps=3.0, noise=np.float32(0.5), hidden=np.array([4, 3]), l1=Fraction(1, 4), momentum=0
    )
    assert (config.samples, config.steps, config.noise, config.hidden, config.l1) == (16, 3, 0.5, (4, 3), 0.25)
    for name in ("samples", "steps"):
        assert type(getattr(config, name)) is int
    for name in ("noise", "l1", "momentum"):
        assert type(getattr(config, name)) is float
    assert all(type(width) is int for width in config.hidden)


def test_a_number_is_checked_as_it_is_kept():
    # both fractions lie inside their limits, and the floats nearest to them do not
    for field, value in (("holdout", 1 - Fraction(1, 10**30)), ("learning_rate", Fraction(1, 10**400))):
        with pytest.raises(ConfigError, match=field):
            RunConfig(**{field: value})
    with pytest.raises(ConfigError, match="hidden"):
        RunConfig(hidden=(10**400,))


# -- contradictions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", [name for name in OUTPUT_ACTIVATIONS if name != "sigmoid"])
def test_bce_needs_a_sigmoid_output(output):
    with pytest.raises(ConfigError, match=f"output_activation = '{output}'.*cross-entropy needs a sigmoid output"):
        RunConfig(loss="bce", output_activation=output)


@pytest.mark.parametrize("output", [name for name in OUTPUT_ACTIVATIONS if name != "softmax"])
def test_cross_entropy_needs_a_softmax_output(output):
    with pytest.raises(ConfigError, match=f"output_activation = '{output}'.*cross-entropy needs a softmax output"):
        RunConfig(loss="cross_entropy", output_activation=output)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_softmax_goes_with_nothing_but_cross_entropy(loss):
    with pytest.raises(ConfigError, match="output_activation = 'softmax'"):
        RunConfig(loss=loss, output_activation="softmax")


def test_mse_goes_with_every_other_output():
    for output in OUTPUT_ACTIVATIONS:
        if output != "softmax":
            RunConfig(loss="mse", output_activation=output)


def test_a_batch_is_at_most_all_samples():
    assert RunConfig(samples=10, batch_size=10).batch_size == 10
    with pytest.raises(ConfigError, match="batch_size = 11 .*at most samples, here 10"):
        RunConfig(samples=10, batch_size=11)


def test_a_field_that_does_not_apply_is_ignored():
    RunConfig(optimizer="sgd", momentum=0.5, clip="none", clip_threshold=3, hidden=(), activation="relu")


# -- identity and JSON --------------------------------------------------------------------------------------------


@given(configs())
def test_a_config_survives_its_dict_and_json(config):
    text = json.dumps(config.to_dict(), allow_nan=False)
    again = RunConfig.from_dict(json.loads(text))
    assert again == config and hash(again) == hash(config)
    assert again.to_dict() == config.to_dict()
    assert list(config.to_dict()) == list(RULES)
    assert pickle.loads(pickle.dumps(config)) == config


@given(configs(), configs())
def test_configs_are_equal_exactly_when_their_dicts_are(one, other):
    assert (one == other) == (one.to_dict() == other.to_dict())


def test_a_config_cannot_be_changed_but_changed_copies_are_validated():
    config = RunConfig()
    with pytest.raises(FrozenInstanceError):
        config.steps = 3
    assert config.replace(steps=3, hidden=[2]).to_dict() == {**config.to_dict(), "steps": 3, "hidden": [2]}
    assert config == RunConfig()
    with pytest.raises(ConfigError, match="steps = -1"):
        config.replace(steps=-1)
    with pytest.raises(ConfigError, match="stepz = 3 .*no such setting.*steps"):
        config.replace(stepz=3)


def test_from_dict_takes_missing_fields_from_the_defaults():
    assert RunConfig.from_dict({}) == RunConfig()
    assert RunConfig.from_dict({"hidden": [3]}) == RunConfig(hidden=(3,))


@pytest.mark.parametrize("name", ["learningrate", "__class__", "", "rows", 7, None])
def test_from_dict_refuses_an_unknown_field_by_name(name):
    with pytest.raises(ConfigError, match="no such setting; settings are dataset, samples") as caught:
        RunConfig.from_dict({name: 1})
    assert caught.value.field == str(name)


@pytest.mark.parametrize("mapping", [None, [], "{}", 3, [("steps", 3)]])
def test_from_dict_refuses_what_is_no_mapping(mapping):
    with pytest.raises(ConfigError, match="object of settings by name"):
        RunConfig.from_dict(mapping)


@given(st.dictionaries(st.sampled_from([*RULES, "other"]), st.none() | st.booleans() | st.floats() | st.text()))
def test_from_dict_of_anything_is_a_config_or_a_config_error(mapping):
    try:
        config = RunConfig.from_dict(mapping)
    except ConfigError as error:
        assert error.field in RULES or error.field == "other"
    else:
        assert config.to_dict().items() >= {k: v for k, v in mapping.items() if k != "hidden"}.items()


def test_a_config_error_survives_its_way_back_from_a_worker():
    error = ConfigError("steps", -1, "it must be more")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.field, again.value, again.allowed) == (str(error), "steps", -1, "it must be more")
    assert isinstance(error, ValueError)


def test_a_long_value_is_shown_in_part():
    with pytest.raises(ConfigError) as caught:
        RunConfig(activation="x" * 5000)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "steps, every, rows",
    [(0, 1, 1), (0, 7, 1), (1, 1, 2), (5, 2, 4), (4, 2, 3), (3, 10, 2), (300, 1, 301), (7, 10**300, 2)],
)
def test_rows_are_initialization_every_kth_step_and_the_end(steps, every, rows):
    assert RunConfig(steps=steps, record_every=every).rows == rows


# -- cost ---------------------------------------------------------------------------------------------------------


def test_multiply_adds_against_a_count_by_hand():
    # 2-3-1 on 10 samples: 6 + 3 weights forward and in the gradient, and 3 to pass delta back; two passes a step of
    # one, since the end is measured too: 2 * 10 * (9 + 9 + 3)
    config = RunConfig(hidden=(3,), samples=10, steps=1)
    assert cost(config).multiply_adds == 2 * 10 * (9 + 9 + 3)
    assert cost(config.replace(steps=0)).multiply_adds == 10 * 21
    # mini-batches of 4
    assert cost(config.replace(batch_size=4)).multiply_adds == 2 * 4 * 21
    # 2 of 10 held out: 8 trained on, and 2 forward only in each of two rows
    assert cost(config.replace(holdout=0.2)).multiply_adds == 2 * 8 * 21 + 2 * 2 * 9
    # and once a row only: steps 0, 2, 3 are recorded of four passes
    recorded = config.replace(holdout=0.2, steps=3, record_every=2)
    assert cost(recorded).multiply_adds == 4 * 8 * 21 + 3 * 2 * 9
    # no hidden layer: 2 weights, nothing to pass back
    assert cost(config.replace(hidden=())).multiply_adds == 2 * 10 * (2 + 2)
    # other data: 5 inputs, 2 outputs, 7 samples
    assert cost(config, inputs=5, outputs=2, samples=7).multiply_adds == 2 * 7 * (2 * (15 + 6) + 6)


def test_real_data_cost_no_more_than_there_are_samples():
    config = RunConfig(dataset="iris", samples=100_000, hidden=(3,), steps=0)
    assert cost(config).multiply_adds == 150 * (3 * (12 + 9) - 12)


@pytest.mark.parametrize("holdout, samples", [(0.999, 2), (0.999, 3), (0.5, 10)])
def test_cost_counts_the_samples_that_are_held_out(holdout, samples):
    config = RunConfig(hidden=(), samples=samples, holdout=holdout, steps=0)
    split = datasets.load("circles", samples, 0.1, holdout, 0)
    assert cost(config).multiply_adds == len(split.X) * 4 + len(split.X_holdout) * 2


WIDE = {"hidden": (512,) * 3, "samples": 64}
SQUARE = {"hidden": (1024, 1024), "samples": 4}
MULTI = {"dataset": "blobs", "loss": "cross_entropy", "output_activation": "softmax"}
MEMORY = {
    "default": {},
    "wide": WIDE,
    "many samples": {"samples": 20_000, "hidden": (32,) * 4},
    "adam": WIDE | {"optimizer": "adam"},
    "batch normalization": {"samples": 5000, "hidden": (64,) * 6, "normalization": "batch"},
    "float32": {"samples": 5000, "hidden": (64,) * 6, "normalization": "layer", "dtype": "float32"},
    "holdout": {"samples": 20_000, "holdout": 0.5, "hidden": (32,) * 4},
    "mostly holdout": {"samples": 20_000, "holdout": 0.9, "hidden": (32,) * 8},
    "mini-batches": MULTI | {"samples": 20_000, "batch_size": 64},
    "mini-batches of few inputs": {"samples": 100_000, "batch_size": 64},
    "many rows": {"steps": 2000, "hidden": (4,) * 30, "samples": 8},
    "one wide layer": {"hidden": (4096,), "samples": 512},
    "penalties": WIDE | {"l1": 0.1, "l2": 0.1, "weight_decay": 0.1, "max_norm": 1.0, "clip": "adaptive"},
    "no hidden layer": {"hidden": (), "samples": 50_000},
    "momentum": SQUARE | {"optimizer": "momentum"},
    "parameters of float32": SQUARE | {"dtype": "float32"},
    "clipping": SQUARE | {"clip": "global_norm"},
    "non-monotone activation": {"hidden": (64,) * 6, "samples": 5000, "activation": "gelu", "residual": True},
}


@pytest.mark.parametrize("name", MEMORY)
def test_bytes_are_the_peak_at_least_to_a_quarter_and_at_most_by_half(name):
    # a quarter too little at most, for NumPy's temporaries and Python's objects are not counted; a half too much at
    # most, for not everything is held at the same time
    config = RunConfig(**{"steps": 2} | MEMORY[name])
    train([config.replace(samples=4, batch_size=None, hidden=(2,))])  # imports and caches are made once
    datasets._draw_small.cache_clear()
    datasets._draw_large.cache_clear()
    tracemalloc.start()
    try:
        train([config])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak / 1.25 <= cost(config).bytes <= peak * 1.5


@pytest.mark.parametrize("limit", ["GRADIENT_LAB_MAX_COST", "GRADIENT_LAB_MAX_BYTES"])
def test_a_run_above_a_limit_is_refused_with_its_number_and_the_limit(monkeypatch, limit):
    config = RunConfig(steps=10)
    amount = cost(config).multiply_adds if limit.endswith("COST") else cost(config).bytes
    monkeypatch.setenv(limit, str(amount))
    check_cost(config)
    train([config])
    monkeypatch.setenv(limit, str(amount - 1))
    with pytest.raises(ConfigError) as caught:
        train([config])
    assert f"{amount:,}" in str(caught.value) and f"{amount - 1:,}" in str(caught.value)


def test_data_given_count_against_the_limit_by_their_own_size(monkeypatch):
    X, D = np.zeros((1000, 3)) + np.arange(3), np.zeros((1000, 1))
    small = RunConfig(samples=2, hidden=(2,), steps=0)
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", str(10_000))
    train([small])
    with pytest.raises(ConfigError, match="multiply-adds"):
        train([small], data=(X, D))


def test_no_limit_is_set_unless_asked_for(monkeypatch):
    for name in ("GRADIENT_LAB_MAX_COST", "GRADIENT_LAB_MAX_BYTES"):
        monkeypatch.delenv(name, raising=False)
        check_cost(RunConfig(steps=1_000_000, samples=100_000, hidden=(4096,) * 500))
        monkeypatch.setenv(name, "")
        check_cost(RunConfig(steps=1_000_000, samples=100_000, hidden=(4096,) * 500))


@pytest.mark.parametrize("text", ["zero", "0", "-1", "nan"])
def test_a_limit_that_is_no_positive_number_is_said_to_be_so(monkeypatch, text):
    monkeypatch.setenv("GRADIENT_LAB_MAX_COST", text)
    with pytest.raises(ConfigError, match="GRADIENT_LAB_MAX_COST.*positive number"):
        check_cost(RunConfig())


@settings(max_examples=50)
@given(configs())
def test_cost_is_positive_and_grows_with_steps_for_every_config(config):
    price = cost(config, inputs=2, outputs=1)
    assert price.multiply_adds > 0 and price.bytes > 0
    assert cost(config.replace(steps=1_000_000), inputs=2, outputs=1).multiply_adds >= price.multiply_adds


@given(inputs=st.integers(1, 30), outputs=st.integers(1, 30), samples=st.integers(1, 50))
def test_a_run_with_all_values_of_a_step_counts_inputs_outputs_and_samples_that_are_given(inputs, outputs, samples):
    config = RunConfig(hidden=(5, 3), steps=2)
    units = inputs + 5 + 3 + outputs
    parameters = (inputs + 1) * 5 + (5 + 1) * 3 + (3 + 1) * outputs
    held = cost(config, inputs, outputs, samples).bytes + 8 * (3 * samples * units + 2 * parameters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIENT_LAB_MAX_BYTES", str(held))
        check_snapshot_cost(config, inputs, outputs, samples)
        patch.setenv("GRADIENT_LAB_MAX_BYTES", str(held - 1))
        with pytest.raises(ConfigError, match="with all its values at one step"):
            check_snapshot_cost(config, inputs, outputs, samples)
