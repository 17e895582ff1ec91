"""Trains the example recordings of the page Your run and writes them to core/recordings/examples.

python -m benchmarks.recordings.examples [name ...]

Each is what the recorder wrote of a real PyTorch model, its numbers rounded to three digits so that the
file stays small. The runs end differently on another processor, so that the files in the repository are not made again
by a test.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import torch
from sklearn.datasets import load_digits, make_circles
from torch import nn
from torch.nn import functional

from gradient_flow_lab.recorder import TorchRecorder, record

models = import_module("benchmarks.recordings.models")  # by name, so that tools without PyTorch can read this file
FOLDER = Path(__file__).parents[2] / "core" / "recordings" / "examples"
DIGITS = 3
TEXT = (
    "a network learns by passing the error of its output back through its layers; each layer multiplies it by its "
    "weights and by the slope of its activation. where these are small the gradient vanishes, and where they are large "
    "it explodes. "
)

Step = Callable[[], torch.Tensor]


def train(run: TorchRecorder, steps: int, make_loss: Step, optimizer: torch.optim.Optimizer) -> None:
    """The loop that everybody writes; it ends after a loss that is not finite, so that the file shows it."""
    for _ in range(steps):
        optimizer.zero_grad()
        loss = make_loss()
        loss.backward()
        run.step(loss)
        optimizer.step()
        if not torch.isfinite(loss):
            return


def circles() -> tuple[torch.Tensor, torch.Tensor]:
    X, d = make_circles(256, noise=0.1, factor=0.5, random_state=0)
    return torch.tensor(X, dtype=torch.float32), torch.tensor(d, dtype=torch.float32)[:, None]


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (1797, 1, 8, 8) with mean 0 and standard deviation 1, and their classes."""
    bunch = load_digits()
    X = torch.tensor(bunch.images, dtype=torch.float32)[:, None]
    return (X - X.mean()) / X.std(), torch.tensor(bunch.target)


def batches(X: torch.Tensor, d: torch.Tensor, size: int) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    draw = torch.Generator().manual_seed(1)

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.randint(len(X), (size,), generator=draw)
        return X[rows], d[rows]

    return batch


def vanishing_mlp(path: Path) -> None:
    """50 hidden layers of sigmoid units with PyTorch's own initial weights."""
    model = models.deep_mlp(50, 32, nn.Sigmoid)
    X, d = circles()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with record(model, path, every=10, activations=True, optimizer=optimizer) as run:
        train(run, 300, lambda: functional.mse_loss(model(X), d), optimizer)


def exploding_lstm(path: Path) -> None:
    """A stacked LSTM with large weights and open forget gates, which adds two marked numbers of a long sequence."""
    units = 48
    model = models.SequenceModel(2, units, 3)
    with torch.no_grad():
        for name, parameter in model.lstm.named_parameters():
            if "weight" in name:
                nn.init.normal_(parameter, std=8.0 / parameter.shape[1] ** 0.5)
            else:
                parameter[units : 2 * units] = 3.0
    draw = torch.Generator().manual_seed(2)

    def make_loss() -> torch.Tensor:
        numbers = torch.rand(32, 80, generator=draw)
        marks = torch.zeros(32, 80)
        marks[torch.arange(32), torch.randint(0, 40, (32,), generator=draw)] = 1
        marks[torch.arange(32), torch.randint(40, 80, (32,), generator=draw)] = 1
        return functional.mse_loss(model(torch.stack([numbers, marks], 2)), (numbers * marks).sum(1, keepdim=True))

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    with record(model, path, every=4, optimizer=optimizer) as run:
        train(run, 120, make_loss, optimizer)


def transformer(path: Path, norm_first: bool) -> None:
    """A transformer of 12 blocks with Xavier's weights, trained without a warm-up (Xiong et al. 2020)."""
    letters = sorted(set(TEXT))
    codes = torch.tensor([letters.index(letter) for letter in TEXT * 8])
    model = models.Transformer(tokens=len(letters), units=48, layers=12, heads=4, length=32, norm_first=norm_first)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and "embedding" not in name:
            nn.init.xavier_uniform_(parameter)
        elif "bias" in name:
            nn.init.zeros_(parameter)
    draw = torch.Generator().manual_seed(3)

    def make_loss() -> torch.Tensor:
        starts = torch.randint(len(codes) - 33, (16,), generator=draw)
        pieces = torch.stack([codes[start : start + 33] for start in starts.tolist()])
        return functional.cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())

    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with record(model, path, every=8, optimizer=optimizer) as run:
        train(run, 160, make_loss, optimizer)


def resnet(path: Path, residual: bool) -> None:
    """31 convolutions without normalization (He et al. 2016, section 4.2, compare such pairs)."""
    model = models.small_resnet(15, 12, residual)
    batch = batches(*digits(), 64)

    def make_loss() -> torch.Tensor:
        X, d = batch()
        return functional.cross_entropy(model(X), d)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    with record(model, path, every=8, optimizer=optimizer) as run:
        train(run, 240, make_loss, optimizer)


class FixedScale:
    """A loss scale of 1, which is none: what a run in float16 has without a GradScaler."""

    def get_scale(self) -> float:
        return 1.0


def float16_underflow(path: Path) -> None:
    """14 hidden layers in float16 without a loss scale: small gradients are rounded to 0."""
    model = models.deep_mlp(14, 48, nn.Tanh, inputs=64, outputs=10)
    with torch.no_grad():
        for module in model:
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.4 / module.in_features**0.5)
    model.half()
    X, d = digits()
    batch = batches(X.flatten(1).half(), d, 128)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with record(model, path, every=5, optimizer=optimizer) as run:
        for _ in range(200):
            optimizer.zero_grad()
            X, d = batch()
            loss = functional.cross_entropy(model(X).float(), d)
            loss.backward()
            run.step(loss, scaler=FixedScale())
            optimizer.step()


def dead_cnn(path: Path) -> None:
    """A CNN with ReLU and a learning rate that is too large for it."""
    model = models.relu_cnn()
    batch = batches(*digits(), 64)

    def make_loss() -> torch.Tensor:
        X, d = batch()
        return functional.cross_entropy(model(X), d)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.35, momentum=0.9)
    with record(model, path, every=4, activations=True, optimizer=optimizer) as run:
        train(run, 240, make_loss, optimizer)


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "vanishing_mlp": vanishing_mlp,
    "exploding_lstm": exploding_lstm,
    "transformer_post_ln": lambda path: transformer(path, False),
    "transformer_pre_ln": lambda path: transformer(path, True),
    "resnet_plain": lambda path: resnet(path, False),
    "resnet_residual": lambda path: resnet(path, True),
    "float16_underflow": float16_underflow,
    "dead_cnn": dead_cnn,
}


def round_numbers(value: object) -> object:
    if isinstance(value, dict):
        return {key: round_numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [round_numbers(one) for one in value]
    if isinstance(value, float):
        value = float(f"{value:.{DIGITS}g}")
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    return value


def write(name: str) -> None:
    """Records one example and stores it rounded; a gzip header without a time keeps equal contents equal."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    path = FOLDER / f"{name}.jsonl"
    start = time.perf_counter()
    EXAMPLES[name](path)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    path.unlink()
    text = "".join(json.dumps(round_numbers(line), separators=(",", ":")) + "\n" for line in lines)
    packed = gzip.compress(text.encode(), 9, mtime=0)
    (FOLDER / f"{name}.jsonl.gz").write_bytes(packed)
    print(f"{name}: {len(lines) - 1} steps, {len(packed):,} bytes, {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for chosen in sys.argv[1:] or EXAMPLES:
        write(chosen)
