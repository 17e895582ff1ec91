"""The words of the dashboard, one hover away on every page."""

from __future__ import annotations

import streamlit as st

TERMS: dict[str, str] = {
    r"$\mathit{net}^l$": "net input of layer $l$: the weighted sum that enters its activation",
    r"$\varphi$, $\varphi'$": "activation and its slope; $y = \\varphi(\\mathit{net})$",
    r"$\delta^l$ (delta)": r"$\partial E / \partial \mathit{net}^l$, what is passed back from layer to layer",
    r"$\partial E / \partial W^l$": "weight gradient: what the optimizer subtracts; $\\delta$ times the layer’s input",
    "norm": "length of all of a layer’s numbers: root of the sum of their squares",
    "vanish, explode": "the norm shrinks, or grows, by the same factor from layer to layer towards the input",
    "saturated": "a unit whose slope is under 5 % of the activation’s largest slope",
    "dead": "a unit that is flat on every sample, so that it cannot learn",
    "init, init scale": r"how the first weights are drawn; $\sigma_w$ in $w \sim N(0, \sigma_w^2 / n)$",
    "clipping": "shortens a gradient that is longer than a threshold",
    r"learning rate $\eta$": r"$w \leftarrow w - \eta\, \partial E / \partial w$",
    "band": "where the gradient of 95 % of such networks lies at the start, by theory",
}


def markdown() -> str:
    """The glossary as Markdown, a line a term."""
    return "\n".join(f"- **{term}**: {meaning}" for term, meaning in TERMS.items())


def draw() -> None:
    """Draws the word that shows the glossary when the pointer or the focus is on it."""
    with st.container(key="glossary", width="content"):
        st.caption("Glossary", help=markdown(), width="content")
