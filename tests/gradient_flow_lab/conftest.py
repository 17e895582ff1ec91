"""Settings of the recorder's tests."""

NEEDS_TORCH = {"test_recorder.py"}  # modules whose models are PyTorch's, and whose every test is slow


def pytest_ignore_collect(collection_path, config):
    """Leave modules that cannot be imported without PyTorch out of a run of the quick tests."""
    return True if collection_path.name in NEEDS_TORCH and config.getoption("markexpr") == "not slow" else None
