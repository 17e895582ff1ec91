"""The cost of recording: steps of a transformer and a ResNet-18 plain, with the recorder, and with hooks that make
histograms of all gradients, as loggers do.

python -m benchmarks.recordings.cost [--every 10] [--blocks 5]

The three take turns, block by block of `every` steps, so that a machine that slows down slows all alike. Printed are
the median and the smallest processor time of a step, in one thread; the median of the ratios to the plain block of the
same turn, and the ratio of the smallest times, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from gradient_flow_lab.recorder import record

models = import_module("benchmarks.recordings.models")  # by name, so that tools without PyTorch can read this file
BINS = 64  # of a histogram


def transformer() -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """Six blocks of 256 units on batches of 8 sequences of 64 tokens."""
    model = models.Transformer(tokens=512, units=256, layers=6, heads=8, length=64, norm_first=True)
    tokens = torch.randint(512, (8, 65))

    def compute_loss(model: nn.Module) -> torch.Tensor:
        return functional.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())

    return model, compute_loss


def resnet() -> tuple[nn.Module, Callable[[nn.Module], torch.Tensor]]:
    """ResNet-18 on batches of 8 pictures of 32 x 32 pixels."""
    X, d = torch.randn(8, 3, 32, 32), torch.randint(10, (8,))
    return models.resnet18(), lambda model: functional.cross_entropy(model(X), d)


def plain(model: nn.Module, optimizer: torch.optim.Optimizer, every: int, path: Path) -> Iterator[Callable]:
    """No recording."""
    yield lambda loss: None


def recorder(model: nn.Module, optimizer: torch.optim.Optimizer, every: int, path: Path) -> Iterator[Callable]:
    """This project's recorder."""
    with record(model, path, every=every, optimizer=optimizer) as run:
        yield run.step


def histograms(model: nn.Module, optimizer: torch.optim.Optimizer, every: int, path: Path) -> Iterator[Callable]:
    """A hook on each parameter that takes a histogram of its gradient, at the same steps."""
    count, kept = 0, []

    def measure(gradient: torch.Tensor) -> None:
        if count % every == 0:
            low, high = gradient.min().item(), gradient.max().item()
            kept.append(torch.histc(gradient, BINS, low, high).tolist())

    handles = [parameter.register_hook(measure) for parameter in model.parameters()]

    def step(loss: torch.Tensor) -> None:
        nonlocal count
        count += 1
        kept.clear()

    yield step
    for handle in handles:
        handle.remove()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--every", type=int, default=10)
    ask.add_argument("--blocks", type=int, default=5)
    given = ask.parse_args()
    torch.set_num_threads(1)
    for make in (transformer, resnet):
        measure(make, given.every, given.blocks)


def measure(make: Callable, every: int, blocks: int) -> None:
    """Prints the times of one model."""
    ways, seconds = (plain, recorder, histograms), {}
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for way in ways:
            torch.manual_seed(0)
            model, compute_loss = make()
            optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
            watcher = way(model, optimizer, every, Path(folder) / "run.jsonl.gz")
            runs.append((model, compute_loss, optimizer, next(watcher), watcher))
            seconds[way.__name__] = []
        for block in range(blocks + 1):
            for way, (model, compute_loss, optimizer, watch, _) in zip(ways, runs, strict=True):
                start = time.process_time()
                for _ in range(every):
                    optimizer.zero_grad()
                    loss = compute_loss(model)
                    loss.backward()
                    watch(loss)
                    optimizer.step()
                if block:  # the first one warms up
                    seconds[way.__name__].append((time.process_time() - start) / every)
        for *_, watcher in runs:
            next(watcher, None)
    parameters = sum(p.numel() for p in runs[0][0].parameters())
    print(f"{make.__name__}: {parameters:,} parameters, every {every} steps, one thread, torch {torch.__version__}")
    for name, times in seconds.items():
        ratios = [own / base for own, base in zip(times, seconds["plain"], strict=True)]
        least = min(times) / min(seconds["plain"])
        print(
            f"  {name:<10} {1000 * statistics.median(times):7.1f} ms a step (least {1000 * min(times):.1f}), "
            f"x {statistics.median(ratios):.3f} (least {least:.3f})"
        )


if __name__ == "__main__":
    main()
