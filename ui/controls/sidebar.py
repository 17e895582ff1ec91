"""The sidebar: where to start from, every control of one run, and the config they say."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core import ConfigError, RunConfig
from core.data.datasets import DATASETS
from core.presets.setups import PRESETS
from ui.controls import fields
from ui.controls.upload import Given, table_controls
from ui.text import as_text

_TASKS = {"regression": "Regression", "two-class": "Two classes", "multi-class": "Several classes"}


@dataclass(frozen=True, eq=False)
class Chosen:
    """What a visitor has set: a config, or why there is none (no reason: a table is missing); and the table brought."""

    config: RunConfig | None
    given: Given | None
    refused: ConfigError | None

    @property
    def task(self) -> str | None:
        """The task of the data chosen; None while a table is missing."""
        return self.given.prepared.task if self.given else DATASETS[st.session_state["dataset"]].task


def choose() -> Chosen:
    """Draws all controls and reads them."""
    with st.sidebar:
        start = st.container()
        data, offer = _data()
        fields.network()
        fields.initialization()
        fields.training()
        fields.clipping()
        fields.regularization()
        config, refused = _read(data)
        chosen = Chosen(config, data if isinstance(data, Given) else None, refused)
        with offer:
            _propose(chosen.task)
        with start:
            _start_from(config)
    return chosen


def _read(data: Given | ConfigError | None) -> tuple[RunConfig | None, ConfigError | None]:
    if isinstance(data, ConfigError):
        return None, data
    try:
        config = fields.read(**({"samples": len(data.prepared.X)} if data else {}))
    except ConfigError as error:
        return None, error
    return (None, None) if config.dataset == "custom" and data is None else (config, None)


def _data():
    with st.expander("Data", key="group_data", expanded=st.query_params.get("dataset") == "custom"):
        fields.draw("dataset")
        chosen = DATASETS[st.session_state["dataset"]]
        about = f" {_TASKS[chosen.task]}. Source: {chosen.source}." if chosen.task else ""
        st.caption(as_text(chosen.description + about))
        data = table_controls() if chosen.name == "custom" else None
        offer = st.container()
        fields.draw_row("samples", "noise")
        fields.draw_row("holdout", "scaling")
    return data, offer


def _propose(task: str | None) -> None:
    """Offers the loss and output activation that suit the data; nothing changes by itself."""
    better = fields.recommended_output(task) if task else None
    if better:
        st.button(
            f"Use {better['loss']} with {better['output_activation']}",
            key="use_suited",
            help=f"The loss and output activation that suit a {task} task.",
            on_click=fields.set_controls,
            kwargs=better,
            width="stretch",
        )


def offer_fixes(error: ConfigError, task: str | None) -> None:
    """Buttons that resolve a contradiction between the data, the loss and the output activation."""
    if error.field not in ("loss", "output_activation") or task is None:
        return
    ways = [fields.recommended_output(task)]
    if st.session_state["loss"] == "mse":  # any targets will do, so the loss can stay
        ways.insert(0, {"output_activation": "linear"})
    with st.container(horizontal=True):
        for i, way in enumerate(filter(None, ways)):
            label = " and ".join(f"{field.replace('_', ' ')} {value}" for field, value in way.items())
            st.button(
                f"Use {label}", key=f"mend_{i}", icon=":material/build:", on_click=fields.set_controls, kwargs=way
            )


def _start_from(config: RunConfig | None) -> None:
    """Named set-ups; the box names the one that the controls stand at, and is empty beside all of them."""
    st.session_state["setup"] = next((name for name, setup in PRESETS.items() if setup.config == config), None)
    st.selectbox(
        "Start from",
        list(PRESETS),
        index=None,
        format_func=lambda name: PRESETS[name].label,
        placeholder="your own settings",
        key="setup",
        on_change=_apply_setup,
        help="Named set-ups: each sets every control.",
    )
    if st.session_state["setup"]:
        st.caption(PRESETS[st.session_state["setup"]].description)
    st.button(
        "Reset",
        key="reset",
        icon=":material/restart_alt:",
        on_click=fields.apply,
        args=(RunConfig(),),
        disabled=config == RunConfig(),
        help="Sets every control back to the deep sigmoid network that the page opens with.",
        width="stretch",
    )


def _apply_setup() -> None:
    name = st.session_state["setup"]
    if name is not None:
        fields.apply(PRESETS[name].config)
