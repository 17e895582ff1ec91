"""Every number of the recorder against NumPy's, with stand-ins for its frameworks; the slow tests ask these."""

import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from core.recordings import read_recording
from core.recordings.networks import recognize_mlp
from gradient_flow_lab.recorder import keras_callback, record, record_tree
from tests.support import recorded_torch as standin
from tests.support.recorded_torch import ACTIVATIONS, Embedding, LayerNorm, Linear, Module, Sequential, tensor


@pytest.fixture
def torch(monkeypatch):
    made = standin.torch()
    monkeypatch.setitem(sys.modules, "torch", made)
    return made


def read(path):
    return read_recording(path.read_bytes(), path.name)


def norm(values):
    return float(np.linalg.norm(np.asarray(values, float).ravel()))


def write_gradients(parameters, rng, scale=1.0):
    """New gradients, of which some entries are 0."""
    for parameter in parameters:
        gradient = rng.standard_normal(parameter.shape) * (rng.random(parameter.shape) < 0.7)
        parameter.grad = tensor(scale * gradient, parameter.dtype)


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "csv", "parquet"])
@pytest.mark.parametrize("dtype, every, scale", [("float32", 1, None), ("float64", 3, 1024.0)])
def test_each_number_of_a_step_is_of_its_own_tensor(ending, dtype, every, scale, torch, tmp_path):
    rng = np.random.default_rng(0)
    relu, sigmoid, gelu = (ACTIVATIONS[name]() for name in ("ReLU", "Sigmoid", "GELU"))
    model = Sequential(Linear(3, 5, dtype=dtype), relu, Linear(5, 4, dtype=dtype), sigmoid, gelu, Linear(4, 2))
    parameters = list(model.parameters())
    for parameter in parameters:
        parameter[...] = rng.standard_normal(parameter.shape)
    optimizer = SimpleNamespace(param_groups=[{"lr": 0.25}, {"lr": 0.5}], defaults={})
    scaler = scale and SimpleNamespace(get_scale=lambda: scale)
    expected, losses = [], [0.5, 1.5, 2.5, math.inf, 4.5]
    with record(model, tmp_path / f"run.{ending}", every=every, activations=True, optimizer=optimizer) as run:
        for step in range(5):
            write_gradients(parameters, rng, scale or 1.0)
            outputs = [tensor(rng.standard_normal(shape)) for shape in ((7, 5), (7, 4), (7, 4))]
            outputs[0][:, 1] = -1.0  # a unit that is silent on every sample
            outputs[1][:] = 1 / (1 + np.exp(-4 * outputs[1]))
            outputs[1][:, 2] = 0.999
            for module, output in zip((relu, sigmoid, gelu), outputs, strict=True):
                module.put_out(output)
            run.step(tensor([losses[step], losses[step]]) if step % 2 else losses[step], scaler=scaler or None)
            row = {"grad_norm": [norm(p.grad) / (scale or 1) for p in parameters] + [math.nan] * 3}
            row["rms"] = [n / math.sqrt(p.size) for n, p in zip(row["grad_norm"], parameters, strict=False)]
            row["weight_norm"] = [norm(p) for p in parameters]
            row["zero_share"] = [float(np.mean(p.grad == 0)) for p in parameters]
            row["nonfinite"] = [0.0] * 6
            flat = [outputs[0] <= 0, np.array(outputs[1] * (1 - outputs[1])) < 0.05 / 4]
            shares = {
                "mean_square": [float(np.mean(np.square(output))) for output in outputs],
                "saturation": [float(np.mean(mask)) for mask in flat] + [math.nan],
                "dead": [float(np.mean(np.all(mask, axis=0))) for mask in flat] + [math.nan],
            }
            for parameter in parameters:
                parameter.grad *= 0.5 / (scale or 1)
            run.clipped()
            row["clipped_grad_norm"] = [norm(p.grad) for p in parameters]
            moves = [0.1 * rng.standard_normal(p.shape) for p in parameters]
            before = [np.array(p, float) for p in parameters]
            for parameter, move in zip(parameters, moves, strict=True):
                parameter += move.astype(parameter.dtype)
            row["update_norm"] = [norm(p - old) for p, old in zip(parameters, before, strict=True)]
            if step % every == 0:
                expected.append((step, {name: (values + [math.nan] * 3)[:9] for name, values in row.items()} | {
                    name: [math.nan] * 6 + values for name, values in shares.items()}))  # fmt: skip
    recording = read(tmp_path / f"run.{ending}")
    assert recording.step.tolist() == [step for step, _ in expected] == list(range(0, 5, every))
    for place, (step, row) in enumerate(expected):
        assert recording.rows["loss"][place] == losses[step] and recording.rows["learning_rate"][place] == 0.25
        assert scale is None or recording.rows["loss_scale"][place] == scale
        for field, values in row.items():
            np.testing.assert_allclose(recording.values[field][place], values, rtol=1e-6, err_msg=field)
    assert [(p.name, p.layer, p.kind, p.size) for p in recording.parameters[:4]] == [
        ("0.weight", 1, "weight", 15), ("0.bias", 1, "bias", 5),
        ("2.weight", 2, "weight", 20), ("2.bias", 2, "bias", 4),
    ]  # fmt: skip
    assert [p.name for p in recording.parameters[6:]] == ["1 (ReLU)", "3 (Sigmoid)", "4 (GELU)"]
    assert not any(module._hooks for module in (relu, sigmoid, gelu))  # the file has ended


