"""The controls: what applies when, and what each one says."""

import pytest
from hypothesis import given

from core.config import RULES, Choice, Number
from core.families.initializers import INITS
from core.wording import name_field
from tests.support.strategies import configs
from ui.controls import fields
from ui.controls.fields import _APPLIES, CONTROLS, REGISTRIES, reason_against
from ui.urls.link import CONTROL_RULES, DEFAULTS, KEYS

# For each field that may not apply: controls beside which it does, and others beside which it does not.
BESIDE = {
    "samples": ({}, {"dataset": "custom"}),
    "noise": ({}, {"dataset": "digits"}),
    "depth": ({}, {"hidden": "3,2"}),
    "width": ({}, {"depth": 0}),
    "activation": ({"depth": 0, "hidden": "3"}, {"depth": 0}),
    "layer_activations": ({}, {"depth": 0}),
    "residual": ({}, {"depth": 0}),
    "dropout": ({}, {"depth": 0}),
    "normalization": ({}, {"depth": 0}),
    "norm_affine": ({"normalization": "layer"}, {"normalization": "none"}),
    "bias_std": ({}, {"bias": False}),
    "momentum": ({"optimizer": "nesterov"}, {"optimizer": "adam"}),
    "clip_threshold": ({"clip": "adaptive"}, {"clip": "none"}),
    "class_weight": ({"dataset": "iris"}, {"dataset": "sine"}),
    "schedule_steps": ({"schedule": "step"}, {"schedule": "constant"}),
    **{
        field: ({"steps": 1}, {"steps": 0})
        for field in (
            "optimizer",
            "learning_rate",
            "record_every",
            "weight_decay",
            "max_norm",
            "schedule",
            "warmup_steps",
        )
    },
}


@pytest.mark.parametrize("field", _APPLIES)
def test_a_control_applies_or_says_why_not(field):
    does, does_not = BESIDE[field]
    assert reason_against(field, DEFAULTS | does) is None
    assert len(reason_against(field, DEFAULTS | does_not)) > 10


def test_a_control_without_a_condition_always_applies():
    assert reason_against("seed", DEFAULTS) is None


def test_every_field_has_a_control_with_a_label_and_an_explanation():
    assert set(CONTROLS) == set(KEYS)
    labels = [control.label for control in CONTROLS.values()]
    assert len(set(labels)) == len(labels)
    assert all(len(control.about) > 15 for control in CONTROLS.values())


# Fields whose control has other words than their name.
WORDS = {
    "holdout": "Held out", "layer_activations": "Activation of each layer", "hidden": "Width of each layer",
    "bias": "Biases", "norm_affine": "Learned gain and shift", "class_weight": "Class weights",
    "schedule_steps": "Schedule length", "warmup_steps": "Warm-up", "dtype": "Precision", "clip_threshold": "Threshold",
}  # fmt: skip


@pytest.mark.parametrize("field", CONTROLS)
def test_a_control_has_the_name_of_its_field(field):
    assert CONTROLS[field].label.lower() == WORDS.get(field, name_field(field)).lower()


@pytest.mark.parametrize("field", [field for field, rule in CONTROL_RULES.items() if not hasattr(rule, "names")])
def test_numbers_name_a_sensible_range(field):
    if hasattr(CONTROL_RULES[field], "low") and field != "seed":
        assert "Sensible: " in CONTROLS[field].about


@pytest.mark.parametrize("field", REGISTRIES)
def test_a_registry_behind_a_control_is_the_one_of_its_rule(field):
    assert isinstance(RULES[field], Choice)
    assert tuple(REGISTRIES[field]) == RULES[field].names
    for member in filter(None, REGISTRIES[field].values()):
        assert member.label and member.formula and member.source


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_deviation_of_biases_applies_where_there_are_any_that_the_init_leaves_at_zero(init, bias):
    values = DEFAULTS | {"init": init, "bias": bias}
    applies = bias and init != "torch_default"  # which draws them as torch.nn.Linear does
    assert (reason_against("bias_std", values) is None) == applies


@given(configs())
def test_a_config_sets_every_control_whatever_they_were_and_is_read_from_them_again(config):
    session = dict.fromkeys(KEYS, "old")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "session_by_name", session)
        fields.apply(config)
        again = fields.read_config()
    assert "old" not in session.values() and set(session) == set(KEYS)
    assert again == config.replace(record_every=again.record_every)
    assert all(type(session[key]) is float for key, rule in CONTROL_RULES.items()
               if isinstance(rule, Number) and session[key] is not None)  # fmt: skip


@pytest.mark.parametrize("field", [field for field, rule in CONTROL_RULES.items() if isinstance(rule, Choice)])
def test_every_option_of_a_control_has_words_of_its_own(field):
    labels = [fields.option_label(field, name) for name in CONTROL_RULES[field].names]
    assert len(set(labels)) == len(labels) and not any("_" in label for label in labels)
    if field == "scaling":
        assert labels == ["Standardized", "Raw numbers"]
