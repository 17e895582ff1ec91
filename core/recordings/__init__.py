"""Recordings of other people's training runs: the gradient norms of each parameter tensor at each recorded step."""

from .reading import read_recording
from .recording import Parameter, Recording

__all__ = ["Parameter", "Recording", "read_recording"]
