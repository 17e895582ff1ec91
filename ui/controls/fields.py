"""The controls of one run: a widget for every field of RunConfig, bound to the URL under the field's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, nextafter

import streamlit as st

from core import RunConfig
from core.config import Choice, Flag, Number
from core.data.datasets import DATASETS, recommended_losses
from core.families.activations import ACTIVATIONS
from core.families.clipping import CLIPS
from core.families.initializers import INITS
from core.families.losses import LOSSES, OUTPUT_ACTIVATIONS
from core.families.normalization import NORMALIZATIONS
from core.families.optimizers import OPTIMIZERS
from ui.urls.link import CONTROL_RULES, DEFAULTS, to_config, to_values

Values = Mapping[str, object]

REGISTRIES: dict[str, Mapping[str, object]] = {
    "activation": ACTIVATIONS,
    "output_activation": OUTPUT_ACTIVATIONS,
    "init": INITS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "clip": CLIPS,
    "normalization": NORMALIZATIONS,
}


@dataclass(frozen=True)
class Control:
    """What a visitor sees of one field: its label, what it is with its formula and a sensible range, the step of
    its arrows, and what an empty one says."""

    label: str
    about: str
    step: float = 1
    empty: str | None = None


CONTROLS: dict[str, Control] = {
    "dataset": Control("Dataset", "What the network learns."),
    "samples": Control("Samples", "$N$ samples are drawn. Sensible: 64 to 1,000; a step takes time in proportion.", 32),
    "noise": Control("Noise", "Standard deviation of the normal noise added. Sensible: 0 to 0.5.", 0.05),
    "holdout": Control("Held out", "Share of the samples kept from training, only measured. Sensible: 0 to 0.5.", 0.1),
    "scaling": Control(
        "Scaling",
        "standard: inputs, and the targets of a real regression, are shifted and scaled to mean 0 and standard "
        "deviation 1, by the training samples. none: raw numbers, as a beginner's first network gets them.",
    ),
    "activation": Control("Activation", r"$y = \varphi(net)$ in every hidden layer."),
    "depth": Control("Depth", "Hidden layers. Sensible: 1 to 50."),
    "width": Control("Width", "Units in each hidden layer. Sensible: 8 to 128.", 8),
    "hidden": Control(
        "Width of each layer",
        "Units layer by layer from the input on, separated by commas; overrides depth and width.",
        empty="such as 64,32,16",
    ),
    "output_activation": Control(
        "Output activation",
        r"$o = \varphi(net)$ in the output layer. bce needs sigmoid, cross_entropy softmax, mse anything but softmax.",
    ),
    "bias": Control("Biases", "$net = y W + b$; without biases $b = 0$ throughout."),
    "residual": Control("Residual", r"$y^l = y^{l-1} + \varphi(net^l)$ in hidden layers as wide as the one before."),
    "normalization": Control("Normalization", "Of net in hidden layers, before the activation; no learned scale."),
    "init": Control("Init", r"How the weights are drawn; $\sigma$ is the standard deviation of an entry."),
    "init_scale": Control(
        "Init scale", r"$g$, which multiplies $\sigma$. Sensible: 0.1 to 4; small vanishes, large explodes.", 0.1
    ),
    "bias_std": Control("Bias std", r"$b \sim N(0, \sigma_b^2)$ at initialization. Sensible: 0 to 1.", 0.05),
    "seed": Control("Seed", "Data, weights and batches are drawn from it: the same seed gives the same run."),
    "loss": Control("Loss", "$E$, a mean over samples of a sum over outputs."),
    "optimizer": Control("Optimizer", "How the step is made from the gradient."),
    "learning_rate": Control(
        "Learning rate",
        r"$\eta$ in $w \leftarrow w - \eta g$. Sensible: 0.001 to 0.1; with adam and rmsprop a tenth of that.",
        0.005,
    ),
    "momentum": Control("Momentum", r"$\mu$ in $v \leftarrow \mu v + g$. Sensible: 0.5 to 0.99.", 0.05),
    "batch_size": Control("Batch size", "Samples of one step; empty takes all. Sensible: 16 to 128.", 16, "all"),
    "steps": Control("Steps", "Updates made; 0 shows the initialization only. Sensible: 100 to 2,000.", 100),
    "record_every": Control("Record every", "Steps from one record to the next. Sensible: 1; 10 for long runs."),
    "dtype": Control(
        "Precision", "float32 has about 7 digits and nothing below $10^{-45}$; float64 has 16, and $10^{-324}$."
    ),
    "clip": Control("Clip", "Limits the gradient, penalties and all, before the step."),
    "clip_threshold": Control("Threshold", "$c$ of the rule. Sensible: 0.01 to 10.", 0.1),
    "l2": Control(
        "L2", r"Adds $\lambda \sum w^2$ to the loss: gradient $2 \lambda w$. Sensible: $10^{-5}$ to $10^{-2}$.", 0.001
    ),
    "l1": Control(
        "L1", r"Adds $\lambda \sum |w|$ to the loss: gradient $\pm\lambda$. Sensible: $10^{-5}$ to $10^{-2}$.", 0.001
    ),
    "weight_decay": Control(
        "Weight decay",
        r"$w \leftarrow w (1 - \eta \lambda)$ in each step, apart from the loss. Sensible: $10^{-4}$ to $10^{-1}$.",
        0.01,
    ),
    "max_norm": Control(
        "Max norm",
        "After each step a unit's incoming weights are shrunk to this norm if theirs is larger. Sensible: 0.5 to 4.",
        0.5,
        "no limit",
    ),
}

# Where a field does not apply: (it does apply, given the values so far), and why not.
_APPLIES: dict[str, tuple[Callable[[Values], bool], str]] = {
    "samples": (lambda v: v["dataset"] != "custom", "your table says how many there are"),
    "noise": (lambda v: DATASETS[v["dataset"]].noise != "", "these data are taken as they are"),
    "depth": (lambda v: not v["hidden"], "the width of each layer is typed below"),
    "width": (lambda v: not v["hidden"] and v["depth"] > 0, "no layer takes its width from here"),
    "activation": (lambda v: _has_hidden(v), "there is no hidden layer"),
    "residual": (lambda v: _has_hidden(v), "there is no hidden layer"),
    "normalization": (lambda v: _has_hidden(v), "there is no hidden layer"),
    "bias_std": (lambda v: v["bias"], "the network has no biases"),
    "momentum": (lambda v: OPTIMIZERS[v["optimizer"]].uses_momentum, "the optimizer has none to set"),
    "clip_threshold": (lambda v: CLIPS[v["clip"]].apply is not None, "nothing is clipped"),
    **{
        field: (lambda v: v["steps"] > 0, "steps is 0, so that nothing is trained")
        for field in ("optimizer", "learning_rate", "record_every", "weight_decay", "max_norm")
    },
}


def _has_hidden(values: Values) -> bool:
    return bool(values["hidden"]) or values["depth"] > 0


def reason_against(field: str, values: Values) -> str | None:
    """Why a field does not apply beside these values of the others; None when it does."""
    applies, reason = _APPLIES.get(field, (None, ""))
    return None if applies is None or applies(values) else reason


# -- drawing ----------------------------------------------------------------------------------------------------


def draw(field: str) -> None:
    """The widget of one field, under its own name in the session and in the URL."""
    control, rule = CONTROLS[field], CONTROL_RULES.get(field)
    reason = reason_against(field, st.session_state)
    common = {
        "label": control.label,
        "key": field,
        "help": _help(field, control, reason),
        "disabled": reason is not None,
        "bind": "query-params",
    }
    if rule is None:
        st.text_input(value=DEFAULTS[field], placeholder=control.empty, max_chars=4000, **common)
    elif isinstance(rule, Flag):
        st.toggle(value=DEFAULTS[field], **common)
    elif isinstance(rule, Choice):
        st.selectbox(options=rule.names, index=rule.names.index(DEFAULTS[field]), **common)
    else:
        # Whole numbers are floats here too: of an integer Streamlit would cut 3.7 down to 3, and break at infinity.
        default = DEFAULTS[field]
        st.number_input(
            min_value=nextafter(rule.low, inf) if rule.low_open else float(rule.low),
            max_value=None if rule.high == inf else nextafter(rule.high, 0) if rule.high_open else float(rule.high),
            value=None if default is None else float(default),
            step=float(control.step),
            format="%.10g" if rule.integer else "%.6g",
            placeholder=control.empty,
            **common,
        )


def _help(field: str, control: Control, reason: str | None) -> str:
    parts = [control.about]
    if reason is not None:
        parts.insert(0, f"**Does not apply: {reason}.**")
    member = REGISTRIES.get(field, {}).get(st.session_state.get(field, DEFAULTS[field]))
    if member is not None:
        parts.append(f"{member.label}: ${member.formula}$")
        parts.append(f"Source: {member.source}.")
    return "\n\n".join(parts)


def draw_row(*fields: str) -> None:
    """The widgets of some fields in a row."""
    for column, field in zip(st.columns(len(fields)), fields, strict=True):
        with column:
            draw(field)


def network() -> None:
    """Activation, depth and width in sight; the rest of the network in a group."""
    first, second, more = st.container(), st.container(), st.expander("More on the network", key="group_network")
    # Whether a control applies is known once those it depends on are drawn.
    with more:
        draw("hidden")
    with second:
        draw_row("depth", "width")
    with first:
        draw("activation")
    with more:
        for field in ("output_activation", "normalization", "residual", "bias"):
            draw(field)


def initialization() -> None:
    """Init and its scale in sight; biases and seed in a group."""
    draw_row("init", "init_scale")
    with st.expander("More on the initialization", key="group_init"):
        draw_row("bias_std", "seed")


def training() -> None:
    """Loss, optimizer, steps and what is recorded."""
    with st.expander("Training", key="group_training"):
        draw("loss")
        draw_row("steps", "record_every")
        draw("optimizer")
        draw_row("learning_rate", "momentum")
        draw_row("batch_size", "dtype")


def clipping() -> None:
    """The rule and its threshold."""
    draw_row("clip", "clip_threshold")


def regularization() -> None:
    """L2 in sight; the other penalties in a group."""
    draw("l2")
    with st.expander("More on regularization", key="group_regularization"):
        draw_row("l1", "weight_decay")
        draw("max_norm")


# -- reading and setting ----------------------------------------------------------------------------------------


def read(**overrides: object) -> RunConfig:
    """The config the controls say; overrides are what a visitor's table says instead.

    Raises:
        ConfigError: settings that contradict each other.
    """
    return to_config({key: st.session_state[key] for key in DEFAULTS} | overrides)


def apply(config: RunConfig) -> None:
    """Sets every control to this config; for a callback, which runs before the controls are drawn."""
    set_controls(**to_values(config))


def set_controls(**changes: object) -> None:
    """Sets some controls; for a callback."""
    for key, value in changes.items():
        number = isinstance(CONTROL_RULES.get(key), Number) and value is not None
        st.session_state[key] = float(value) if number else value


def recommended_output(task: str) -> dict[str, str] | None:
    """The loss and output activation that suit a task, if the controls say others."""
    loss, output = recommended_losses(task)
    if (st.session_state["loss"], st.session_state["output_activation"]) == (loss, output):
        return None
    return {"loss": loss, "output_activation": output}
