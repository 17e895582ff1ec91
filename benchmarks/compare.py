"""Speed of the Compare page: many arms and seeds in one `train` call on a warm pool against one run after another.

    python -m benchmarks.compare [--arms 8] [--seeds 8] [--repeats 5] [--samples 64,256]

Both contestants train the same runs of the default network, of one activation an arm, and take turns. Times are
by the clock, since the pool works elsewhere; so run it on an idle machine. A ratio is that of the medians of the
times; behind it stands that of the shortest ones.
"""

from __future__ import annotations

import argparse
import statistics
import time

from benchmarks.timing import describe_machine, ratio, take_turns
from core import RunConfig, train
from core.comparison.arms import Arm, Comparison
from core.engine.workers import Workers, cores
from core.families.activations import ACTIVATIONS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arms", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--samples", default="64,256")
    options = parser.parse_args()
    print(describe_machine(), f"; {cores()} workers", sep="")
    with Workers() as pool:
        for samples in map(int, options.samples.split(",")):
            arms = tuple(Arm(name, {"activation": name}) for name in list(ACTIVATIONS)[: options.arms])
            configs = Comparison(RunConfig(samples=samples), "activation", arms, options.seeds).configs()
            one = configs[: options.seeds]
            times = take_turns(
                {
                    "after another": lambda configs=configs: [train([config]) for config in configs],
                    "one call": lambda configs=configs: train(configs, executor=pool),
                    "one arm": lambda one=one: train(one, executor=pool),
                },
                options.repeats,
                time.perf_counter,
            )
            slow, fast, arm = (statistics.median(times[name]) for name in times)
            print(
                f"{len(configs)} runs, width 32, {samples} samples: one after another {slow:.2f} s, in one call "
                f"{fast:.2f} s: {ratio(times['after another'], times['one call'])} times "
                f"faster; one arm added {arm:.2f} s, {arm / fast * len(arms):.2f} of its share",
                flush=True,
            )


if __name__ == "__main__":  # the workers that spawn would import this file again
    main()
