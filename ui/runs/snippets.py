"""The lines that record a run in each framework, and the recorder as a file to copy."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

import core

SNIPPETS: dict[str, str] = {
    "PyTorch": """\
from gradient_flow_lab.recorder import record

with record(model, "run.jsonl.gz", every=10, optimizer=optimizer) as run:
    for x, y in loader:  # your own loop
        ...
        loss.backward()
        run.step(loss)  # before optimizer.step()
""",
    "Keras": """\
from gradient_flow_lab.recorder import keras_callback  # Keras 3, KERAS_BACKEND=torch

record = keras_callback("run.jsonl.gz", every=10)
model.fit(x, y, callbacks=[record])
""",
    "JAX": """\
from gradient_flow_lab.recorder import record_tree

with record_tree(params, "run.jsonl.gz", every=10) as run:
    for batch in batches:  # your own loop
        loss, grads = jax.value_and_grad(compute_loss)(params, batch)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        run.step(grads, params, loss=loss, updates=updates)
        params = optax.apply_updates(params, updates)
""",
}
NOTES: dict[str, str] = {
    "PyTorch": "Clipping: call run.clipped() after clip_grad_norm_. Mixed precision: run.step(loss, scaler=scaler). "
    "Dead and saturated units: record(..., activations=True).",
    "Keras": "A callback sees gradients on the torch backend only; on others, write the loop and use record_tree.",
    "JAX": "Any pytree of parameters: Flax, Haiku, Equinox or plain dictionaries.",
}
# The recorder stands beside the folder of core in the package, and beside its parent's other child in a checkout.
_PLACES = ("recorder.py", "gradient_flow_lab/recorder.py")


def read_recorder() -> bytes:
    """The source of the recorder, which may be copied alone."""
    above = Path(core.__file__).parents[1]
    path = next(above / place for place in _PLACES if (above / place).is_file())
    return path.read_bytes()


def draw_snippets() -> None:
    """Draws the lines to record a run with, a tab a framework, and the recorder to download."""
    tabs = st.tabs(list(SNIPPETS))
    for tab, (framework, code) in zip(tabs, SNIPPETS.items(), strict=True):
        with tab:
            st.code(code, language=None, wrap_lines=True)  # the colors of code have too little contrast
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.download_button(
                    "recorder.py",
                    read_recorder,
                    "recorder.py",
                    "text/x-python",
                    key=f"download_recorder_{framework}",
                    on_click="ignore",
                    icon=":material/download:",
                    help="One file that needs nothing but your framework: put it beside your script and import it.",
                )
                st.caption(NOTES[framework], width="stretch")
