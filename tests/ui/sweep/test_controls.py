"""The controls of a sweep: its base as a line of settings, and its axes."""

from hypothesis import given

from core import RunConfig
from tests.support.strategies import configs
from ui.sweep import controls


@given(configs())
def test_the_base_holds_every_setting_but_the_activation_and_the_seed(config):
    base = controls.parse_base(controls.format_base(config))
    assert base == config.replace(activation=RunConfig().activation, seed=RunConfig().seed)
