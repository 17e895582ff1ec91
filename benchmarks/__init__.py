"""Side-by-side measurements of the engine; `python -m benchmarks.engine` prints them."""
