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
    name="erf",
    label="erf",
    formula=r"\varphi(z) = \mathrm{erf}\, z",
    forward=_forward,
    curvature=_curvature,
    sup_slope=2 / math.sqrt(math.pi),
    kinks=(),
    recommended=("normal", math.sqrt(math.pi) / 2),
    source="Williams 1997 for its averages",
    pytorch="torch.erf(net)",
)