def test_a_unit_is_a_channel_of_a_picture_and_an_entry_of_the_last_axis_elsewhere(torch, tmp_path):
    outputs = {"picture": (2, 3, 4, 5), "sequence": (2, 4, 3), "samples": (6, 3), "one sample": (6,)}
    for name, shape in outputs.items():
        tanh = ACTIVATIONS["Tanh"]()
        model = Module(layer=Linear(2, 2), act=tanh, attention=ACTIVATIONS["MultiheadAttention"]())
        values = np.full(shape, 0.1)
        units = 1 if name == "one sample" else 3
        silent = (slice(None), 1) if name == "picture" else (..., 1) if units == 3 else (...,)
        values[silent] = 0.99
        with record(model, tmp_path / "run.jsonl", activations=True) as run:
            tanh.put_out(tensor(values))
            run.step(1.0)
        recording = read(tmp_path / "run.jsonl")
        assert [p.kind for p in recording.parameters] == ["weight", "bias", "activation"]
        assert recording.values["dead"][0, 2] == pytest.approx(1 / units)
        assert recording.values["saturation"][0, 2] == pytest.approx(np.mean(values == 0.99))


SLOPES = {  # over the largest, by what is put out
    "ReLU": lambda y: (y > 0) * 1.0,
    "ReLU6": lambda y: (y > 0) * 1.0,
    "Sigmoid": lambda y: 4 * y * (1 - y),
    "Tanh": lambda y: 1 - y * y,
}


@pytest.mark.parametrize("name", SLOPES)
def test_a_unit_is_saturated_below_a_twentieth_of_the_largest_slope(name, torch, tmp_path):
    act = ACTIVATIONS[name]()
    ends = {"Sigmoid": (1e-3, 1 - 1e-3), "Tanh": (-0.9999, 0.9999)}.get(name, (-1.0, 1.0))
    values = np.linspace(*ends, 401)[:, None]
    with record(Module(layer=Linear(1, 1), act=act), tmp_path / "run.jsonl", activations=True) as run:
        act.put_out(tensor(values))
        run.step()
    assert read(tmp_path / "run.jsonl").values["saturation"][0, 2] == pytest.approx(
        np.mean(SLOPES[name](values) < 0.05)
    )


def test_kinds_layers_and_names_are_those_of_the_modules(torch, tmp_path):
    shared = Linear(4, 4)
    block = Module(attn=Linear(4, 4, bias=False), norm=LayerNorm(weight=tensor(np.ones(4)), bias=tensor(np.ones(4))))
    inner = Module(embed=Embedding(weight=tensor(np.ones((9, 4)))), block=block, head=shared, again=shared)
    for parameter in shared.parameters():
        parameter.requires_grad = False
    model = Module(module=Module(_orig_mod=inner))  # DistributedDataParallel around torch.compile
    for parameter in model.parameters():
        parameter.grad = tensor(np.ones(parameter.shape))
    block.attn.weight.grad = None
    with record(model, tmp_path / "run.jsonl") as run:
        run.step()
        run.clipped()
    recording = read(tmp_path / "run.jsonl")
    assert [(p.name, p.layer, p.kind, p.size) for p in recording.parameters] == [
        ("embed.weight", 1, "embedding", 36), ("block.attn.weight", 2, "weight", 16),
        ("block.norm.weight", 3, "norm", 4), ("block.norm.bias", 3, "norm", 4),
        ("head.weight", 4, "frozen", 16), ("head.bias", 4, "frozen", 4),
    ]  # fmt: skip
    for field in ("grad_norm", "clipped_grad_norm", "rms", "zero_share"):
        assert np.isnan(recording.values[field][0]).tolist() == [False, True, False, False, False, False]
    assert "loss" not in recording.rows and "learning_rate" not in recording.rows
    assert recording.framework == "torch" and recognize_mlp(recording) is None


