"""A recorded chain of linear layers opens as the same network, and nothing else is taken for one."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.datasets import DATASETS
from core.recordings import Parameter, Recording
from core.recordings.examples import load_example
from core.recordings.networks import _DATASETS, recognize_mlp
from core.theory import predict


def linear(inputs, outputs):
    return {"type": "Linear", "inputs": inputs, "outputs": outputs, "bias": True}


def module(kind):
    return {"type": kind}


def recorded(chain, optimizer=None, weight_norm=None, norms=()):
    count = sum(m["type"] == "Linear" for m in chain)
    parameters = tuple(Parameter(name=f"{i}.weight", layer=i + 1, kind="weight") for i in range(count))
    parameters += tuple(Parameter(name=name, layer=count + 1, kind="norm") for name in norms)
    values = {"grad_norm": np.ones((3, len(parameters)))}
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
    found = recognize_mlp(recorded(chain)).config
    assert found.normalization == "layer" and not found.norm_affine
    assert recognize_mlp(recorded(chain, norms=("1.weight", "1.bias"))).config.norm_affine


def test_activations_that_differ_are_those_of_the_layers():
    chain = [linear(2, 8), module("ReLU"), linear(8, 8), linear(8, 8), module("Tanh"), linear(8, 1)]
    found = recognize_mlp(recorded(chain))
    assert found.config.activation == ("relu", "linear", "tanh")
    assert found.same.startswith("3 hidden layers, ReLU, linear, tanh, ")


@pytest.mark.parametrize(
    "chain",
    [
        [module("Conv2d"), module("ReLU"), linear(8, 1)],
        [linear(2, 8), module("LayerNorm"), module("ReLU"), linear(8, 8), module("ReLU"), linear(8, 1)],  # one norm
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


def test_the_size_of_the_biases_is_the_models_own():
    layers = (8, 8, 1)
    parameters, norms = [], []
    for i, units in enumerate(layers):
        parameters.append(Parameter(name=f"{i}.weight", layer=i + 1, kind="weight", size=8 * units))
        parameters.append(Parameter(name=f"{i}.bias", layer=i + 1, kind="bias", size=units))
        norms += [0.7 * units**0.5, 0.2 * units**0.5]
    values = {"grad_norm": np.ones((1, 6)), "weight_norm": np.array([norms])}
    given = Recording(
        name="run", source="test", parameters=tuple(parameters), step=np.array([0]), values=values,
        details={"chain": CHAIN},
    )  # fmt: skip
    found = recognize_mlp(given)
    assert (found.config.init_scale, found.config.bias_std) == pytest.approx((0.7, 0.2))
    assert "biases of 0.2" in found.same


@pytest.mark.parametrize("name, factor", [("vanishing_mlp", 5.0), ("float16_underflow", 2.5)])
def test_the_recognized_network_of_an_example_has_the_gradients_that_were_recorded(name, factor):
    # Without the recorded biases theory had the second example level, where its gradient falls by a factor of 10,000.
    recording = load_example(name)
    measured = recording.values["grad_norm"][0, recording.of_kind("weight")]
    typical = predict(recognize_mlp(recording).config).median
    ratio = (measured / measured[-1]) / (typical / typical[-1])
    ratio = ratio[measured > 0]  # float16 loses the gradient of two layers
    assert ratio.min() > 1 / factor and ratio.max() < factor


@pytest.mark.parametrize("nesterov, optimizer", [(True, "nesterov"), (False, "momentum"), (None, "momentum")])
def test_momentum_is_nesterovs_where_the_model_says_so(nesterov, optimizer):
    given = {"type": "SGD", "lr": 0.1, "momentum": 0.9, "nesterov": nesterov}
    assert recognize_mlp(recorded(CHAIN, given)).config.optimizer == optimizer


@pytest.mark.parametrize("biases", [(True, True, True), (True, False, False), (False, False, False)])
def test_biases_scale_and_steps_are_the_models_at_its_beginning(biases):
    chain = [{**part} for part in CHAIN]
    for part, bias in zip([part for part in chain if part["type"] == "Linear"], biases, strict=True):
        part["bias"] = bias
    run = recorded(chain, None, np.sqrt([8.0, 8.0, 1.0]))
    run.values["weight_norm"][1:] *= 5.0  # the weights grew in training
    found = recognize_mlp(run).config
    assert found.bias == any(biases) and found.init_scale == 1.0 and found.steps == run.step[-1]


@given(st.lists(st.floats(0.1, 9), min_size=3, max_size=3), st.sampled_from(["weight", "frozen"]))
def test_the_scale_is_the_median_over_layers_of_the_norm_over_the_root_of_the_units(norms, kind):
    widths = (8, 5, 3)
    chain = [linear(2, 8), module("ReLU"), linear(8, 5), module("ReLU"), linear(5, 3)]
    run = recorded(chain, None, norms)
    frozen = tuple(dataclasses.replace(parameter, kind=kind) for parameter in run.parameters)
    found = recognize_mlp(dataclasses.replace(run, parameters=frozen)).config
    middle = sorted(norm / units**0.5 for norm, units in zip(norms, widths, strict=True))[1]
    assert found.init_scale == pytest.approx(middle, rel=5e-3)  # three digits
    assert found.hidden == (8, 5)


@given(st.lists(st.floats(0.1, 9), min_size=3, max_size=3))
def test_the_size_of_the_biases_is_the_median_over_layers_too(norms):
    run = recorded(CHAIN, None, [1.0] * 3)
    biases = tuple(Parameter(name=f"{i}.bias", layer=i + 1, kind="bias", size=n) for i, n in enumerate((8, 8, 1)))
    values = {name: np.ones((3, 6)) for name in ("grad_norm", "weight_norm")}
    values["weight_norm"][:, 3:] = norms
    values["weight_norm"][1:] *= 3  # training moved them
    found = recognize_mlp(dataclasses.replace(run, parameters=run.parameters + biases, values=values)).config
    middle = sorted(norm / units**0.5 for norm, units in zip(norms, (8, 8, 1), strict=True))[1]
    assert found.bias_std == pytest.approx(middle, rel=5e-3)


@pytest.mark.parametrize("sizes", _DATASETS)
def test_a_model_is_trained_on_a_data_set_with_as_many_inputs_and_outputs(sizes):
    data = DATASETS[_DATASETS[sizes]]
    assert (data.inputs, data.outputs) == sizes
    found = recognize_mlp(recorded([linear(sizes[0], 8), module("ReLU"), linear(8, sizes[1])]))
    assert found.config.dataset == data.name and "other inputs" not in found.different
    assert (found.config.loss == "cross_entropy") == (sizes[1] > 1) == (data.task == "multi-class")


def test_a_long_run_opens_with_two_thousand_steps_and_a_chain_ends_in_one_activation_at_most():
    run = recorded(CHAIN)
    run.step[-1] = 90_000
    assert recognize_mlp(run).config.steps == 2_000
    assert recognize_mlp(recorded([*CHAIN, module("Tanh")])).config.output_activation == "tanh"
    assert recognize_mlp(recorded([*CHAIN, module("Tanh"), module("Sigmoid")])) is None
    assert recognize_mlp(recorded([*CHAIN, module("ReLU")])) is None
