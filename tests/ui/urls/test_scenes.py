"""Compact scenes: every link comes back exactly, and one of typical settings is short."""

import random
from urllib.parse import urlencode

import pytest

from core import ConfigError
from core.config import Choice, Flag, Number
from core.families.activations import ACTIVATIONS
from core.presets.setups import PRESETS
from ui.controls.fields import LAB_PARAMETERS
from ui.urls import link, scenes
from ui.urls.scenes import CODES, NAMES, expand, pack, unpack
from ui.urls.sync import read_query, to_query

SERVER = "https://gradient-lab.example.org/?s="
# Values as a lecturer sets them, one for each field; none is a default.
TYPICAL = {
    "dataset": "breast_cancer", "samples": 512.0, "noise": 0.25, "holdout": 0.25, "scaling": "none",
    "activation": "leaky_relu", "depth": 50.0, "width": 128.0, "output_activation": "softmax", "bias": False,
    "residual": True, "normalization": "layer", "init": "glorot_uniform", "init_scale": 1.25, "bias_std": 0.05,
    "seed": 42.0, "loss": "cross_entropy", "optimizer": "nesterov", "learning_rate": 0.005, "momentum": 0.95,
    "batch_size": 32.0, "steps": 1000.0, "record_every": 10.0, "dtype": "float32", "clip": "per_layer_norm",
    "clip_threshold": 0.5, "l1": 1e-05, "l2": 1e-05, "weight_decay": 0.0001, "max_norm": 2.0, "quantity": "rms",
    "relative": False, "step": 250.0, "axis": "-6,2", "more": True, "inside": True, "why": True, "sharpness": True,
    "open_layer": 3.0,
}  # fmt: skip


def query_of(values):
    return to_query(LAB_PARAMETERS, LAB_PARAMETERS.defaults | values)


def test_every_parameter_of_the_lab_has_a_letter_of_its_own():
    assert set(CODES) == set(LAB_PARAMETERS.defaults) and len(set(CODES.values())) == len(CODES)


def test_letters_and_positions_never_change():
    """Old links hold them: append only."""
    assert pack({"activation": ["relu"], "depth": ["20"], "why": ["true"]}) == "A3C20Zmt"
    assert NAMES["activation"][:4] == ("linear", "sigmoid", "tanh", "relu")
    assert unpack("A3I5L2O4Q2M0.5") == {
        "activation": "relu", "init": "he_normal", "loss": "cross_entropy", "optimizer": "adam", "clip": "global_norm",
        "learning_rate": "0.5",
    }  # fmt: skip


# As they were when the first links were made; what is new stands after them.
FIRST_CODES = (
    "A activation B batch_size C depth D dataset E samples F noise G holdout H hidden I init J init_scale K bias_std "
    "L loss M learning_rate N normalization O optimizer P momentum Q clip R clip_threshold S seed T steps U width "
    "V output_activation W residual X l2 Y weight_decay Za l1 Zb max_norm Zc record_every Zd dtype Ze scaling Zf bias "
    "Zg quantity Zh relative Zi step Zj axis Zk more Zl inside Zm why Zn sharpness Zo numbers Zp how-we-know "
    "Zq inside_step Zr inside_quantity Zs hide Zt lock Zu text Zv open_layer Zw layer_step Zx live ZZa schedule "
    "ZZb schedule_steps ZZc warmup_steps ZZd class_weight ZZe dropout ZZf norm_affine ZZg layer_activations"
)
FIRST_NAMES = {
    "activation": "linear sigmoid tanh relu leaky_relu elu selu gelu silu softplus",
    "output_activation": "linear sigmoid softmax tanh relu leaky_relu elu selu gelu silu softplus",
    "dataset": "circles moons xor spirals blobs sine gaussian iris wine breast_cancer digits diabetes custom",
    "init": "normal uniform fixed_normal glorot_normal glorot_uniform he_normal he_uniform lecun_normal orthogonal "
    "torch_default",
    "loss": "mse bce cross_entropy",
    "normalization": "none layer batch",
    "optimizer": "sgd momentum nesterov rmsprop adam adamw",
    "schedule": "constant step cosine",
    "clip": "none value global_norm per_layer_norm adaptive",
    "dtype": "float64 float32",
    "scaling": "standard none",
    "class_weight": "none balanced",
    "quantity": "delta_norm grad_norm rms",
    "text": "on off",
}


