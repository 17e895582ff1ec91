"""The controls of one run: a widget for every field of RunConfig, whose key and URL parameter is the field's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, nextafter
from typing import Any

import streamlit as st

from core import RunConfig
from core.choices import TaskName
from core.config import Choice, Flag, Number
from core.data.datasets import DATASETS
from core.data.targets import recommended_losses
from core.families.activations import ACTIVATIONS, describe_activations
from core.families.class_weights import CLASS_WEIGHTS
from core.families.clipping import CLIPS
from core.families.initializers import INITS
from core.families.losses import LOSSES, OUTPUT_ACTIVATIONS
from core.families.normalization import NORMALIZATIONS
from core.families.optimizers import OPTIMIZERS
from core.families.schedules import SCHEDULES
from ui.session import session, session_by_name
from ui.urls import views
from ui.urls.link import CONTROL_RULES, DEFAULTS, FREE_TEXT_PARAMS, to_config, to_values
from ui.urls.sync import Parameters, update_address

Values = Mapping[str, Any]

LAB_PARAMETERS = Parameters(
    page="lab",
    rules=CONTROL_RULES | views.LAB,
    free=FREE_TEXT_PARAMS,
    defaults=DEFAULTS | views.LAB_DEFAULTS,
    view=frozenset(views.LAB),
    of_run=views.OF_RUN,
)


def keep_address() -> None:
    """Writes to the Lab's address what is opened or chosen in a fragment; for a callback, or within the fragment."""
    update_address(LAB_PARAMETERS)


REGISTRIES: dict[str, Mapping[str, Any]] = {
    "activation": ACTIVATIONS,
    "output_activation": OUTPUT_ACTIVATIONS,
    "init": INITS,
    "loss": LOSSES,
    "class_weight": CLASS_WEIGHTS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "clip": CLIPS,
    "normalization": NORMALIZATIONS,
}


@dataclass(frozen=True, kw_only=True)
class Control:
    """The presentation of one field.

    Attributes:
        label: the label of its widget.
        about: its help text, with its formula and a sensible range.
        step: the step of its buttons.
        empty: the placeholder of an empty field.
    """

    label: str
    about: str
    step: float = 1
    empty: str | None = None


_SCALINGS = {"standard": "Standardized", "none": "Raw numbers"}

