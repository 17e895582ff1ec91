"""A stand-in for Streamlit, for parts of a page whose words alone are looked at."""

from types import SimpleNamespace


class _Anything(SimpleNamespace):
    """Every other name is a function that returns one of these, which is a block too."""

    def __getattr__(self, name):
        return lambda *_, **__: anything()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


def anything(**functions):
    """A stand-in that has these functions and, under every other name, one that does nothing."""
    return _Anything(**functions)
