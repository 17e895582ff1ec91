"""The papers whose experiments are run again, in the order of the page; each module holds its own entry."""

from __future__ import annotations

from . import (
    balduzzi_2017,
    edge_of_stability,
    glorot_2010,
    hanin_nica,
    he_2015,
    nielsen_ch5,
    pascanu_2013,
    pennington_2017,
    prince_ch11,
    saxe,
    schoenholz_2017,
    yang_2019,
)
from .entry import Paper

PAPERS: dict[str, Paper] = {
    module.PAPER.name: module.PAPER
    for module in (
        nielsen_ch5,
        glorot_2010,
        he_2015,
        schoenholz_2017,
        pascanu_2013,
        saxe,
        pennington_2017,
        hanin_nica,
        yang_2019,
        prince_ch11,
        balduzzi_2017,
        edge_of_stability,
    )
}
