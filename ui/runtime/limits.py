"""The limits of a server, set by its environment: one record each, and one check of them all before it starts."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core import ConfigError
from core.compiled.cache import FOLDER
from core.engine.workers import SCHEDULER, cores
from core.tables import MAX_BYTES

PREFIX = "GRADIENT_LAB_"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One environment setting.

    Attributes:
        meaning: what it limits, with its unit.
        default: without it, for a visitor at home; None for no limit.
        hosted: without it, on a server that `asgi.py` starts.
        low, high: what is allowed.
        whole: whether it is a whole number.
    """

    meaning: str
    default: Callable[[], float] | float | None
    hosted: Callable[[], float] | float
    low: float = 1
    high: float = math.inf
    integer: bool = True

    def read(self, text: str, name: str) -> float:
        """The number that an operator wrote.

        Raises:
            ConfigError: it is none, or not allowed.
        """
        kind = "a whole number" if self.integer else "a number"
        upto = f"of at least {self.low:,g}" if self.high == math.inf else f"from {self.low:,g} to {self.high:,.0f}"
        wrong = ConfigError(name, text, f"the environment setting must be {kind} {upto}")
        try:
            value = float(text)
        except ValueError:
            raise wrong from None
        if not (self.low <= value <= self.high and math.isfinite(value)) or (self.integer and value != int(value)):
            raise wrong
        return int(value) if self.integer else value


LIMITS: dict[str, Limit] = {
    "MAX_COST": Limit(meaning="multiply-adds of one run", default=None, hosted=3e11),
    "MAX_BYTES": Limit(meaning="bytes that one run holds while it trains", default=None, hosted=5e8),
    "MAX_WORK": Limit(meaning="multiply-adds of all runs of one comparison or sweep", default=None, hosted=3e12),
    "MAX_SWEEP": Limit(meaning="runs of one sweep", default=10_000, hosted=2_500),
    "MAX_UPLOAD": Limit(meaning="bytes of a visitor’s table", default=MAX_BYTES, hosted=5e6, low=1_000, high=MAX_BYTES),
    "MAX_TRAININGS": Limit(
        meaning="short trainings at once, and as many long ones; others wait in a queue", default=cores, hosted=cores
    ),
    "MAX_SESSIONS": Limit(
        meaning="pages open at once; further visitors are asked to come back later", default=None, hosted=500
    ),
    "MAX_UPLOADS": Limit(
        meaning="bytes of all files uploaded by visitors who are still connected", default=None, hosted=1e8, low=1e6
    ),
    "MAX_RECORD": Limit(meaning="rows of a record that a visitor downloads", default=None, hosted=100_000),
    "CACHE_BYTES": Limit(
        meaning="bytes of all results that stay in memory for later visitors", default=512e6, hosted=256e6, low=1e6
    ),
    "STUCK_SECONDS": Limit(
        meaning="seconds without progress after which a training counts as stuck and the health check fails",
        default=300,
        hosted=300,
        low=1,
    ),
}
# Sites that may show the dashboard within a page of theirs; a source list of a content security policy.
FRAMES = PREFIX + "FRAME_ANCESTORS"
# "1" where a proxy of one's own stands before the server: the last address of X-Forwarded-For is then the visitor's.
PROXY = PREFIX + "TRUST_PROXY"
# A JSON file of scenes, or a folder of such files, for the presenting mode; `gradient-flow-lab --scenes` sets it.
SCENES = PREFIX + "SCENES"
_SITE = re.compile(r"https?://(?:\*\.)?[A-Za-z0-9.-]+(?::\d{1,5})?")
_CLUSTER = re.compile(r"[a-z]+://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):(\d{1,5})")


def value(name: str) -> Any:
    """The limit in force, by its name without the prefix; None for no limit.

    Raises:
        ConfigError: the environment holds something that is not allowed.
    """
    limit = LIMITS[name]
    text = os.environ.get(PREFIX + name, "").strip()
    if text:
        return limit.read(text, PREFIX + name)
    return limit.default() if callable(limit.default) else limit.default


def check_work(multiply_adds: int) -> None:
    """Refuses a comparison or a sweep whose runs take more than GRADIENT_LAB_MAX_WORK in all.

    Raises:
        ConfigError: with its number and the limit.
    """
    maximum = value("MAX_WORK")
    if maximum is not None and multiply_adds > maximum:
        words = f"this server allows {maximum:,.0f} in all; take fewer networks, seeds, steps, samples, layers or units"
        raise ConfigError("cost", f"{multiply_adds:,} multiply-adds in all", words)


def frame_ancestors() -> tuple[str, ...]:
    """The sites of GRADIENT_LAB_FRAME_ANCESTORS, separated by spaces there; empty for none but this server's own.

    Raises:
        ConfigError: one that is not an address such as https://example.org.
    """
    sites = tuple(os.environ.get(FRAMES, "").split())
    for site in sites:
        if not _SITE.fullmatch(site):
            raise ConfigError(FRAMES, site, "each site must be an address such as https://example.org")
    return sites


def is_proxy_trusted() -> bool:
    """Return whether the proxy's header names the visitor's address.

    Raises:
        ConfigError: GRADIENT_LAB_TRUST_PROXY is neither 0 nor 1.
    """
    text = os.environ.get(PROXY, "").strip()
    if text not in ("", "0", "1"):
        raise ConfigError(PROXY, text, "the environment setting must be 0 or 1")
    return text == "1"


def check_scheduler() -> None:
    """Refuses a GRADIENT_LAB_SCHEDULER that is no address of a Dask scheduler; whether one answers is seen later.

    Raises:
        ConfigError: it is not of the form scheme://host:port.
    """
    address = os.environ.get(SCHEDULER, "").strip()
    match = _CLUSTER.fullmatch(address)
    if address and not (match and 1 <= int(match[1]) <= 65_535):
        text = "the environment setting must be the address of a Dask scheduler, such as tcp://host:8786"
        raise ConfigError(SCHEDULER, address, text)


def check() -> None:
    """Reads every setting once, so that a server with a wrong one does not start.

    Raises:
        ConfigError: a value that is not allowed, or a setting that does not exist.
    """
    known = [*(PREFIX + name for name in LIMITS), FRAMES, PROXY, SCHEDULER, FOLDER, SCENES]
    for name, text in os.environ.items():
        if name.startswith(PREFIX) and name not in known:
            raise ConfigError(name, text, "there is no such environment setting; settings are " + ", ".join(known))
    for name in LIMITS:
        value(name)
    frame_ancestors()
    is_proxy_trusted()
    check_scheduler()


def apply_server_defaults() -> None:
    """Puts the limits of a public server in force wherever the environment is silent, and checks them all.

    Raises:
        ConfigError: as `check`.
    """
    check()
    for name, limit in LIMITS.items():
        number = limit.hosted() if callable(limit.hosted) else limit.hosted
        if not os.environ.get(PREFIX + name, "").strip():
            os.environ[PREFIX + name] = f"{number:.0f}"
