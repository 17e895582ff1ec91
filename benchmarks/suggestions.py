"""Random failing runs, their suggestions as `try_suggestions` offers them, and what those do on three fresh seeds.

python -m benchmarks.suggestions [--runs 500] [--first-seed 0] [--every-suggestion]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict

from core import train
from core.data.datasets import load
from core.diagnosis.trials import compare, measure_result, try_suggestions
from tests.support.failures import failing_runs

FRESH = 1000  # added to a run's seed for the first of the fresh seeds


def fresh_results(trace, one):
    """1, 0 or -1 by fresh seed: better than the run, about the same, or worse."""
    config, changed = trace.config, trace.config.replace(**one.changes)

    def samples(of):
        split = load(of.dataset, of.samples, of.noise, of.holdout, of.seed, of.scaling)
        return split.X, split.D

    before = measure_result(trace, samples(config))
    seeds = [config.seed + FRESH + k for k in range(3)]
    X, D = samples(changed)
    traces = train([changed.replace(seed=seed, holdout=0.0) for seed in seeds], data=(X, D))
    return [compare(before, measure_result(after, (X, D))) for after in traces]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    began, results, by_verdict = time.monotonic(), Counter(), defaultdict(Counter)
    verdicts, offered, first = Counter(), Counter(), Counter()
    for trace in failing_runs(arguments.runs, arguments.first_seed):
        diagnosis = try_suggestions(trace)
        verdicts[diagnosis.verdict] += 1
        tried = [one for finding in diagnosis.findings for one in finding.suggestions]
        offered[diagnosis.verdict] += bool(tried)
        for position, one in enumerate(tried):
            ends = fresh_results(trace, one)
            results.update(ends)
            by_verdict[diagnosis.verdict].update(ends)
            if position == 0:
                first.update(ends)
    total = sum(results.values())
    print(f"{arguments.runs} failing runs, {sum(offered.values())} with a suggestion that helped on the trial's seeds")
    for name, count in (("suggestions", results), ("the first suggestion of each run", first)):
        of = max(sum(count.values()), 1)
        print(f"{name}: {of} trainings on fresh seeds: help {count[1] / of:.1%}, harm {count[-1] / of:.1%}")
    for verdict, count in verdicts.most_common():
        ends = by_verdict[verdict]
        of = max(sum(ends.values()), 1)
        print(
            f"  {verdict:25} {count:4} runs, {offered[verdict]:4} with an offer; "
            f"help {ends[1] / of:.0%}, harm {ends[-1] / of:.1%} of {sum(ends.values())}"
        )
    print(f"{total} trainings judged in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
