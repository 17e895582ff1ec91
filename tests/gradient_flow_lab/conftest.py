"""The recorder is tested with each framework that is installed; PyTorch always is where the slow tests run."""

from importlib.util import find_spec

FRAMEWORKS = {"test_recorder.py": "torch", "test_recorder_keras.py": "keras", "test_recorder_jax.py": "jax"}


def pytest_ignore_collect(collection_path, config):
    framework = FRAMEWORKS.get(collection_path.name)
    if framework is None:
        return None
    # They are slow tests, and a framework takes seconds to import: the quick tests do not even read them.
    return config.option.markexpr == "not slow" or find_spec(framework) is None or None
