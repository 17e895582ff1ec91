"""python -m core.compiled: compiles everything for this machine, as `make run`, `make serve` and `make env` do."""

from .preparation import prepare

if __name__ == "__main__":
    prepare()
