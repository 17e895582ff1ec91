"""Experiments from papers, run again: one module each, with a `run` that returns a `report.Result`."""
