"""python -m core.papers [NAME ...]: runs the experiments of all papers, or those named, and stores their results."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor

from . import stored
from .registry import PAPERS


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PAPERS))
    names = ask.parse_args().names or list(PAPERS)
    unknown = [name for name in names if name not in PAPERS]
    if unknown:
        ask.error(f"there is no paper {unknown[0]!r}; papers are {', '.join(PAPERS)}")
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as executor:
        for name in names:
            result = PAPERS[name].run(executor=executor)
            stored.write({name: result}, [PAPERS[name]])
            sys.stdout.write(f"{name}: {result.agreeing} of {len(result.rows)} agree, {result.seconds:.1f} s\n")
            for row in result.differing:
                sys.stdout.write(f"  {row.verdict}: {row.what}: {row.reference} there, {row.here} here\n")


if __name__ == "__main__":
    main()
