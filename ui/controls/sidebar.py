"""The sidebar: named set-ups, every control of one run, and the resulting config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import ConfigError, RunConfig
from core.choices import TaskName
from core.data.datasets import DATASETS
from core.presets.setups import PRESETS
from ui.controls import fields
from ui.controls.upload import Given, TableRefused, check_duration, draw_obstacles, table_controls
from ui.session import session, session_by_name
from ui.text import as_text, typeset
from ui.urls import sync

_TASKS = {"regression": "Regression", "two-class": "Two classes", "multi-class": "Several classes"}


@dataclass(frozen=True, eq=False)
class Chosen:
    """The settings of a visitor.

    Attributes:
        config: the config; None where the settings are refused or a table is missing.
        refused: the reason why there is no config; None while a table is missing.
        given: the visitor's table, if the dataset is "custom" and there is one.
    """

    config: RunConfig | None
    refused: ConfigError | None
    given: Given | None = None

    @property
    def task(self) -> TaskName | None:
        """The task of the chosen data; None while a table is missing."""
        return self.given.prepared.task if self.given else DATASETS[session["dataset"]].task


def choose(start_from: Callable[[RunConfig | None], None] | None = None) -> Chosen:
    """Draws all controls and returns their settings.

    Args:
        start_from: draws the ready examples at the top, given the config; by default the named set-ups.
    """
    with st.sidebar:
        (start_from or _start_from)(read_early())  # the session has the values before their controls are drawn
        data, offer = _data()
        fields.draw_network()
        fields.draw_initialization()
        fields.draw_training()
        fields.draw_clipping()
        fields.draw_regularization()
        config, refused = _read(data)
        chosen = Chosen(config, refused, data if isinstance(data, Given) else None)
        with offer:
            _propose(chosen.task)
    return chosen


def read_early() -> RunConfig | None:
    """Return the config that `choose` will return, before its controls are drawn; None for a visitor's table."""
    return _read(None)[0]


def _read(data: Given | ConfigError | None) -> tuple[RunConfig | None, ConfigError | None]:
    if isinstance(data, ConfigError):
        return None, data
    try:
        config = fields.read_config(**({"samples": len(data.prepared.X)} if data else {}))
        if data is not None and config.dataset == "custom":
            check_duration(config, data)
    except ConfigError as error:
        return None, error
    return (None, None) if config.dataset == "custom" and data is None else (config, None)


def _data() -> tuple[Given | ConfigError | None, DeltaGenerator]:
    with st.expander("Data", key="group_data", expanded=st.query_params.get("dataset") == "custom"):
        fields.draw("dataset")
        chosen = DATASETS[session["dataset"]]
        about = f" {_TASKS[chosen.task]}. Source: {chosen.source}." if chosen.task else ""
        st.caption(as_text(chosen.description + about))
        data = table_controls() if chosen.name == "custom" else None
        offer = st.container()
        if isinstance(data, Given):
            st.text_input(
                "Samples",
                f"{len(data.prepared.X):,}",
                key=f"table_samples_{data.digest}",
                disabled=True,
                help="The rows of your table that are used.",
            )
        else:
            fields.draw_row("samples", "noise")
        fields.draw_row("holdout", "scaling")
    return data, offer


def _propose(task: TaskName | None) -> None:
    """Offers the loss and output activation recommended for the data as a button."""
    better = fields.recommended_output(task) if task else None
    if better:
        st.button(
            f"Use {' with '.join(_option_labels(better))}",
            key="use_recommended",
            help=f"The recommended loss and output activation for a {task} task.",
            on_click=fields.set_controls,
            kwargs=better,
            width="stretch",
        )


def _option_labels(changes: Mapping[str, str]) -> list[str]:
    return [fields.option_label(field, value).lower() for field, value in changes.items()]


def offer_fixes(error: ConfigError, task: TaskName | None) -> None:
    """Draws buttons that resolve a contradiction between the data, the loss and the output activation."""
    if isinstance(error, TableRefused):
        draw_obstacles(error)
    if error.field not in ("loss", "output_activation") or task is None:
        return
    fixes = [fields.recommended_output(task)]
    if session["loss"] == "mse":  # it accepts the targets of every task
        fixes.insert(0, {"output_activation": "linear"})
    with st.container(horizontal=True):
        for i, changes in enumerate(filter(None, fixes)):
            label = " with ".join(_option_labels(changes))
            st.button(
                f"Use {label}", key=f"fix_{i}", icon=":material/build:", on_click=fields.set_controls, kwargs=changes
            )


def _start_from(config: RunConfig | None) -> None:
    """Named set-ups; the box names the one that the controls stand at, and is empty beside all of them."""
    current = next((name for name, setup in PRESETS.items() if setup.config == config), None)
    about = "Named set-ups. Each sets every control."
    draw_presets("setup", PRESETS, current, apply=lambda setup: fields.apply(setup.config), about=about)
    if session["setup"]:
        st.caption(typeset(PRESETS[session["setup"]].description))
    draw_undo_and_reset(
        fields.apply,
        RunConfig(),
        is_default=config == RunConfig(),
        about="Sets every control to the deep sigmoid network with which the page opens.",
    )


def draw_undo_and_reset(apply: Callable[[Any], None], default: Any, *, is_default: bool, about: str) -> None:
    """Draws the buttons that take back the last action and all actions.

    Args:
        apply: a callback that sets every control of the page.
        default: its argument for Reset.
        is_default: whether the controls have the default settings.
        about: the help text of Reset.
    """
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Undo",
            key="undo_last",
            icon=":material/undo:",
            on_click=sync.undo_last,
            disabled=not sync.can_undo(),
            help="Restores the settings before the last action, as Back in the browser does.",
            width="stretch",
        )
        st.button(
            "Reset",
            key="reset",
            icon=":material/restart_alt:",
            on_click=apply,
            args=(default,),
            disabled=is_default,
            help=about,
            width="stretch",
        )


class Labeled(Protocol):
    """A preset as its box names it."""

    @property
    def label(self) -> str: ...


def draw_presets(
    key: str,
    presets: Mapping[str, Labeled],
    current: str | None,
    *,
    apply: Callable[[Any], None],
    about: str,
    otherwise: str = "custom settings",
) -> None:
    """Draws the box of ready settings, which is empty beside all of them.

    Args:
        current: the name of the one that the controls stand at, if any.
        otherwise: the words of the empty box.
        apply: sets every control to one.
        about: the box's help.
    """
    session_by_name[key] = current
    st.selectbox(
        "Start from",
        list(presets),
        index=None,
        format_func=lambda name: presets[name].label,
        placeholder=otherwise,
        key=key,
        on_change=_apply_preset,
        args=(key, presets, apply),
        help=about,
    )


def _apply_preset(key: str, presets: Mapping[str, Labeled], apply: Callable[[Any], None]) -> None:
    name = session_by_name[key]
    if name in presets:  # a browser may send any text
        apply(presets[name])
