"""The sidebar: where to start from, every control of one run, and the config they say."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core import ConfigError, RunConfig
from core.datasets import DATASETS
from core.presets import SETUPS
from ui import controls, link
from ui.upload import Given, table_controls


@dataclass(frozen=True, eq=False)
class Chosen:
    """What a visitor has set: a config, or why there is none; a table of his own; and what was odd in the URL."""

    config: RunConfig | None
    given: Given | None
    refused: ConfigError | None
    remarks: tuple[str, ...]

    @property
    def task(self) -> str | None:
        """The task of the data chosen; None while a table is missing."""
        return self.given.prepared.task if self.given else DATASETS[st.session_state["dataset"]].task


def choose() -> Chosen:
    """Draws all controls and reads them."""
    with st.sidebar:
        start = st.container()
        data, proposal = _data()
        controls.network()
        controls.initialisation()
        controls.training()
        controls.clipping()
        controls.regularisation()
        config, refused = _read(data)
        chosen = Chosen(config, data if isinstance(data, Given) else None, refused, _remarks(config))
        with proposal:
            _propose(chosen.task)
        with start:
            _start_from(config)
    return chosen


def _read(data: Given | ConfigError | None) -> tuple[RunConfig | None, ConfigError | None]:
    if isinstance(data, ConfigError):
        return None, data
    try:
        config = controls.read(**({"samples": len(data.prepared.X)} if data else {}))
    except ConfigError as error:
        return None, error
    if config.dataset == "custom" and data is None:
        return None, ConfigError("dataset", "custom", "bring a table first: a CSV file, in the sidebar under Data")
    return config, None


def _data():
    with st.expander("Data", key="group_data", expanded=st.query_params.get("dataset") == "custom"):
        controls.draw("dataset")
        chosen = DATASETS[st.session_state["dataset"]]
        st.caption(chosen.description)
        data = table_controls() if chosen.name == "custom" else None
        proposal = st.container()
        controls.beside("samples", "noise")
        controls.draw("holdout")
    return data, proposal


def _propose(task: str | None) -> None:
    """Offers the loss and output activation that suit the data; nothing changes by itself."""
    better = controls.proposal(task) if task else None
    if better:
        st.button(
            f"Use {better['loss']} with {better['output_activation']}",
            key="use_suited",
            help=f"The loss and output activation that suit a {task} task.",
            on_click=controls.change,
            kwargs=better,
            width="stretch",
        )


def _start_from(config: RunConfig | None) -> None:
    """Named set-ups; the box names the one that the controls stand at, and is empty beside all of them."""
    st.session_state["setup"] = next((name for name, setup in SETUPS.items() if setup.config == config), None)
    st.selectbox(
        "Start from",
        list(SETUPS),
        index=None,
        format_func=lambda name: SETUPS[name].label,
        placeholder="your own settings",
        key="setup",
        on_change=_apply_setup,
        help="Named set-ups: each sets every control.",
    )
    if st.session_state["setup"]:
        st.caption(SETUPS[st.session_state["setup"]].description)
    st.button(
        "Reset",
        key="reset",
        icon=":material/restart_alt:",
        on_click=controls.apply,
        args=(RunConfig(),),
        disabled=config == RunConfig(),
        help="Sets every control back to the deep sigmoid network that the page opens with.",
        width="stretch",
    )


def _apply_setup() -> None:
    name = st.session_state["setup"]
    if name is not None:
        controls.apply(SETUPS[name].config)


def _remarks(config: RunConfig | None) -> tuple[str, ...]:
    """What in the URL was not taken as it stood, until a control changes."""
    if "url" not in st.session_state:
        odd = link.faults({name: st.query_params.get_all(name) for name in st.query_params})
        st.session_state["url"] = config, tuple(_remark(name, sentence) for name, sentence in odd.items())
    first, remarks = st.session_state["url"]
    return remarks if config == first else ()


def _remark(name: str, sentence: str) -> str:
    return f"{sentence}; it is {st.session_state[name]} now." if name in link.CONTROL_RULES else f"{sentence}."