CONTROLS: dict[str, Control] = {
    "dataset": Control(label="Dataset", about="What the network learns."),
    "samples": Control(
        label="Samples",
        about="$N$, the number of samples. Sensible: 64 to 1,000; the time of a step is proportional to it.",
        step=32,
    ),
    "noise": Control(
        label="Noise", about="Standard deviation of the normal noise added. Sensible: 0 to 0.5.", step=0.05
    ),
    "holdout": Control(
        label="Held out",
        about="Share of the samples that are not trained on but only measured. Sensible: 0 to 0.5.",
        step=0.1,
    ),
    "scaling": Control(
        label="Scaling",
        about=(
            "Standardized: inputs, and the targets of a real regression, are shifted and scaled to mean 0 and "
            "standard deviation 1, computed on the training samples. Raw numbers: the data as they are, as in many "
            "first networks."
        ),
    ),
    "activation": Control(label="Activation", about=r"$y = \varphi(net)$ in every hidden layer."),
    "layer_activations": Control(
        label="Activation of each layer",
        about=(
            "The activation of each hidden layer, from the input to the output, separated by commas, as many as there "
            "are layers; overrides the activation above. Names: " + ", ".join(ACTIVATIONS) + "."
        ),
        empty="relu,relu,tanh",
    ),
    "depth": Control(label="Depth", about="Hidden layers. Sensible: 1 to 50."),
    "width": Control(label="Width", about="Units in each hidden layer. Sensible: 8 to 128.", step=8),
    "hidden": Control(
        label="Width of each layer",
        about=(
            "The units of each hidden layer, from the input to the output, separated by commas; overrides depth and "
            "width."
        ),
        empty="64,32,16",
    ),
    "output_activation": Control(
        label="Output activation",
        about=(
            r"$o = \varphi(net)$ in the output layer. Binary cross-entropy needs sigmoid, cross-entropy needs softmax, "
            "and mean squared error accepts any but softmax."
        ),
    ),
    "bias": Control(label="Biases", about="$net = y W + b$; without biases $b = 0$ throughout."),
    "residual": Control(
        label="Residual",
        about=r"$y^l = y^{l-1} + \varphi(net^l)$ in every hidden layer that is as wide as the previous layer.",
    ),
    "normalization": Control(label="Normalization", about="Normalizes net in hidden layers, before the activation."),
    "norm_affine": Control(
        label="Learned gain and shift",
        about=r"$\gamma_j \hat z_{nj} + \beta_j$ enters the activation: a gain and a shift of each unit, trained from "
        r"$\gamma = 1$ and $\beta = 0$. Penalties and decay do not act on them.",
    ),
    "init": Control(
        label="Init",
        about=r"The distribution of the initial weights; $\sigma$ is the standard deviation of one weight.",
    ),
    "init_scale": Control(
        label="Init scale",
        about=(
            r"$g$, a factor of $\sigma$. Sensible: 0.1 to 4; gradients vanish at small values and explode at large "
            "ones."
        ),
        step=0.1,
    ),
    "bias_std": Control(
        label="Bias std", about=r"$b \sim N(0, \sigma_b^2)$ at initialization. Sensible: 0 to 1.", step=0.05
    ),
    "seed": Control(
        label="Seed",
        about="Determines the random draws of data, weights and batches: the same seed gives the same run.",
    ),
    "loss": Control(label="Loss", about="$E$, the mean over samples of the sum over outputs."),
    "class_weight": Control(
        label="Class weights",
        about=(
            "$a_c$, what each sample of class $c$ counts in $E$. Balanced: a rare class counts as much as a common "
            "one, so that always answering with the common one no longer pays."
        ),
    ),
    "optimizer": Control(label="Optimizer", about="The rule that turns the gradient into a step."),
    "learning_rate": Control(
        label="Learning rate",
        about=r"$\eta$ in $w \leftarrow w - \eta g$. Sensible: 0.001 to 0.1; for Adam and RMSprop a tenth of that.",
        step=0.005,
    ),
    "schedule": Control(
        label="Schedule", about=r"The course of the learning rate over the steps; $T$ is the length of the schedule."
    ),
    "schedule_steps": Control(
        label="Schedule length",
        about="$T$, the steps of the whole schedule; an empty field means all steps of the run. Sensible: all.",
        step=100,
        empty="all",
    ),
    "warmup_steps": Control(
        label="Warm-up",
        about=(
            r"In the first $w$ steps the learning rate rises linearly: $\eta_t (t + 1) / w$. Sensible: 0, or 5 to 10 % "
            "of the steps."
        ),
        step=10,
    ),
    "momentum": Control(
        label="Momentum", about=r"$\mu$ in $v \leftarrow \mu v + g$. Sensible: 0.5 to 0.99.", step=0.05
    ),
    "batch_size": Control(
        label="Batch size",
        about="The samples of one step; an empty field means all. Sensible: 16 to 128.",
        step=16,
        empty="all",
    ),
    "steps": Control(
        label="Steps", about="The number of updates; 0 shows the initialization only. Sensible: 100 to 2,000.", step=100
    ),
    "record_every": Control(
        label="Record every", about="The number of steps from one record to the next. Sensible: 1; 10 for long runs."
    ),
    "dtype": Control(
        label="Precision",
        about=(
            "float32 has about 7 digits and its smallest number is near $10^{-45}$; float64 has 16 digits and reaches "
            "$10^{-324}$."
        ),
    ),
    "clip": Control(label="Clip", about="Limits the gradient, including penalties, before the step."),
    "clip_threshold": Control(
        label="Threshold", about="$c$, the threshold of the rule. Sensible: 0.01 to 10.", step=0.1
    ),
    "l2": Control(
        label="L2",
        about=r"Adds $\lambda \sum w^2$ to the loss: gradient $2 \lambda w$. Sensible: $10^{-5}$ to $10^{-2}$.",
        step=0.001,
    ),
    "l1": Control(
        label="L1",
        about=r"Adds $\lambda \sum |w|$ to the loss: gradient $\pm\lambda$. Sensible: $10^{-5}$ to $10^{-2}$.",
        step=0.001,
    ),
    "weight_decay": Control(
        label="Weight decay",
        about=(
            r"$w \leftarrow w (1 - \eta \lambda)$ in each step, separate from the loss. Sensible: $10^{-4}$ to "
            "$10^{-1}$."
        ),
        step=0.01,
    ),
    "dropout": Control(
        label="Dropout",
        about=(
            "In each step and for each sample a hidden unit’s output is 0 with probability $p$, and divided by $1 - p$ "
            "otherwise. Measured on held-out samples the network has all its units. Sensible: 0, or 0.1 to 0.5."
        ),
        step=0.1,
    ),
    "max_norm": Control(
        label="Max norm",
        about=(
            "After each step the incoming weights of a unit are rescaled to this norm if theirs is larger. Sensible: "
            "0.5 to 4."
        ),
        step=0.5,
        empty="no limit",
    ),
}

