"""Calls that must be refused, and the sentence that refuses them."""

import pytest

from core import ConfigError


def refused(call, *arguments, **named):
    """The message of the ConfigError that the call must raise: one sentence, whatever the names hold."""
    with pytest.raises(ConfigError) as caught:
        call(*arguments, **named)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 700
    return message
