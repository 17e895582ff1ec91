"""The network as a function: its weights, a training set, and how it answers one sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import ConfigError
from core.config import RULES
from core.lecture.small_network import SAMPLES, SIZE, SmallNetwork, draw
from ui import panels
from ui.charts.network import indexed, network
from ui.charts.style import number
from ui.controls.fields import number_options
from ui.lecture.formulas import fitted, matrix, tex
from ui.lecture.tables import edit_table
from ui.session import session, session_by_name
from ui.text import as_text

SEED: Any = RULES["seed"]
ADDRESS: dict[str, Any] = dict.fromkeys(("net_i", "net_j", "net_k"), SIZE) | {
    "net_n": SAMPLES,
    "net_seed": SEED,
    "net_sample": SAMPLES,
}
DEFAULTS = {"net_i": 3.0, "net_j": 3.0, "net_k": 2.0, "net_n": 4.0, "net_seed": 0.0, "net_sample": 1.0}


def section() -> None:
    """The picture for one sample, the numbers of its pass, and the controls."""
    inputs, outputs = (int(session_by_name[key]) for key in ("net_i", "net_k"))
    st.markdown(
        f"A network is a function $f: \\mathbb{{R}}^{{{inputs}}} \\to \\mathbb{{R}}^{{{outputs}}}$: its weights turn "
        "an input $x$ into an output $o$. **Point at a node for its formula with its numbers, or at an edge for its "
        "weight.**"
    )
    answer = st.container(key="pictures-network")
    controls = st.container()
    with controls:
        try:
            _draw_sizes()
            net = _edit(*_load_network())
        except ConfigError as error:
            panels.show_error(error)
            return
    with answer:
        _answer(net)


def current() -> SmallNetwork:
    """The network of this section, as other sections see it.

    Raises:
        ConfigError: a cell of its tables is empty.
    """
    drawn, which = _load_network()
    of, tables = session.get("net_edited", (None, {}))
    return _from_tables(tables) if of == which else drawn


def _from_tables(tables: dict[str, pd.DataFrame]) -> SmallNetwork:
    return SmallNetwork(**{name: frame.to_numpy(dtype=float) for name, frame in tables.items()})


def _load_network() -> tuple[SmallNetwork, str]:
    """The network of the sizes and the seed, and its name among all."""
    sizes = [session_by_name[key] for key in ("net_i", "net_j", "net_k", "net_n", "net_seed")]
    return draw(*sizes[:4], sizes[4]), "-".join(str(int(size)) for size in sizes)


def draw_sample(net: SmallNetwork, disabled: bool = False) -> None:
    """Draws the choice of the sample that is shown."""
    st.segmented_control("Sample", list(range(1, len(net.d) + 1)), required=True, key="net_sample", disabled=disabled,
                         format_func=lambda n: f"$n = {n}$")  # fmt: skip


def shown_sample(net: SmallNetwork) -> int:
    """The index of the sample that is shown."""
    session["net_sample"] = min(int(session["net_sample"]), len(net.d))
    return int(session["net_sample"]) - 1


def _draw_sizes() -> None:
    with st.grid(5, min_column_width=130, gap="small", vertical_alignment="bottom"):
        _draw_whole("Inputs $I$", "net_i")
        _draw_whole("Hidden $J$", "net_j")
        _draw_whole("Outputs $K$", "net_k")
        _draw_whole("Samples $N$", "net_n")
        _draw_whole("Seed", "net_seed")
    st.button("Draw other weights", key="net_redraw", icon=":material/casino:", on_click=_draw_again)


def _draw_whole(label: str, key: str) -> None:
    st.number_input(label, key=key, **number_options(ADDRESS[key], 1))


def _draw_again() -> None:
    seed = session["net_seed"]
    session["net_seed"] = 0.0 if seed == SEED.high else seed + 1


def _edit(network: SmallNetwork, which: str) -> SmallNetwork:
    """The same network with what a visitor wrote into its tables."""
    inputs, hidden = network.w01.shape
    outputs = network.w12.shape[1]
    x, y, o, d = ([indexed(letter, k) for k in range(size)] for letter, size in
                  (("x", inputs), ("y", hidden), ("o", outputs), ("d", outputs)))  # fmt: skip
    samples = list(range(1, len(network.x) + 1))
    tables = {
        "w01": ("$W^{(0,1)}$: from input $i$ (row) to hidden unit $j$ (column)", network.w01, x, y),
        "w12": ("$W^{(1,2)}$: from hidden unit $j$ (row) to output $k$ (column)", network.w12, y, o),
        "x": ("Inputs $x_n$ of each sample $n$", network.x, samples, x),
        "d": ("Targets $d_n$ of each sample $n$", network.d, samples, d),
    }
    given = {}
    with st.expander("Edit the weights and the training set", icon=":material/edit:"):
        with st.grid(2, min_column_width=280, gap="medium"):
            for name, (title, values, rows, columns) in tables.items():
                with st.container():
                    frame = pd.DataFrame(values, index=rows, columns=columns)
                    given[name] = edit_table(title, frame, f"net_{name}_{which}")
    session["net_edited"] = which, given
    return _from_tables(given)


def _answer(net: SmallNetwork) -> None:
    """The picture for one sample, and the choice of the sample."""
    hidden = net.w01.shape[1]
    outputs = net.d.shape[1]
    sample = shown_sample(net)
    picture = st.container()
    choice = st.container()
    with choice:
        draw_sample(net)
    with picture, st.grid(2, min_column_width=420, gap="medium"):
        with st.container():
            panels.show(network(net, sample, dark=panels.dark()), "lecture-network", numbers=True)
        with st.container():
            st.latex(fitted(rf"W^{{(0,1)}} = {matrix(net.w01, 2)}", hidden))
            st.latex(fitted(rf"W^{{(1,2)}} = {matrix(net.w12, 2)}", outputs))
            _pass(net, sample)


def _pass(net: SmallNetwork, sample: int) -> None:
    """The forward pass of a sample in rows of numbers, and what it shows."""
    (net01, net12), (y, o) = ([values[sample] for values in both] for both in (net.values.net, net.values.activation))
    lines = [
        rf"x_{{{sample + 1}}} &= {_row(net.x[sample])}",
        rf"net^{{(0,1)}} = x\, W^{{(0,1)}} &= {_row(net01)}",
        rf"y = S(net^{{(0,1)}}) &= {_row(y)}",
        rf"net^{{(1,2)}} = y\, W^{{(1,2)}} &= {_row(net12)}",
        rf"o = S(net^{{(1,2)}}) &= {_row(o)}",
        rf"d_{{{sample + 1}}} &= {_row(net.d[sample])}",
    ]
    st.latex(fitted(r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}", max(*net.w01.shape, len(o))))
    both = np.concatenate([net01, net12])
    out = np.concatenate([y, o])
    st.markdown(
        as_text(
            f"S squeezes net inputs from {number(both.min(), 3)} to {number(both.max(), 3)} into outputs from "
            f"{number(out.min(), 3)} to {number(out.max(), 3)}: no output can leave the range from 0 to 1. There are "
            f"{net.w01.size + net.w12.size} weights and no biases."
        )
    )


def _row(values: np.ndarray) -> str:
    return "(" + r", ".join(tex(float(value), 2) for value in values) + ")"
