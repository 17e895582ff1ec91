"""The record of a paper in the registry."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import RunConfig
from .report import Experiment

# The evidence for a claim as it is stated here.
CHECKED = "checked in the text"
SECOND_HAND = "second-hand: as later papers quote it"
QUALITATIVE = "a claim without a figure"


@dataclass(frozen=True, kw_only=True)
class Formula:
    """A formula on screen: LaTeX, what its symbols mean (Markdown), and where it is from."""

    latex: str
    symbols: str
    source: str


CHI_FORMULA = Formula(
    latex=r"\chi = \sigma_w^2\, \mathbb E\left[\varphi'(z)^2\right],\quad z \sim \mathcal N(0, q^*)",
    symbols=(
        r"$\chi$: what one layer multiplies the squared gradient by; $\sigma_w^2 / \text{fan\_in}$: the variance of a "
        r"weight; $\varphi'$: the slope of the activation; $q^*$: the variance of net inputs at which it no longer "
        "changes from layer to layer."
    ),
    source="Schoenholz et al. 2017",
)


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One paper whose experiment is run again.

    Attributes:
        name: its key in PAPERS and in the page's address.
        label: a short name.
        subject: the topic in a few words.
        title, authors, year, link: the source.
        claims: (the claim, the evidence for it: CHECKED, SECOND_HAND, QUALITATIVE or a text).
        settings: of the run here, in words.
        caveat: the differences between this run and the paper's.
        formulas: the source of the numbers.
        networks: (label, config) of what the Lab can open; where the experiment has data of its own, on similar data.
        own_data: True when the experiment has data of its own.
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
