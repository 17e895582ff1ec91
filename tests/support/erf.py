"""erf as an activation: no network here uses it, but every average of it has a closed form."""

import math

import numpy as np
from scipy.special import erf

from core.families.activations import Activation


class _Erf(Activation):
    def evaluate(self, net):
        return erf(net), 2 / math.sqrt(math.pi) * np.exp(-net * net)


def _curvature(net):
    return -4 / math.sqrt(math.pi) * net * np.exp(-net * net)


ERF = _Erf(
    name="erf",
    label="erf",
    formula=r"\varphi(z) = \mathrm{erf}\, z",
    point=lambda z: (math.erf(z), 2 / math.sqrt(math.pi) * math.exp(-z * z)),
    curvature=_curvature,
    sup_slope=2 / math.sqrt(math.pi),
    kinks=(),
    recommended=("normal", math.sqrt(math.pi) / 2),
    source="Williams 1997 for its averages",
    pytorch="torch.erf(net)",
)
