"""The network as a function: its weights, a training set, and how it answers one sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from core import ConfigError
from core.config import RULES, Number
from core.lecture.small_network import SAMPLES, SIZE, SmallNetwork, draw
from ui import panels
from ui.charts.network import indexed, network
from ui.charts.style import number
from ui.lecture.formulas import fitted, matrix, tex
from ui.text import as_text

SEED = RULES["seed"]
ADDRESS = dict.fromkeys(("net_i", "net_j", "net_k"), SIZE) | {"net_n": SAMPLES, "net_seed": SEED}


def section() -> SmallNetwork | None:
    """The controls and the picture; returns the network for the sections that work with it, None if it is refused."""
    st.header("2. The network", anchor="network")
    try:
        drawn, seed = _drawn()
        net = _edited(drawn, seed)
    except ConfigError as error:
        panels.show_error(error)
        return None
    _answer(net)
    return net


def _drawn() -> tuple[SmallNetwork, int]:
    """Sizes and seed; these rerun the page, since the error below is this network's."""
    with st.grid(5, min_column_width=130, gap="small", vertical_alignment="bottom"):
        sizes = [
            _whole("Inputs I", SIZE, 3, "net_i"),
            _whole("Hidden J", SIZE, 3, "net_j"),
            _whole("Outputs K", SIZE, 2, "net_k"),
            _whole("Samples N", SAMPLES, 4, "net_n"),
        ]
        seed = _whole("Seed", SEED, 0, "net_seed")
    st.button("Draw other weights", icon=":material/casino:", on_click=_draw_again)
    return draw(*sizes, seed), int(seed)


def _whole(label: str, rule: Number, value: int, key: str) -> float:
    """A float, since of an integer Streamlit would cut 3.7 down to 3, and break at infinity."""
    given = st.number_input(
        label, float(rule.low), float(rule.high), float(value), 1.0, "%.10g", key=key, bind="query-params"
    )
    return value if given is None else given


def _draw_again() -> None:
    seed = st.session_state["net_seed"] or 0
    st.session_state["net_seed"] = 0.0 if seed == SEED.high else seed + 1


def _edited(drawn: SmallNetwork, seed: int) -> SmallNetwork:
    """The same network with what a visitor wrote into its tables."""
    (inputs, hidden), outputs = drawn.w01.shape, drawn.w12.shape[1]
    which = f"{inputs}-{hidden}-{outputs}-{len(drawn.x)}-{seed}"
    x, y, o, d = ([indexed(letter, k) for k in range(size)] for letter, size in
                  (("x", inputs), ("y", hidden), ("o", outputs), ("d", outputs)))  # fmt: skip
    samples = list(range(1, len(drawn.x) + 1))
    tables = {
        "w01": ("W(0,1): from input i (row) to hidden j (column)", drawn.w01, x, y),
        "w12": ("W(1,2): from hidden j (row) to output k (column)", drawn.w12, y, o),
        "x": ("Inputs x of each sample n", drawn.x, samples, x),
        "d": ("Targets d of each sample n", drawn.d, samples, d),
    }
    given = {}
    with st.expander("Edit the weights and the training set", icon=":material/edit:"):
        with st.grid(2, min_column_width=280, gap="medium"):
            for name, (title, values, rows, columns) in tables.items():
                with st.container():
                    st.caption(title)
                    frame = pd.DataFrame(values, index=rows, columns=columns)
                    edited = st.data_editor(frame, key=f"net_{name}_{which}", alt=title)
                    given[name] = edited.to_numpy(dtype=float)
    return SmallNetwork(**given)


@st.fragment
def _answer(net: SmallNetwork) -> None:
    """The picture for one sample; choosing another one redraws nothing else."""
    (inputs, hidden), (samples, outputs) = net.w01.shape, net.d.shape
    st.markdown(
        f"$f: \\mathbb{{R}}^{{{inputs}}} \\to \\mathbb{{R}}^{{{outputs}}}$: "
        f"{inputs} × {hidden} + {hidden} × {outputs} = {net.w01.size + net.w12.size} weights and no biases turn an "
        "input $x$ into an output $o$. "
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
    both, out = np.concatenate([net01, net12]), np.concatenate([y, o])
    st.markdown(
        as_text(
            f"S squeezes net inputs from {number(both.min(), 3)} to {number(both.max(), 3)} into outputs from "
            f"{number(out.min(), 3)} to {number(out.max(), 3)}: no output can leave the range from 0 to 1."
        )
    )


def _row(values: np.ndarray) -> str:
    return "(" + r", ".join(tex(float(value), 2) for value in values) + ")"
