"""Speed of the engine: against the floor, and against peers that record the same.

    python -m benchmarks.engine [--shapes A,B,D,E] [--peers all] [--extras A,D] [--steps 300] [--repeats 15] [--quick]

All contestants of a shape take turns in one process on one core with one BLAS thread, in float64. Times are the
processor's, so that other programs in the meantime count less. A ratio is that of the medians of the times; behind it
stands that of the shortest ones, which a busy machine disturbs least.

The floor is the matmuls and one np.maximum a layer (benchmarks/floor.py). Peers (benchmarks/peers.py) must give the
engine's numbers before they are timed; requirements-bench.txt names what they need. Where the machine has AVX-512 all
is measured once more in a process that is held to AVX2, as most laptops and small cloud machines are
(benchmarks/held.py).
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys

from benchmarks.floor import floor
from benchmarks.held import check_held, has_wide_registers, is_held, run_held
from benchmarks.peers import PEERS, compile_seconds, largest_difference
from benchmarks.problem import SHAPES, STEPS, Shape
from benchmarks.timing import describe_machine, on_one_core, ratio, take_turns
from core import train
from core.engine.training import one_blas_thread

AGREEMENT = 1e-8  # relative; rounding is 1e-13, a different formula shows from the first step

# What a setting adds to plain gradient descent: label -> changes. Thresholds are such that the rule binds.
EXTRAS = {
    "clip by value": {"clip": "value", "clip_threshold": 1e-3},
    "clip by global norm": {"clip": "global_norm", "clip_threshold": 0.1},
    "clip by layer": {"clip": "per_layer_norm", "clip_threshold": 0.01},
    "clip adaptively": {"clip": "adaptive", "clip_threshold": 0.01},
    "l2": {"l2": 1e-4},
    "l1": {"l1": 1e-4},
    "weight decay": {"weight_decay": 0.01},
    "max-norm": {"max_norm": 1.0},
    "momentum": {"optimizer": "momentum"},
    "nesterov": {"optimizer": "nesterov"},
    "rmsprop": {"optimizer": "rmsprop"},
    "adam": {"optimizer": "adam"},
    "layer normalization": {"normalization": "layer"},
    "batch normalization": {"normalization": "batch"},
    "residual": {"residual": True},
    "holdout 0.25": {"holdout": 0.25},
    "recording every 10th": {"record_every": 10},
    "float32": {"dtype": "float32"},
}


def measure(shape: Shape, steps: int, peers: list[str], repeats: int) -> None:
    """Prints the line of one shape: engine / floor, then each peer / engine."""
    configs = shape.configs(steps)
    contestants = {"floor": floor(configs), "engine": lambda: train(configs)}
    traces = train(configs)
    for name in peers:
        if name == "torch stack" and shape.runs == 1:
            continue
        contestants[name] = PEERS[name](configs)
        difference = largest_difference(contestants[name](), traces)
        if not difference <= AGREEMENT:
            sys.exit(f"{shape.name}: {name} differs from the engine by {difference:.1e}: not the same task, not timed")
    times = take_turns(contestants, repeats)
    cells = [f"{1e3 * statistics.median(times['engine']):8.1f}", ratio(times["engine"], times["floor"])]
    cells += [ratio(times[name], times["engine"]) if name in times else "-" for name in peers]
    if "jax" in peers:
        compilation = compile_seconds(contestants["jax"])
        cells.append(ratio([seconds + compilation for seconds in times["jax"]], times["engine"]))
    print(f"{shape.label:34}" + "".join(f"{cell:>17}" for cell in cells), flush=True)


def measure_extras(shape: Shape, steps: int, repeats: int) -> None:
    """Prints what each setting adds: its time over that of plain gradient descent."""
    print(f"\nTime over plain gradient descent's, shape {shape.label}")
    quarter = shape.samples // 4
    plans = {name: shape.configs(steps, **changes) for name, changes in EXTRAS.items()}
    plans |= {
        "plain": shape.configs(steps),
        "plain, a quarter of the samples": shape.configs(steps, samples=quarter),
        "mini-batches of a quarter": shape.configs(steps, batch_size=quarter),
    }
    times = take_turns({name: lambda configs=configs: train(configs) for name, configs in plans.items()}, repeats)
    for name in EXTRAS:
        print(f"  {name:24}{ratio(times[name], times['plain']):>16}")
    fewer = ratio(times["mini-batches of a quarter"], times["plain, a quarter of the samples"])
    print(f"  {'mini-batches':24}{fewer:>16}   batches of {quarter}, over training on {quarter} samples", flush=True)


def available(peers: list[str]) -> list[str]:
    """The peers whose library is there; says so of each other one."""
    there = []
    for name in peers:
        library = name.split()[0]
        try:
            importlib.import_module(library)
            there.append(name)
        except ImportError:
            print(f"{name} is left out: there is no {library} here (pip install -r requirements-bench.txt)")
    return there


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", default="A,B,D,E", help=f"all, none, or of {', '.join(SHAPES)}")
    parser.add_argument("--peers", default="all", help=f"all, none, or of {', '.join(PEERS)}")
    parser.add_argument("--extras", default="A,D", help="shapes that show what each setting adds")
    parser.add_argument("--steps", type=int, default=STEPS, help="the fewer, the more a compilation weighs")
    parser.add_argument("--repeats", type=int, default=15, help="turns of each contestant")
    parser.add_argument("--quick", action="store_true", help="few steps and turns: a look, not a measurement")
    options = parser.parse_args()
    named = {}
    for option, known in (("shapes", SHAPES), ("peers", PEERS), ("extras", SHAPES)):
        text = getattr(options, option)
        named[option] = list(known) if text == "all" else [] if text == "none" else text.split(",")
        for name in named[option]:
            if name not in known:
                parser.error(f"--{option}: {name} is not one of {', '.join(known)}, and neither all nor none")
    steps, repeats = (30, 3) if options.quick else (options.steps, options.repeats)
    on_one_core()  # before a library counts the cores
    peers = available(named["peers"])
    if is_held():
        check_held()
    print(f"BLAS: {describe_machine()}")
    print(f"{steps} steps, {repeats} turns; ratio of medians (of the shortest times)")
    print("Right of engine/floor: the peer's time over the engine's\n")
    columns = ["engine ms", "engine/floor", *peers, *["jax + compile"] * ("jax" in peers)]
    print(" " * 34 + "".join(f"{column:>17}" for column in columns))
    with one_blas_thread:
        for name in named["shapes"]:
            measure(SHAPES[name], steps, peers, repeats)
        for name in named["extras"]:
            measure_extras(SHAPES[name], steps, min(repeats, 9))
    if has_wide_registers() and not is_held():
        print("\nOnce more, held to AVX2", flush=True)
        run_held("benchmarks.engine", sys.argv[1:])


if __name__ == "__main__":
    main()
