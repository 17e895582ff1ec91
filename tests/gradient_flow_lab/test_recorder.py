"""The recorder against autograd's own numbers, on models as people have them."""

import json
import math
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from core import diagnose
from core.recordings import read_recording
from core.recordings.networks import recognize_mlp
from gradient_flow_lab import recorder
from gradient_flow_lab.recorder import record
from tests.support.checkout import HOUSE

pytestmark = pytest.mark.slow


class Tied(torch.nn.Module):
    """Shared parameters, a frozen one, and one that gets no gradient."""

    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(10, 8)
        self.body = torch.nn.Linear(8, 8)
        self.frozen = torch.nn.Linear(8, 8)
        self.unused = torch.nn.Linear(8, 8)
        self.head = torch.nn.Linear(8, 10, bias=False)
        self.head.weight = self.embed.weight
        self.frozen.requires_grad_(False)

    def forward(self, x):
        return self.head(torch.tanh(self.frozen(self.body(self.embed(x))))).mean(1)


class Recurrent(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(4, 8, 2, batch_first=True)
        self.head = torch.nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Residual(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList(torch.nn.Linear(6, 6) for _ in range(5))

    def forward(self, x):
        for block in self.blocks:
            x = x + torch.relu(block(x))
        return x


def vectors(*shape):
    return torch.randn(16, *shape)


def deep(activation):
    layers = [m for _ in range(12) for m in (torch.nn.Linear(6, 6), activation())]
    return torch.nn.Sequential(*layers, torch.nn.Linear(6, 2))


MODELS = {
    "sigmoid": lambda: (deep(torch.nn.Sigmoid), vectors(6)),
    "relu": lambda: (deep(torch.nn.ReLU), vectors(6)),
    "convolution": lambda: (
        torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3),
            torch.nn.BatchNorm2d(4),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.LazyLinear(2),
        ),
        vectors(1, 6, 6),
    ),
    "lstm": lambda: (Recurrent(), vectors(5, 4)),
    "transformer": lambda: (torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), vectors(3, 8)),
    "tied": lambda: (Tied(), torch.randint(0, 10, (16, 4))),
    "residual": lambda: (Residual(), vectors(6)),
    "double": lambda: (deep(torch.nn.Tanh).double(), vectors(6).double()),
}


def norm(tensor):
    return float(torch.linalg.vector_norm(tensor.double()))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("ending", ["jsonl.gz", "csv", "parquet"])
def test_norms_are_autograds_own(name, ending, tmp_path):
    torch.manual_seed(0)
    model, x = MODELS[name]()
    model(x)  # lazy layers learn their size
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.05)
    path = tmp_path / f"run.{ending}"
    named = list(model.named_parameters())
    expected = {"grad_norm": [], "clipped_grad_norm": [], "weight_norm": [], "update_norm": []}
    with record(model, path, every=2, optimizer=optimizer) as run:
        for step in range(5):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            run.step(loss)
            before = [p.detach().clone() for _, p in named]
            gradients = [math.nan if p.grad is None else norm(p.grad) for _, p in named]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            run.clipped()
            clipped = [math.nan if p.grad is None else norm(p.grad) for _, p in named]
            optimizer.step()
            if step % 2 == 0:
                expected["grad_norm"].append(gradients)
                expected["clipped_grad_norm"].append(clipped)
                expected["weight_norm"].append([norm(b) for b in before])
                expected["update_norm"].append([norm(p.detach() - b) for (_, p), b in zip(named, before, strict=True)])
    recording = read_recording(path.read_bytes(), path.name)
    assert recording.step.tolist() == [0, 2, 4]
    assert [p.name for p in recording.parameters] == [n for n, _ in named]
    for field, rows in expected.items():
        np.testing.assert_allclose(recording.values[field], rows, rtol=1e-12, err_msg=field)
    np.testing.assert_allclose(recording.rows["learning_rate"], 0.05)


def test_frozen_and_unused_parameters_are_told_apart(tmp_path):
    model, x = MODELS["tied"]()
    with record(model, tmp_path / "run.jsonl") as run:
        model(x).square().mean().backward()
        run.step()
    recording = read_recording((tmp_path / "run.jsonl").read_bytes())
    kinds = {p.name: p.kind for p in recording.parameters}
    assert kinds["frozen.weight"] == "frozen" and kinds["embed.weight"] == "embedding"
    findings = {f.name: f.what for f in diagnose(recording).findings}
    assert "unused.weight" in findings["no_gradient"] and "frozen.weight" in findings["frozen"]