@pytest.mark.parametrize("bad", [[], [math.inf], [math.nan, -math.inf], [math.nan] * 6])
def test_what_is_not_finite_is_counted(bad, torch, tmp_path):
    layer = Linear(3, 2)
    with record(layer, tmp_path / "run.jsonl") as run:
        layer.weight.grad = tensor((bad + [3.0] * 6)[:6], "float32").reshape(2, 3)
        layer.bias.grad = tensor([0.0, 1.0], "float32")
        run.step(1.0)
    values = read(tmp_path / "run.jsonl").values
    assert values["nonfinite"].tolist() == [[len(bad), 0]] and values["zero_share"].tolist() == [[0, 0.5]]


@pytest.mark.parametrize("dtype, size", [("float16", 3e4), ("float32", 1e-30), ("float64", 1e-200), ("float64", 1e200)])
def test_no_square_leaves_the_range_of_its_type(dtype, size, torch, tmp_path):
    layer = Linear(4, 4, bias=False, dtype=dtype)
    layer.weight.grad = tensor(np.full((4, 4), size), dtype)
    with record(layer, tmp_path / "run.jsonl") as run:
        run.step()
    recording = read(tmp_path / "run.jsonl")
    assert recording.values["grad_norm"][0, 0] == pytest.approx(4 * float(layer.weight.grad[0, 0]), rel=1e-12)
    assert recording.dtype == dtype


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_chain_is_described_with_its_sizes_and_its_optimizer(ending, torch, tmp_path):
    modules = [Linear(2, 7, bias=False), ACTIVATIONS["Tanh"](), Linear(7, 5, bias=False), ACTIVATIONS["ReLU"](),
               Linear(5, 1, bias=False)]  # fmt: skip
    numbers = {"lr": 0.3, "momentum": 0.8, "nesterov": True, "foreach": None}
    optimizer = type("SGD", (), {"defaults": numbers, "param_groups": [{"lr": 0.3}]})()
    for model in (Sequential(*modules), Module(net=Sequential(*modules))):
        with record(model, tmp_path / f"run.{ending}", optimizer=optimizer) as run:
            for parameter in model.parameters():
                parameter.grad = tensor(np.ones(parameter.shape))
            run.step(1.0)
        found = recognize_mlp(read(tmp_path / f"run.{ending}")).config
        assert (found.hidden, found.activation, found.bias) == ((7, 5), ("tanh", "relu"), False)
        assert (found.optimizer, found.momentum, found.learning_rate) == ("nesterov", 0.8, 0.3)


@pytest.mark.parametrize("called", [(0,), (3,), (1, 2), (0, 4), (1, 3, 5)])
def test_an_activation_has_numbers_where_it_was_called_in_the_recorded_step_itself(called, torch, tmp_path):
    act = ACTIVATIONS["ReLU"]()
    with record(Module(layer=Linear(2, 2), act=act), tmp_path / "run.jsonl", every=3, activations=True) as run:
        for step in range(7):
            if step in called:
                act.put_out(tensor(np.full((2, 2), 1.0 + step)))
            run.step(1.0)
    found = read(tmp_path / "run.jsonl").values["mean_square"][:, 2]
    expected = [(1.0 + step) ** 2 if step in called else math.nan for step in (0, 3, 6)]
    np.testing.assert_allclose(found, expected)


def test_a_model_with_parameters_beside_its_chain_is_no_chain(torch, tmp_path):
    chain = Sequential(Linear(2, 3), ACTIVATIONS["Tanh"](), Linear(3, 1))
    for own, is_chain in (({}, True), ({"scale": tensor(np.ones(1))}, False)):
        with record(Module(net=chain, **own), tmp_path / "run.jsonl") as run:
            run.step(1.0)
        assert (recognize_mlp(read(tmp_path / "run.jsonl")) is not None) == is_chain


def test_only_the_first_of_many_processes_writes(torch, tmp_path, monkeypatch):
    ask = torch.distributed
    for rank in (0, 1):
        ask.is_available, ask.is_initialized, ask.get_rank = (lambda: True), (lambda: True), (lambda rank=rank: rank)
        act = ACTIVATIONS["ReLU"]()
        path = tmp_path / f"run{rank}.jsonl"
        with record(Module(layer=Linear(2, 2), act=act), path, activations=True) as run:
            assert bool(act._hooks) == (rank == 0)
            run.step(1.0)
            run.clipped()
        assert path.exists() == (rank == 0)


def test_what_cannot_be_recorded_is_refused(torch, tmp_path):
    with pytest.raises(ValueError, match="no parameters"):
        record(Module(), tmp_path / "run.jsonl")
    with pytest.raises(ValueError, match="every = 0"):
        record(Linear(2, 2), tmp_path / "run.jsonl", every=0)
    for name in ("run.txt", "run", "run.parquet.gz"):
        with pytest.raises(ValueError, match="must end in"):
            record(Linear(2, 2), tmp_path / name)