def test_what_the_first_links_hold_is_read_as_they_meant_it():
    words = FIRST_CODES.split()
    for code, field in zip(words[::2], words[1::2], strict=True):
        assert CODES[field] == code
    for field, names in FIRST_NAMES.items():
        known = names.split()
        assert list(NAMES[field][: len(known)]) == known


@pytest.mark.parametrize("name", PRESETS)
def test_a_ready_setup_comes_back_exactly(name):
    query = query_of(link.to_values(PRESETS[name].config))
    text = pack(query)
    assert {field: [value] for field, value in unpack(text).items()} == query
    assert len(SERVER + urlencode({"": text})[1:]) <= 200


def test_a_scene_in_which_all_is_set_has_at_most_200_characters():
    query = query_of(TYPICAL)
    assert set(query) == set(TYPICAL)
    address = SERVER + urlencode({"": pack(query)}, safe=",")[1:]
    assert len(address) <= 200
    assert read_query(expand({"s": [pack(query)]}), LAB_PARAMETERS) == LAB_PARAMETERS.defaults | TYPICAL


def test_any_values_come_back_exactly():
    draw = random.Random(0)
    for _ in range(200):
        values = {}
        for field, rule in LAB_PARAMETERS.rules.items():
            if isinstance(rule, Choice):
                values[field] = draw.choice(rule.names)
            elif isinstance(rule, Flag):
                values[field] = draw.random() < 0.5
            elif isinstance(rule, Number):
                high = min(rule.high, 1e6)
                number = draw.uniform(rule.low, high)
                values[field] = float(int(number)) if rule.integer else number
        values = {field: value for field, value in values.items() if value != LAB_PARAMETERS.defaults[field]}
        query = query_of(values)
        assert {field: [value] for field, value in unpack(pack(query)).items()} == query


def test_an_activation_that_has_no_position_yet_is_written_out():
    assert unpack(pack({"activation": ["mish"]})) == {"activation": "mish"}
    assert all(pack({"activation": [name]})[1:].isdecimal() for name in ACTIVATIONS)


@pytest.mark.parametrize("text", ["a", "3A", "A3!Zzz", "ZZ", "Z", "<script>", "A3\x00B"])
def test_a_text_that_is_no_scene_is_refused_or_names_what_is_not_allowed(text):
    try:
        found = unpack(text)
    except ConfigError as error:
        assert error.field == scenes.PARAMETER
    else:
        assert link.find_invalid_params({k: [v] for k, v in found.items()}, LAB_PARAMETERS.rules, LAB_PARAMETERS.free)


def test_a_compact_scene_beside_other_parameters_gives_way_to_them():
    assert expand({"s": ["A3C20"], "depth": ["5"]}) == {"activation": ["relu"], "depth": ["5"]}
    assert expand({"s": ["nonsense"], "depth": ["5"]}) == {"s": ["nonsense"], "depth": ["5"]}


@pytest.mark.parametrize("field", scenes.NAMES)
def test_positions_are_those_of_the_names_and_none_is_read_beyond_the_last(field):
    code, names = scenes.CODES[field], scenes.NAMES[field]
    for position, name in enumerate(names):
        assert scenes.unpack(f"{code}{position}") == {field: name}
        assert scenes.pack({field: [name]}) == f"{code}{position}"
    assert scenes.unpack(f"{code}{len(names)}") == {field: f"{len(names)}"}
