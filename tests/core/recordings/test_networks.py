"""A recorded chain of linear layers opens as the same network, and nothing else is taken for one."""

import numpy as np
import pytest

from core.recordings import Parameter, Recording
from core.recordings.examples import load_example
from core.recordings.networks import recognize_mlp


def linear(inputs, outputs):
    return {"type": "Linear", "inputs": inputs, "outputs": outputs, "bias": True}


def module(kind):
    return {"type": kind}


def recorded(chain, optimizer=None, weight_norm=None):
    count = sum(m["type"] == "Linear" for m in chain)
    parameters = tuple(Parameter(name=f"{i}.weight", layer=i + 1, kind="weight") for i in range(count))
    values = {"grad_norm": np.ones((3, count))}
    if weight_norm is not None:
        values["weight_norm"] = np.tile(weight_norm, (3, 1))
    details = {"chain": chain, "optimizer": optimizer}
    return Recording(
        name="run", source="test", parameters=parameters, step=np.array([0, 10, 20]), values=values, details=details
    )


CHAIN = [linear(2, 8), module("ReLU"), linear(8, 8), module("ReLU"), linear(8, 1)]


def test_widths_activation_optimizer_and_scale_are_the_models_own():
    norms = 0.7 * np.sqrt([8, 8, 1])
    found = recognize_mlp(recorded(CHAIN, {"type": "SGD", "lr": 0.3, "momentum": 0.8}, norms)).config
    assert (found.hidden, found.activation, found.dataset, found.steps) == ((8, 8), "relu", "circles", 20)
    assert (found.optimizer, found.learning_rate, found.momentum) == ("momentum", 0.3, 0.8)
    assert found.init_scale == pytest.approx(0.7)


@pytest.mark.parametrize(
    "given, optimizer", [("Adam", "adam"), ("AdamW", "adamw"), ("RMSprop", "rmsprop"), ("SGD", "sgd"), ("Lion", "sgd")]
)
def test_an_optimizer_is_the_labs_counterpart_or_the_default(given, optimizer):
    assert recognize_mlp(recorded(CHAIN, {"type": given, "lr": 0.1})).config.optimizer == optimizer


def test_a_norm_between_layer_and_activation_is_the_labs_normalization():
    chain = [linear(2, 8), module("LayerNorm"), module("Tanh"), linear(8, 1)]
    assert recognize_mlp(recorded(chain)).config.normalization == "layer"


@pytest.mark.parametrize(
    "chain",
    [
        [module("Conv2d"), module("ReLU"), linear(8, 1)],
        [linear(2, 8), module("ReLU"), linear(8, 8), module("Tanh"), linear(8, 1)],  # activations differ
        [linear(2, 8), module("ReLU"), module("LayerNorm"), linear(8, 1)],  # the norm stands behind
        [module("ReLU"), linear(2, 1)],
        [],
        [{"type": "Linear"}],
        ["Linear"],
        None,
    ],
)
def test_other_models_are_not_recognized(chain):
    given = recorded(CHAIN)
    given.details["chain"] = chain
    assert recognize_mlp(given) is None


def test_the_vanishing_example_is_recognized_and_a_transformer_is_not():
    found = recognize_mlp(load_example("vanishing_mlp"))
    assert found.config.hidden == (32,) * 50 and found.config.activation == "sigmoid"
    assert found.config.init_scale == pytest.approx(3**-0.5, rel=0.02)  # PyTorch draws from U(-1, 1) / sqrt(fan_in)
    assert recognize_mlp(load_example("transformer_pre_ln")) is None
