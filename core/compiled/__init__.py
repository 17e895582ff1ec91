"""What runs outside Python: formulas and passes that Numba compiles, and where their code is kept."""
