"""The binomial distribution beside SciPy's, and what is loaded for it."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import binom

from core.papers import binomial
from tests.support.checkout import HOUSE


@pytest.mark.parametrize("n", [1, 7, 64, 1000])
@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 1.0])
def test_odds_are_scipys(n, p):
    k = np.arange(n + 1)
    np.testing.assert_allclose(binomial.pmf(k, n, p), binom.pmf(k, n, p), rtol=1e-11, atol=1e-300)


def test_no_paper_loads_all_distributions_at_the_start():
    code = "import sys, core.papers.registry; sys.exit('scipy.stats' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=HOUSE, check=True)
