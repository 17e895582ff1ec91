"""Activations in float32 against the engine's formulas in float64."""

import numpy as np
import pytest

from core.families.activations import ACTIVATION_CODES, ACTIVATIONS
from core.theory.narrow_activations import activate_narrow

SIZES = np.geomspace(1e-30, 80, 4001)
NETS = np.concatenate([-SIZES, SIZES, np.linspace(-12, 12, 20001), [0.0, 1e20, -1e20]]).astype(np.float32)
TINY = 1e-35  # what falls below float32's normal numbers on the way has lost its digits


def narrow(name, net):
    value, slope = np.empty_like(net), np.empty_like(net)
    activate_narrow(ACTIVATION_CODES[name], net, value, slope)
    return value, slope


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_are_those_of_float64_but_for_rounding(name):
    # 2^-24 is 6e-8: a handful of roundings, and in GELU that of a^2 / 2 in exp(-a^2 / 2), up to 80 times as large
    share = 1e-5 if name == "gelu" else 1e-6
    for found, exact in zip(narrow(name, NETS), ACTIVATIONS[name].evaluate(NETS.astype(float)), strict=True):
        # a slope that passes through 0 is a difference of numbers of the size of 1
        crossing = 1e-6 * (np.abs(NETS + 1) < 0.5) if name in ("gelu", "silu") else 0.0
        assert (np.abs(found - exact) <= share * np.abs(exact) + crossing + TINY).all(), name


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_no_number_stays_none(name):
    for found in narrow(name, np.array([np.nan], np.float32)):
        assert np.isnan(found[0])