@pytest.mark.parametrize("dtype, size", [("float16", 1e-6), ("float16", 3e4), ("bfloat16", 1e-30), ("float64", 1e-200)])
def test_norms_neither_overflow_nor_underflow(dtype, size, tmp_path):
    model = torch.nn.Linear(4, 4, bias=False).to(getattr(torch, dtype))
    model.weight.grad = torch.full((4, 4), size, dtype=getattr(torch, dtype))
    entry = float(model.weight.grad[0, 0])
    with record(model, tmp_path / "run.jsonl") as run:
        run.step()
    recording = read_recording((tmp_path / "run.jsonl").read_bytes())
    assert recording.values["grad_norm"][0, 0] == pytest.approx(4 * entry, rel=1e-12)


def test_a_scalers_scale_is_taken_out(tmp_path):
    model = torch.nn.Linear(2, 1, bias=False)
    model.weight.grad = torch.tensor([[3.0, 4.0]]) * 1024

    class Scaler:
        def get_scale(self):
            return 1024.0

    with record(model, tmp_path / "run.jsonl") as run:
        run.step(torch.tensor(1.0), scaler=Scaler())
    recording = read_recording((tmp_path / "run.jsonl").read_bytes())
    assert recording.values["grad_norm"][0, 0] == pytest.approx(5.0)
    assert recording.rows["loss_scale"][0] == 1024


def test_activations_are_measured_at_their_outputs(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]))
        model[0].bias.zero_()
    x = torch.tensor([[1.0, 2.0], [3.0, -4.0]])
    with record(model, tmp_path / "run.jsonl", activations=True) as run:
        model(x).sum().backward()
        run.step()
    recording = read_recording((tmp_path / "run.jsonl").read_bytes())
    [at] = recording.of_kind("activation")
    assert recording.values["mean_square"][0, at] == pytest.approx((1 + 4 + 9) / 6)
    assert recording.values["dead"][0, at] == pytest.approx(1 / 3)  # the second unit
    assert recording.values["saturation"][0, at] == pytest.approx(3 / 6)


