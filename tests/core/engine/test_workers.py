"""The pool of processes: what its workers are like, that it survives a crash, and that none of them is left behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from concurrent.futures import BrokenExecutor, Executor, Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from core import ConfigError, RunConfig, train
from core.engine import workers as workers_module
from core.engine.cluster import ClusterLostError
from core.engine.workers import NICENESS, LazyExecutor, Workers, worker_lost_errors
from tests.support.checkout import HOUSE
from tests.support.lost_workers import end_while_sending

SMALL = [RunConfig(samples=8, hidden=(4,), steps=3, seed=seed) for seed in range(4)]


@pytest.fixture(scope="module")
def workers():
    pool = Workers(2)
    yield pool
    pool.shutdown()


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_a_run_has_the_same_bits_here_and_in_a_worker(workers):
    for here, there in zip(train(SMALL), train(SMALL, executor=workers), strict=True):
        np.testing.assert_array_equal(here.grad_norm, there.grad_norm)


def test_a_worker_has_one_blas_thread_and_gives_way(workers):
    assert set(workers.submit(blas_threads).result()) == {1}
    assert workers.submit(os.nice, 0).result() == min(19, os.nice(0) + NICENESS)


def test_a_worker_does_not_run_the_main_script_again(tmp_path):
    # Without a guard in the script: it would start a pool in each worker, or fail to.
    script = tmp_path / "script.py"
    lines = ["import os", "from core.engine import workers", "workers.cores = lambda: 1", 'print("run")']
    script.write_text("\n".join([*lines, "workers.LazyExecutor().get().submit(os.getpid).result()", ""]))
    environment = os.environ | {"PYTHONPATH": str(HOUSE)}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("run\n", "")


def test_this_process_keeps_its_environment_and_main_module(workers):
    environment, main = dict(os.environ), sys.modules["__main__"]
    with Workers(1) as pool:
        pool.submit(os.getpid).result()
    assert dict(os.environ) == environment
    assert sys.modules["__main__"] is main


def test_after_a_crash_the_next_job_finds_new_workers():
    with Workers(1) as pool:
        first = pool.submit(os.getpid).result()
        with pytest.raises(BrokenProcessPool):
            pool.submit(os._exit, 1).result()
        second = pool.submit(os.getpid).result()
    assert first != second


class Dropping(Executor):
    """Takes work and drops it, as a cluster does whose scheduler is gone."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


def test_work_that_an_executor_drops_by_itself_counts_as_lost_with_its_worker():
    with pytest.raises(worker_lost_errors(), match="dropped work by itself"):
        train([RunConfig(hidden=(4,), steps=1)], executor=Dropping())


def test_a_lost_worker_of_a_cluster_is_one_too_where_there_is_dask():
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    errors = worker_lost_errors()
    assert issubclass(BrokenProcessPool, errors) and issubclass(distributed.KilledWorker, errors)
    assert not issubclass(ValueError, worker_lost_errors())


def test_a_visitor_reads_what_was_lost_and_memory_is_blamed_for_no_silence(monkeypatch):
    monkeypatch.delenv(workers_module.SCHEDULER, raising=False)
    for error in (BrokenProcessPool("x"), BrokenExecutor("x")):
        assert workers_module.describe_loss(error).startswith("The worker processes ended unexpectedly")
    monkeypatch.setenv(workers_module.SCHEDULER, "tcp://secret:8786")
    killed = workers_module.describe_loss(BrokenExecutor("x"))
    assert killed.startswith("The workers of the Dask cluster ended") and "secret" not in killed
    silent, of_a_sweep = ClusterLostError("No worker has shown a sign of life."), ClusterLostError("Another, please.")
    of_a_sweep.__cause__ = silent
    for error in (silent, of_a_sweep):
        assert workers_module.describe_loss(error) == "No worker has shown a sign of life. Try again in a minute."


def test_a_scheduler_that_takes_a_connection_and_says_nothing_is_refused_in_one_sentence(monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr(workers_module, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv(workers_module.SCHEDULER, address)
        executor, attempts = LazyExecutor(), []
        for _ in range(2):
            with pytest.raises(ConfigError, match=f"{address}.*a Dask scheduler must answer there"):
                executor.get()
            attempts.append(executor._attempt)
        assert attempts[0] is attempts[1]  # one attempt waits for it, however many ask


def test_a_worker_that_ends_while_it_sends_a_result_counts_as_lost():
    pool = Workers(2)
    try:
        waiting = pool.submit(time.sleep, 30)
        with pytest.raises(BrokenProcessPool):
            pool.submit(end_while_sending).result(timeout=25)
        with pytest.raises(BrokenProcessPool):
            waiting.result(timeout=5)
        assert pool.submit(os.getpid).result(timeout=60) > 0
    finally:
        pool.shutdown(wait=False)


def test_a_pool_that_was_shut_down_takes_no_job():
    pool = Workers(1)
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(os.getpid)


def gone(pid, seconds=20):
    """True if a process has ended within that time (a zombie has)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if status == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("ending", ["return", "SIGTERM", "SIGKILL"])
def test_no_worker_is_left_however_the_server_ends(ending):
    script = """
        import os, sys
        from core.engine import workers
        workers.cores = lambda: 1  # one to look for is enough, and each takes a second to start
        print(workers.LazyExecutor().get().submit(os.getpid).result(), flush=True)
        sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=HOUSE, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    worker = int(process.stdout.readline())
    assert not gone(worker, 0.1)
    if ending == "return":
        process.stdin.close()
    else:
        process.send_signal(getattr(signal, ending))
    process.wait(20)
    process.stdout.close()
    assert gone(worker)
