"""The values of Streamlit's session: every key, and the type of its value.

`session` is `st.session_state` for the keys that are named here; a type checker refuses any other key, and a value of
another type. Keys that are put together from a name and a part go through `session_by_name`, and COMPOSED has their
forms.

A page's settings have the names of their parameters in the address (see `ui.urls.sync`). Streamlit's number inputs are
fractional here, since it would cut 3.7 to 3; so whole numbers are floats too.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

import streamlit as st

from core.choices import TaskName

if TYPE_CHECKING:  # types alone: modules that these come from read the session themselves
    import pandas as pd
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from core.comparison.arms import Arm
    from core.config import RunConfig
    from core.errors import ConfigError
    from core.papers.report import Result
    from core.sweeps.grid import Grid
    from ui.lab.background import BegunTraining
    from ui.lecture.steps import DescentState
    from ui.runtime.jobs import Run
    from ui.scenes import Scene


class RunControls(TypedDict, total=False):
    """The settings of a run, by the fields of RunConfig."""

    dataset: str
    samples: float
    noise: float
    holdout: float
    scaling: str
    depth: float
    width: float
    hidden: str  # units of each layer as text; empty where depth and width say them
    activation: str
    layer_activations: str  # of each layer as text; empty where all have the one above
    output_activation: str
    bias: bool
    residual: bool
    normalization: str
    init: str
    init_scale: float
    bias_std: float
    loss: str
    optimizer: str
    learning_rate: float
    momentum: float
    batch_size: float | None
    steps: float
    schedule: str
    schedule_steps: float | None
    warmup_steps: float
    clip: str
    clip_threshold: float
    l1: float
    l2: float
    weight_decay: float
    max_norm: float | None
    record_every: float
    dtype: str
    seed: float
    class_weight: str
    dropout: float
    norm_affine: bool


class Frame(TypedDict, total=False):
    """The frame around a picture."""

    hide: str  # names of controls, separated by commas
    lock: str
    text: str  # "on" or "off"
    step: float | None  # at which the picture opens; None for that of the verdict
    axis: str  # two powers of ten


class LabView(TypedDict, total=False):
    """The Lab's view of a run; a panel is open where its value is true."""

    quantity: str
    relative: bool
    open_layer: float | None
    layer_step: float
    live: bool
    more: bool
    inside: bool
    inside_step: float
    inside_quantity: str
    why: bool
    sharpness: bool
    numbers: bool
    trial_seen: Run | None  # whose suggestions wait to be tried
    live_moved: bool  # the next script draws for a slider that was let go
    live_slider: dict[str, Any]  # what the slider in the browser sent
    begun: BegunTraining  # the training that this session began last
    shown: tuple[Run | None, Run]  # the run before this one, and this one
    pictured: Run  # whose picture the page has
    pinned: list[Arm]  # settings added to the comparison


class TableControls(TypedDict, total=False):
    """The reading and the use of a visitor's table; None is recognized from the file."""

    table_file: Any  # as Streamlit holds an upload
    table_digest: str  # of the file that these choices belong to
    table_header: bool | Literal["two"] | None
    table_delimiter: str | None
    table_encoding: str | None
    table_decimal: str | None
    table_day_first: bool | None
    table_skip: int | None
    table_skip_footer: int | None
    table_sheet: str | None
    table_kinds: dict[str, str]  # kind by column, where a visitor has chosen
    table_target: str
    table_more_targets: list[str]
    table_task: TaskName | None
    table_one_class: str | None
    table_left_out: list[str]
    table_index: bool
    table_date_parts: list[str]
    table_classes: list[str]
    table_fill: bool
    table_drop: bool
    table_rows: int | None
    table_confirmed: bool
    table_version: int  # of the table of columns: another one is without edits


class CompareControls(TypedDict, total=False):
    """A comparison and what is shown of it."""

    vary: str
    arms: str  # as one line
    seeds: float
    arm_editor: bool
    arm_chips: list[str]
    arm_added: str | None
    arm_error: ConfigError | None  # why the last change of an arm was refused
    varied: str | None  # the field that varied when the page was last drawn
    compared: tuple[str | None, str, RunConfig | None]  # that field, the line of arms and the base
    compare_quantity: str
    compare_more: bool
    compare_shown: bool  # a comparison has been drawn in this visit


class SweepControls(TypedDict, total=False):
    """A map of two settings and what is shown of it; its axes are in COMPOSED."""

    activations: list[str]
    x: str
    y: str
    per_cell: float
    show: str
    base: str  # as one line
    base_field: str | None
    base_error: ConfigError
    at: str  # activation and two positions of the chosen cell
    sweep_started: Grid | None
    sweep_stopped: Grid | None


class RunsControls(TypedDict, total=False):
    """The recordings shown, and which of their tensors."""

    example: str
    beside: str
    runs_more: bool
    runs_more_beside: bool
    tensors: str
    pattern: str
    order: str
    norm: str
    relative_norm: bool


