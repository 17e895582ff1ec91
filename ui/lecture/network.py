"""The network as a function: its weights, a training set, and how it answers one sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core import ConfigError
from core.small_network import SmallNetwork, draw
from ui import panels
from ui.charts.network import indexed, network
from ui.charts.style import number
from ui.lecture.formulas import matrix, tex
from ui.text import as_text

SEEDS = 10_000


def section() -> SmallNetwork | None:
    """The controls and the picture; returns the network for the sections that work with it, None if it is refused."""
    st.header("2. The network", anchor="network")
    try:
        drawn, seed = _drawn()
        net = _edited(drawn, seed)
    except ConfigError as error:
        panels.refusal(error)
        return None
    _answer(net)
    return net


def _drawn() -> tuple[SmallNetwork, int]:
    """Sizes and seed; these rerun the page, since the error below is this network's."""
    with st.grid(5, min_column_width=130, gap="small", vertical_alignment="bottom"):
        sizes = [
            st.number_input(label, 1, most, value, key=key, bind="query-params", required=True)
            for label, key, value, most in (
                ("Inputs $I$", "net_i", 3, 5),
                ("Hidden $J$", "net_j", 3, 5),
                ("Outputs $K$", "net_k", 2, 5),
                ("Samples $N$", "net_n", 4, 6),
            )
        ]
        seed = st.number_input(
            "Seed", 0, SEEDS - 1, 0, key="net_seed", bind="query-params", required=True, help="Weights and training set are drawn from it."
        )
    st.button("Draw other weights", icon=":material/casino:", on_click=_draw_again)
    return draw(*sizes, seed), seed


def _draw_again() -> None:
    st.session_state["net_seed"] = (st.session_state["net_seed"] + 1) % SEEDS


def _edited(drawn: SmallNetwork, seed: int) -> SmallNetwork:
    """The same network with what a visitor wrote into its tables."""
    (inputs, hidden), outputs = drawn.w01.shape, drawn.w12.shape[1]
    which = f"{inputs}-{hidden}-{outputs}-{len(drawn.x)}-{seed}"
    tables = {
        "w01": ("W(0,1): from input i (row) to hidden j (column)", drawn.w01, [indexed("x", i) for i in range(inputs)],
                [indexed("y", j) for j in range(hidden)]),
        "w12": ("W(1,2): from hidden j (row) to output k (column)", drawn.w12, [indexed("y", j) for j in range(hidden)],
                [indexed("o", k) for k in range(outputs)]),
        "x": ("Inputs x of each sample n", drawn.x, range(1, len(drawn.x) + 1), [indexed("x", i) for i in range(inputs)]),
        "d": ("Targets d of each sample n", drawn.d, range(1, len(drawn.d) + 1), [indexed("d", k) for k in range(outputs)]),
    }  # fmt: skip
    given = {}
    with st.expander("Edit the weights and the training set", icon=":material/edit:"):
        with st.grid(2, min_column_width=280, gap="medium"):
            for name, (title, values, rows, columns) in tables.items():
                with st.container():
                    st.caption(title)
                    frame = pd.DataFrame(values, index=list(rows), columns=columns)
                    edited = st.data_editor(frame, key=f"net_{name}_{which}", alt=title)
                    given[name] = edited.to_numpy(dtype=float)
    return SmallNetwork(**given)


@st.fragment
def _answer(net: SmallNetwork) -> None:
    """The picture for one sample; choosing another one redraws nothing else."""
    (inputs, hidden), (samples, outputs) = net.w01.shape, net.d.shape
    st.markdown(
        f"$f: \\mathbb{{R}}^{{{inputs}}} \\to \\mathbb{{R}}^{{{outputs}}}$: {inputs} × {hidden} + {hidden} × {outputs} = "
        f"{net.w01.size + net.w12.size} weights and no biases turn an input $x$ into an output $o$. "
        "Point at a node for its formula with its numbers, or at an edge for its weight."
    )
    sample = st.segmented_control(
        "Sample",
        list(range(samples)),
        default=0,
        required=True,
        format_func=lambda n: f"n = {n + 1}",
        key=f"net_sample_{samples}",
        persist_state="session",
    )
    with st.grid(2, min_column_width=420, gap="medium"):
        panels.show(network(net, sample, dark=panels.dark()), "lecture-network", numbers=True)
        with st.container():
            st.latex(rf"W^{{(0,1)}} = {matrix(net.w01, 2)}")
            st.latex(rf"W^{{(1,2)}} = {matrix(net.w12, 2)}")
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
    st.latex(r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}")
    both, out = np.concatenate([net01, net12]), np.concatenate([y, o])
    st.markdown(
        as_text(
            f"S squeezes net inputs from {number(both.min(), 3)} to {number(both.max(), 3)} into outputs from "
            f"{number(out.min(), 3)} to {number(out.max(), 3)}: no output can leave the range from 0 to 1."
        )
    )


def _row(values: np.ndarray) -> str:
    return "(" + r",\; ".join(tex(float(value), 2) for value in values) + ")"
