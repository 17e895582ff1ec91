"""A Dask cluster of this machine: a scheduler and its workers, each a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.checkout import HOUSE
from tests.support.visitor import free_port


@dataclass
class Cluster:
    """The address of a scheduler, and the processes of the scheduler and its workers."""

    address: str
    scheduler: subprocess.Popen
    workers: list[subprocess.Popen]


@contextmanager
def dask_cluster(workers: int = 2) -> Iterator[Cluster]:
    """A cluster while the block runs."""
    from distributed import Client

    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    environment = os.environ | {"PYTHONPATH": str(HOUSE), "OPENBLAS_NUM_THREADS": "1"}

    def start(*command: str) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-m", *command], env=environment, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)  # fmt: skip

    scheduler = start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard",
                      "--dashboard-address", "127.0.0.1:0")  # fmt: skip
    started = [
        start("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host",
              "127.0.0.1") for _ in range(workers)
    ]  # fmt: skip
    try:
        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
        yield Cluster(address, scheduler, started)
    finally:
        for process in [*started, scheduler]:
            process.kill()
            process.wait()
