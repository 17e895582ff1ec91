"""The shared processes, as the pages name them."""

from core.workers import shared

__all__ = ["shared"]
