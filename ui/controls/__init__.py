"""The controls of one run and its data."""
