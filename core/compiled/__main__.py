"""python -m core.compiled: compiles everything for this machine, as `make run`, `make serve` and `make env` do."""

import sys

from ..errors import ConfigError
from .preparation import prepare

if __name__ == "__main__":
    try:
        prepare()
    except ConfigError as error:  # a limit of the environment that is none
        sys.exit(str(error))
