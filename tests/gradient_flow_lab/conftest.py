"""The recorder is tested with each framework that is installed; PyTorch always is where the slow tests run."""

from importlib.util import find_spec

FRAMEWORKS = {"test_recorder.py": "torch", "test_recorder_keras.py": "keras", "test_recorder_jax.py": "jax"}
collect_ignore = [name for name, framework in FRAMEWORKS.items() if find_spec(framework) is None]