# By field: a predicate on the values of the controls, and the reason where the field does not apply.
_APPLIES: dict[str, tuple[Callable[[Values], bool], str]] = {
    "samples": (lambda v: v["dataset"] != "custom", "your table determines the number of samples"),
    "noise": (lambda v: DATASETS[v["dataset"]].noise != "", "this dataset is used without added noise"),
    "depth": (lambda v: not v["hidden"], "the width of each layer is set below"),
    "width": (lambda v: not v["hidden"] and v["depth"] > 0, "the width of each layer is set elsewhere"),
    "activation": (
        lambda v: _has_hidden(v) and not v["layer_activations"],
        "there is no hidden layer, or the activation of each layer is set below",
    ),
    "layer_activations": (lambda v: _has_hidden(v), "there is no hidden layer"),
    "residual": (lambda v: _has_hidden(v), "there is no hidden layer"),
    "dropout": (lambda v: _has_hidden(v), "there is no hidden layer"),
    "normalization": (lambda v: _has_hidden(v), "there is no hidden layer"),
    "norm_affine": (
        lambda v: _has_hidden(v) and v["normalization"] != "none",
        "no layer is normalized",
    ),
    "bias_std": (
        lambda v: v["bias"] and INITS[v["init"]].bias_deviation is None,
        "the network has no biases, or the init draws them itself",
    ),
    "class_weight": (lambda v: DATASETS[v["dataset"]].task != "regression", "the targets are numbers, not classes"),
    "momentum": (lambda v: OPTIMIZERS[v["optimizer"]].uses_momentum, "the optimizer has no momentum"),
    "schedule_steps": (lambda v: v["schedule"] != "constant", "the schedule is constant"),
    "clip_threshold": (lambda v: v["clip"] != "none", "nothing is clipped"),
    **{
        field: (lambda v: v["steps"] > 0, "steps is 0, so nothing is trained")
        for field in (
            "optimizer",
            "learning_rate",
            "schedule",
            "record_every",
            "weight_decay",
            "max_norm",
            "warmup_steps",
        )
    },
}


def _has_hidden(values: Values) -> bool:
    return bool(values["hidden"]) or values["depth"] > 0


def reason_against(field: str, values: Any) -> str | None:
    """Why a field does not apply beside these values of the others; None when it does."""
    applies, reason = _APPLIES.get(field, (None, ""))
    return None if applies is None or applies(values) else reason


# -- drawing ----------------------------------------------------------------------------------------------------


def draw(field: str) -> None:
    """Draws the widget of one field; `ui.urls.sync` has set its value."""
    if views.is_hidden(field):
        return
    control = CONTROLS[field]
    rule = CONTROL_RULES.get(field)
    reason = reason_against(field, session_by_name)
    common: dict[str, Any] = {
        "label": control.label,
        "key": field,
        "help": _help(field, control, reason),
        "disabled": reason is not None or views.is_locked(field),
    }
    if rule is None:
        st.text_input(placeholder=control.empty, max_chars=4000, **common)
    elif isinstance(rule, Flag):
        st.toggle(**common)
    elif isinstance(rule, Choice):
        st.selectbox(options=rule.names, format_func=lambda name: option_label(field, name), **common)
    else:
        st.number_input(placeholder=control.empty, **common, **number_options(rule, control.step))