def test_wrapped_models_keep_the_names_of_their_parameters(tmp_path):
    class Wrapper(torch.nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, x):
            return self.module(x)

    model = Wrapper(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)))
    with record(model, tmp_path / "run.jsonl") as run:
        model(vectors(2)).sum().backward()
        run.step()
    names = [p.name for p in read_recording((tmp_path / "run.jsonl").read_bytes()).parameters]
    assert names == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_a_killed_process_leaves_what_it_recorded(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys
            sys.path.insert(0, {str(HOUSE)!r})
            import torch
            from gradient_flow_lab.recorder import record
            model = torch.nn.Linear(2, 1)
            run = record(model, "run.parquet")
            for step in range(10**9):
                model(torch.ones(1, 2)).sum().backward()
                run.step(1.0)
                if step == 20:
                    print("ready", flush=True)
            """
        )
    )
    process = subprocess.Popen([sys.executable, str(script)], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    raw = (tmp_path / "run.parquet.partial.jsonl").read_bytes()
    assert len(read_recording(raw).step) >= 20
    assert json.loads(raw.splitlines()[0])["version"] == 1


@pytest.mark.parametrize("path", ["run.txt", "run", "run.parquet.gz"])
def test_another_ending_is_refused_by_name(path, tmp_path):
    with pytest.raises(ValueError, match="must end in"):
        record(torch.nn.Linear(2, 1), tmp_path / path)


def test_a_recorded_step_is_fetched_from_the_device_once_and_others_never(tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "_is_accelerated", lambda tensor: True)
    model, x = deep(torch.nn.ReLU), vectors(6)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    fetched = []
    for name in ("tolist", "item", "__float__", "__bool__", "numpy", "cpu"):
        own = getattr(torch.Tensor, name)

        def recorded_steps(tensor, *arguments, own=own, name=name):
            fetched.append(name)
            return own(tensor, *arguments)

        monkeypatch.setattr(torch.Tensor, name, recorded_steps)
    with record(model, tmp_path / "run.jsonl", every=3, activations=True) as run:
        for _ in range(7):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            fetched.clear()
            run.step(loss)
            assert len(fetched) <= 1
            run.clipped()
            optimizer.step()
            assert fetched in ([], ["tolist"])
        fetched.clear()
    assert fetched == ["tolist"]  # the last row
    assert len(read_recording((tmp_path / "run.jsonl").read_bytes()).step) == 3


@pytest.mark.parametrize("accelerated", [False, True])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_infinities_and_nan_are_counted_with_and_without_waiting(accelerated, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "_is_accelerated", lambda tensor: accelerated)
    model = torch.nn.Linear(3, 2, dtype=dtype)
    largest = torch.finfo(dtype).max
    with record(model, tmp_path / "run.jsonl") as run:
        for bad in ([], [math.inf], [math.nan, -math.inf], [math.nan] * 6):
            model.weight.grad = torch.tensor((bad + [largest] * 6)[:6], dtype=dtype).reshape(2, 3)
            model.bias.grad = torch.zeros(2, dtype=dtype)
            run.step()
    values = read_recording((tmp_path / "run.jsonl").read_bytes()).values["nonfinite"]
    assert values.tolist() == [[0, 0], [1, 0], [2, 0], [6, 0]]


def test_accumulated_gradients_are_recorded_where_the_optimizer_steps(tmp_path):
    model, x = deep(torch.nn.Tanh), vectors(6)
    with record(model, tmp_path / "run.jsonl") as run:
        for part in (x[:8], x[8:]):
            ((model(part) ** 2).sum() / x.shape[0]).backward()
        run.step()
    whole = [p.grad.clone() for p in model.parameters()]
    recording = read_recording((tmp_path / "run.jsonl").read_bytes())
    np.testing.assert_allclose(recording.values["grad_norm"][0], [norm(g) for g in whole], rtol=1e-12)


def test_a_real_scaler_with_clipping_gives_the_norms_without_its_scale(tmp_path):
    torch.manual_seed(0)
    model, x = deep(torch.nn.Tanh), vectors(6)
    optimizer, scaler = torch.optim.SGD(model.parameters(), 0.1), torch.amp.GradScaler("cpu", init_scale=256.0)
    (model(x) ** 2).mean().backward()
    plain = [norm(p.grad) for p in model.parameters()]
    with record(model, tmp_path / "run.jsonl") as run:
        optimizer.zero_grad()
        scaler.scale((model(x) ** 2).mean()).backward()
        run.step(scaler=scaler)
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        run.clipped()
        scaler.step(optimizer)
        scaler.update()
    recording = read_recording((tmp_path / "run.jsonl").read_bytes())
    np.testing.assert_allclose(recording.values["grad_norm"][0], plain, rtol=1e-5)  # another order of rounding
    assert np.linalg.norm(recording.values["clipped_grad_norm"][0]) == pytest.approx(1e-3, rel=1e-3)
    assert recording.rows["loss_scale"][0] == 256


@pytest.mark.parametrize("rank", [0, 1])
def test_only_rank_0_writes(rank, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
    model, x = deep(torch.nn.ReLU), vectors(6)
    with record(model, tmp_path / "run.jsonl", activations=True) as run:
        for _ in range(2):
            (model(x) ** 2).mean().backward()
            run.step(1.0)
            run.clipped()
    assert (tmp_path / "run.jsonl").exists() == (rank == 0)


@pytest.mark.parametrize("ending", ["jsonl.gz", "parquet"])
def test_a_chain_of_layers_is_described_with_its_optimizer(ending, tmp_path):
    model, x = deep(torch.nn.Sigmoid), vectors(6)
    path = tmp_path / f"run.{ending}"
    with record(model, path, optimizer=torch.optim.Adam(model.parameters(), 0.003)) as run:
        (model(x) ** 2).mean().backward()
        run.step()
    recording = read_recording(path.read_bytes(), path.name)
    assert recording.dtype == "float32" and recording.details["optimizer"]["type"] == "Adam"
    config = recognize_mlp(recording).config
    assert (config.hidden, config.activation) == ((6,) * 12, "sigmoid")
    assert (config.optimizer, config.learning_rate) == ("adam", 0.003)


@pytest.mark.parametrize("name", ["lstm", "transformer", "tied", "residual", "convolution"])
def test_no_other_model_is_recognized_as_a_chain_of_linear_layers(name, tmp_path):
    model, x = MODELS[name]()
    model(x)
    with record(model, tmp_path / "run.jsonl") as run:
        (model(x) ** 2).mean().backward()
        run.step()
    assert recognize_mlp(read_recording((tmp_path / "run.jsonl").read_bytes())) is None
