"""Examples that are shipped: each is read, and nothing else is by their names."""

import pytest

from core.errors import ConfigError
from core.recordings import examples


@pytest.mark.parametrize("name", examples.EXAMPLES)
def test_every_example_is_a_recording(name):
    assert len(examples.load_example(name).step) >= 2


@pytest.mark.parametrize("name", ["", "none", "../examples/dead_cnn", "/etc/passwd"])
def test_no_other_file_is_read_by_a_name(name):
    with pytest.raises(ConfigError, match="it must be one of"):
        examples.load_example(name)
