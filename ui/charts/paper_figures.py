"""The figures of every paper by its name."""

from __future__ import annotations

from collections.abc import Callable

from ui.charts.papers import (
    Series,
    edge_of_stability,
    glorot_2010,
    hanin_nica,
    he_2015,
    nielsen_ch5,
    saxe,
    schoenholz_2017,
)
from ui.charts.papers_depth import balduzzi_2017, pennington_2017, prince_ch11, yang_2019
from ui.charts.papers_recurrent import pascanu_2013
from ui.charts.style import Chart

FIGURES: dict[str, Callable[[Series, bool], list[Chart]]] = {
    figure.__name__: figure
    for figure in (
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
