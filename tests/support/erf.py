"""erf as an activation: no network here uses it, but every average of it has a closed form."""

import math

import numpy as np
from scipy.special import erf

from core.families.activations import Activation


def _forward(net, out, slope, scratch):
    erf(net, out=out)
    np.exp(-net * net, out=slope)
    slope *= 2 / math.sqrt(math.pi)


def _curvature(net):
    return -4 / math.sqrt(math.pi) * net * np.exp(-net * net)


ERF = Activation(
    "erf",
    "erf",
    r"\varphi(z) = \mathrm{erf}\, z",
    _forward,
    _curvature,
    2 / math.sqrt(math.pi),
    (),
    ("normal", math.sqrt(math.pi) / 2),
    "Williams 1997 for its averages",
)