def number_options(rule: Number, step: float) -> dict[str, Any]:
    """Options of a number input that allows what a rule allows, but for its label, key and help.

    Whole numbers are floats here too: Streamlit would truncate 3.7 to 3 and fail at infinity.
    """
    return {
        "min_value": nextafter(rule.low, inf) if rule.low_open else float(rule.low),
        "max_value": None if rule.high == inf else nextafter(rule.high, 0) if rule.high_open else float(rule.high),
        "value": None if rule.optional else "min",
        "step": float(step),
        "format": "%.10g" if rule.integer else "%.6g",
    }


def option_label(field: str, name: Any) -> str:
    """The label of one option of a field, such as "He normal" for "he_normal", or of the activations of all layers."""
    if field == "activation":
        return describe_activations(name)
    member = (DATASETS if field == "dataset" else REGISTRIES.get(field, {})).get(name)
    if member is not None:
        return member.label
    return _SCALINGS[name] if field == "scaling" else name.capitalize() if name == "none" else name


def _help(field: str, control: Control, reason: str | None) -> str:
    parts = [control.about]
    if reason is not None:
        parts.insert(0, f"**Does not apply: {reason}.**")
    registry = REGISTRIES.get(field)
    member = registry.get(session_by_name.get(field, DEFAULTS[field])) if registry else None
    if member is not None:
        parts.append(f"{member.label}: ${member.formula}$")
        parts.append(f"Source: {member.source}.")
    return "\n\n".join(parts)


def draw_row(*fields: str) -> None:
    """Draws the widgets of some fields in a row."""
    for column, field in zip(st.columns(len(fields)), fields, strict=True):
        with column:
            draw(field)


def draw_network() -> None:
    """Draws activation, depth and width, and the other controls of the network in a group."""
    first = st.container()
    second = st.container()
    more = st.expander("More on the network", key="group_network")
    # A control is drawn after those that decide whether it applies.
    with more:
        draw("hidden")
        draw("layer_activations")
    with second:
        draw_row("depth", "width")
    with first:
        draw("activation")
    with more:
        for field in ("output_activation", "normalization", "norm_affine", "residual", "bias"):
            draw(field)


def draw_initialization() -> None:
    """Draws init and its scale, and biases and seed in a group."""
    draw("init")
    draw("init_scale")
    with st.expander("More on the initialization", key="group_init"):
        draw_row("bias_std", "seed")


def draw_training() -> None:
    """Draws loss, optimizer, steps and recording in a group."""
    with st.expander("Training", key="group_training"):
        draw("loss")
        draw("class_weight")
        draw_row("steps", "record_every")
        draw("optimizer")
        draw_row("learning_rate", "momentum")
        draw("schedule")
        draw_row("schedule_steps", "warmup_steps")
        draw_row("batch_size", "dtype")


def draw_clipping() -> None:
    """Draws the clipping rule and its threshold."""
    draw_row("clip", "clip_threshold")


def draw_regularization() -> None:
    """Draws L2, and the other penalties in a group."""
    draw("l2")
    with st.expander("More on regularization", key="group_regularization"):
        draw_row("l1", "weight_decay")
        draw_row("max_norm", "dropout")


def read_config(**overrides: Any) -> RunConfig:
    """The config of the controls; overrides are fields that a visitor's table determines.

    Raises:
        ConfigError: settings that contradict each other.
    """
    return to_config({key: session_by_name[key] for key in DEFAULTS} | overrides)


def apply(config: RunConfig) -> None:
    """Sets every control to this config; for use in callbacks, which run before the controls are drawn."""
    set_controls(**to_values(config))


def set_controls(**changes: Any) -> None:
    """Sets some controls; for use in callbacks."""
    for key, value in changes.items():
        number = isinstance(CONTROL_RULES.get(key), Number) and value is not None
        session_by_name[key] = float(value) if number else value


def recommended_output(task: TaskName) -> dict[str, str] | None:
    """The loss and output activation recommended for a task; None where the controls have them."""
    loss, output = recommended_losses(task)
    if (session["loss"], session["output_activation"]) == (loss, output):
        return None
    return {"loss": loss, "output_activation": output}
