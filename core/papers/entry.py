"""What a paper's entry in core/presets/setups.py says."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import RunConfig
from .report import Experiment

# How far a claim, as told here, was checked.
CHECKED = "checked in the text"
SECOND_HAND = "second-hand: as later papers quote it"
MEMORY = "quoted from memory, not checked"
QUALITATIVE = "a claim without a figure"


@dataclass(frozen=True)
class Formula:
    """A formula on screen: LaTeX, what its symbols mean (Markdown), and where it is from."""

    latex: str
    symbols: str
    source: str


@dataclass(frozen=True)
class Paper:
    """One paper whose experiment is run again.

    Attributes:
        name: its key in PAPERS and in the page's address.
        label: a short name.
        subject: what it is about, in a few words.
        title, authors, year, link: the source.
        claims: (what it says, how far that was checked).
        settings: of the run here, in words.
        caveat: where the run here is another than the paper's.
        formulas: that the numbers come from.
        networks: (label, config) of what the Lab can open; where the experiment has data of its own, on similar data.
        own_data: whether it has.
        run: the experiment; its figure is that of the same name in ui/charts.
    """

    name: str
    label: str
    subject: str
    title: str
    authors: str
    year: int
    link: str
    claims: tuple[tuple[str, str], ...]
    settings: tuple[str, ...]
    caveat: str
    formulas: tuple[Formula, ...]
    networks: tuple[tuple[str, RunConfig], ...]
    own_data: bool
    run: Experiment
