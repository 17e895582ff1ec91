"""Runs with real PyTorch models: the example recordings of the page Your run, and the recorder's cost."""
