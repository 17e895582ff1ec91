"""Runs a benchmark as on a processor without AVX-512: NumPy, OpenBLAS, XLA and the compiler are held to AVX2."""

from __future__ import annotations

import os
import subprocess
import sys

import numba
import numpy as np
from threadpoolctl import threadpool_info

HELD = "BENCHMARK_HELD_TO_AVX2"
AVX2 = "+avx2,+avx,+fma,+bmi,+bmi2,+lzcnt,+movbe,+popcnt,+f16c,+sse4.2,+sse4.1,+ssse3,+sse3,+cx16,+fsgsbase,+rdrnd,+aes"


def _numpy_features() -> dict[str, bool]:
    from numpy._core._multiarray_umath import __cpu_features__

    return __cpu_features__


def has_wide_registers() -> bool:
    """Return whether NumPy has code of its own for AVX-512 that it uses here."""
    return any(_numpy_features().get(name) for name in _wide_code())


def _wide_code() -> list[str]:
    """The sets of AVX-512 instructions that NumPy has code for."""
    from numpy._core._multiarray_umath import __cpu_dispatch__

    return [name for name in __cpu_dispatch__ if name.startswith(("X86_V4", "AVX512"))]


def is_held() -> bool:
    """Return whether this process was started by `run_held`."""
    return HELD in os.environ


def run_held(module: str, arguments: list[str]) -> None:
    """Run a module again, in a process whose libraries use AVX2 at most."""
    wide = [name for name in _wide_code() if _numpy_features()[name]]
    settings = {
        HELD: "1",
        "NPY_DISABLE_CPU_FEATURES": " ".join(wide),
        "OPENBLAS_CORETYPE": "Haswell",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_max_isa=AVX2".strip(),
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": AVX2,
        "ATEN_CPU_CAPABILITY": "avx2",
        "DNNL_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    }
    subprocess.run([sys.executable, "-m", module, *arguments], env=os.environ | settings, check=True)


def check_held() -> None:
    """End with a sentence unless each setting took effect, as far as the library shows it."""

    @numba.njit
    def double(values):
        for n in range(len(values)):
            values[n] *= 2

    double(np.zeros(64))
    found = {
        "NumPy": not has_wide_registers(),
        "OpenBLAS": all(
            blas.get("architecture") == "Haswell" for blas in threadpool_info() if blas["user_api"] == "blas"
        ),
        "the compiler": not any("zmm" in code for code in double.inspect_asm().values()),
    }
    for name, is_so in found.items():
        if not is_so:
            sys.exit(f"{name} is not held to AVX2: nothing is measured")
