"""Compiled code: formulas and passes that Numba compiles, and where their machine code is kept."""