class LectureControls(TypedDict, total=False):
    """The lecture's sections; a surface's numbers and the answers are in COMPOSED."""

    section: str
    descent: str
    exercise: float
    exercise_numbers: str  # a visitor's own, as one line
    answers: str
    walk: str
    exercise_eta: float
    exercise_walk: DescentState  # the walk of the address, computed
    exercise_fault: tuple[float, ConfigError] | None
    exercise_version: int  # of its tables: another one is without edits
    exercise_shown: tuple[int, str]
    exercise_solution: bool
    exercise_weight: str
    mine: str
    net_i: float
    net_j: float
    net_k: float
    net_n: float
    net_seed: float
    net_sample: float
    net_edited: tuple[Any, dict[str, pd.DataFrame]]  # the tables as they were left, by the network they belong to
    bowl_condition: float
    bowl_rotation: float
    sigmoid_z: float
    sigmoid_beside: list[str]
    stack_activation: str
    stack_layers: float
    stack_scale: float
    cure: str  # that a frame shows
    stack_path: bool
    error_output: str


class PresentControls(TypedDict, total=False):
    """The presenting mode."""

    lesson: str
    scene: float
    link: str
    presented: Scene | None
    present_step: int | None
    present_blank: bool
    present_notes: bool
    present_revealed: bool


# Keys with hyphens: a panel of the Lab, and what is selected in charts.
Hyphenated = TypedDict(
    "Hyphenated", {"how-we-know": bool, "lecture-contours": Any, "lecture-sigmoid": Any}, total=False
)


class Session(
    RunControls,
    Frame,
    LabView,
    TableControls,
    CompareControls,
    SweepControls,
    RunsControls,
    LectureControls,
    PresentControls,
    Hyphenated,
    total=False,
):
    """Everything that a visit remembers, also from one page to the next."""

    routed: bool  # the page runs through app.py
    visit_begun: bool
    address_page: str  # the page whose address was last kept in step
    control_values: dict[str, Any]  # every setting as it was last, also of pages that are not shown
    undo: dict[str, list[dict[str, Any]]]  # settings before each action, by page
    invalid_params: dict[str, str]  # a sentence by parameter
    checked_params: tuple[str, ...]
    first: list[Any]  # values of the controls when the page first explained them
    setup: str | None  # the preset of the Lab that the settings are
    ready: str | None  # the same on Compare and Sweep
    kept_files: dict[str, list[UploadedFile]]  # files of this visit, by the key of their field
    config_file: Any  # as Streamlit holds an upload
    comparison_file: Any
    picture: str  # format of saved pictures
    share: bool
    share_embed_asked: bool
    share_code: bool
    embed_size: str
    embed_words: bool
    embed_hide: list[str]
    embed_lock: list[str]
    fresh_papers: dict[str, Result]  # made in this visit
    paper_shown: str


# Keys that are put together: {} stands for a name or a number.
COMPOSED = {
    "{}_fault": "ConfigError or None: why an uploaded file of settings is refused, by the key of its field",
    "bar_{}": "the phone bar's copy of a setting, by its name",
    "{}_reached": "bool: a visitor has come near what is drawn below the screen, by its key",
    "{}_of": "str: the chart whose numbers are shown, by the key of the box",
    "{}-numbers": "bool: the numbers of a chart are open, by its key",
    "figure_{}": "int: the figure of a paper that a frame shows",
    "{}_{}": "float or None: an end or the count of a sweep's axis, by the axis and the part",
    "{}_spacing": "str: of a sweep's axis",
    "{}_eta": "float: learning rate on a surface, by its name",
    "{}_x": "float: where descent on a surface starts",
    "{}_y": "float: where descent on a surface starts",
    "{}_steps": "float: how many steps descent on a surface takes",
    "{}_step": "int: which of them is shown",
    "mine_{}": "float or None: a gradient that a visitor computed, by the weight's position",
    "blank_{}": "str or None: the symbol in a blank, by its number",
    "chain_{}_{}": "list[str]: the factors chosen for a weight's chain, by its indices and layer",
    "{}_start": "DataFrame: a table as it was opened, by its key",
    "{}_left": "DataFrame: the same as it was left",
    "table_columns_{}": "dict: edits of the table of columns, by its version",
    "table_samples_{}": "float: rows of a visitor's table that are used, by its digest",
    "base_changes_{}": "list[str]: settings of a sweep's base, by its line",
    "arm_name_{}": "str: of an arm, by its position and settings",
    "arm_changes_{}": "list[str]: settings of an arm",
    "arm_set_{}": "str or None: the setting of an arm that is being changed",
    "remove_{}": "bool: the button that forgets the file of a field, by its key",
    "cell_{}": "the activation or a position of a sweep's chosen cell",
}

session = cast(Session, st.session_state)
session_by_name: MutableMapping[Any, Any] = st.session_state