@pytest.mark.parametrize("every", [1, 2])
def test_the_callback_of_keras_measures_each_batch_from_its_beginning(every, torch, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", standin.keras())
    rng = np.random.default_rng(1)
    shapes = {"dense/kernel": (3, 4), "dense/bias": (4,), "out/kernel": (4, 1)}
    variables = [
        SimpleNamespace(path=name, shape=shape, value=tensor(np.ones(shape))) for name, shape in shapes.items()
    ]
    values = [variable.value for variable in variables]
    callback = keras_callback(tmp_path / "run.csv", every=every)
    callback.model = SimpleNamespace(trainable_variables=variables, optimizer=SimpleNamespace(learning_rate=0.125))
    callback.on_train_begin()
    rows = []
    for batch in range(4):
        callback.on_train_batch_begin(batch)
        before = [np.array(value) for value in values]
        write_gradients(values, rng)
        for value in values:
            value += 0.1 * rng.standard_normal(value.shape)
        callback.on_train_batch_end(batch, {"loss": 3.0 + batch})
        moved = [norm(value - old) for value, old in zip(values, before, strict=True)]
        if batch % every == 0:
            rows.append(([norm(value.grad) for value in values], [norm(old) for old in before], moved))
    callback.on_train_end()
    recording = read(tmp_path / "run.csv")
    steps = list(range(0, 4, every))
    assert recording.step.tolist() == steps and recording.rows["loss"].tolist() == [3.0 + step for step in steps]
    assert set(recording.rows["learning_rate"]) == {0.125}
    for i, field in enumerate(("grad_norm", "weight_norm", "update_norm")):
        np.testing.assert_allclose(recording.values[field], [row[i] for row in rows], err_msg=field)
    assert [(p.layer, p.kind, p.size) for p in recording.parameters] == [
        (1, "weight", 12), (1, "bias", 4), (2, "weight", 4),
    ]  # fmt: skip


def test_another_backend_of_keras_is_refused(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "keras", standin.keras("jax"))
    with pytest.raises(RuntimeError, match="this is jax"):
        keras_callback(tmp_path / "run.jsonl")


@pytest.mark.parametrize("every", [1, 3])
def test_trees_are_measured_leaf_by_leaf_in_the_order_of_their_numbers(every, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jax", standin.jax())
    rng = np.random.default_rng(2)
    names = [f"layer_{i}" for i in (0, 2, 10)]

    def draw():
        return {name: {"w": rng.standard_normal((2, 3 + k)) * (rng.random((2, 3 + k)) < 0.6),
                       "b": rng.standard_normal(3 + k)} for k, name in enumerate(names)}  # fmt: skip

    def flat(tree, of=norm):
        return [of(tree[name][part]) for name in names for part in ("b", "w")]

    rows = []
    with record_tree(draw(), tmp_path / "run.jsonl", every=every) as run:
        for step in range(4):
            grads, params, updates, clipped = draw(), draw(), draw(), draw()
            grads["layer_2"]["b"][:step] = np.inf
            run.step(grads, params, loss=1.5 * step, updates=updates, clipped=clipped)
            zeros, bad = (
                flat(grads, lambda leaf: np.mean(leaf == 0)),
                flat(grads, lambda leaf: (~np.isfinite(leaf)).sum()),
            )
            rows.append([flat(grads), flat(params), flat(updates), flat(clipped), zeros, bad])
    recording = read(tmp_path / "run.jsonl")
    assert recording.step.tolist() == list(range(0, 4, every)) and recording.framework == "jax"
    assert recording.rows["loss"].tolist() == [1.5 * step for step in range(0, 4, every)]
    assert [(p.name, p.layer, p.kind) for p in recording.parameters] == [
        (f"{name}.{part}", k + 1, kind)
        for k, name in enumerate(names) for part, kind in (("b", "bias"), ("w", "weight"))
    ]  # fmt: skip
    assert [p.size for p in recording.parameters] == [3, 6, 4, 8, 5, 10]
    fields = ("grad_norm", "weight_norm", "update_norm", "clipped_grad_norm", "zero_share", "nonfinite")
    for i, field in enumerate(fields):
        expected = np.array([row[i] for row in rows[::every]])
        found = recording.values[field]
        np.testing.assert_allclose(
            np.where(np.isfinite(expected), found, 0), np.where(np.isfinite(expected), expected, 0)
        )
        assert not np.isfinite(found[~np.isfinite(expected)]).any()
