"""Work for a pool of processes that takes its process with it."""

import os
import signal
import struct
import sys


def end_while_sending() -> None:
    """Ends this process in the middle of a result: a message of a thousand bytes is announced, and ten are sent."""
    results = sys._getframe(1).f_locals["result_queue"]  # of the loop that a process of the pool runs
    os.write(results._writer.fileno(), struct.pack("!i", 1000) + bytes(10))
    os.kill(os.getpid(), signal.SIGKILL)
