"""A run as a table, as JSON, and as a PyTorch script that stands alone."""

from __future__ import annotations

import base64
import json
import re
import textwrap
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .config import RunConfig
from .data.spreadsheet import escape_formulas
from .engine.training import Data, checked_data
from .errors import ConfigError
from .families.activations import ACTIVATIONS
from .families.class_weights import class_weights
from .families.clipping import CLIPS
from .families.initializers import INITS
from .families.losses import LOSSES
from .families.normalization import NORMALIZATIONS
from .families.optimizers import OPTIMIZERS
from .families.schedules import SCHEDULES
from .script_template import (
    BATCHES,
    CLIP_FUNCTIONS,
    DECAY_CODE,
    DROP,
    HOLDOUT_CODE,
    MAX_NORM_CODE,
    RATE_FACTOR,
    ROW_NORMS,
    SCRIPT,
)
from .trace import Trace

JSON_BYTES = 100_000
SCRIPT_DATA_BYTES = 50_000_000  # data before compression; the script is about as large

# -- tables -----------------------------------------------------------------------------------------------------


def to_csv(table: Trace | pd.DataFrame) -> str:
    """Writes a tidy table as CSV, formulas escaped, numbers with all digits; of a trace, one row per (step, layer)."""
    frame = table.to_frame() if isinstance(table, Trace) else table
    # RFC 4180: with this line end, cells that contain either of its characters are quoted
    return escape_formulas(frame).to_csv(index=False, lineterminator="\r\n")


# -- JSON -------------------------------------------------------------------------------------------------------


def to_json(config: RunConfig) -> str:
    """Writes all settings of a run; `from_json` reads them back."""
    return json.dumps(config.to_dict(), indent=2, allow_nan=False)


def from_json(text: str | bytes) -> RunConfig:
    """Reads the settings that `to_json` wrote; a missing setting takes its default.

    Raises:
        ConfigError: not JSON, not an object of settings, too large, an unknown setting or a bad value.
    """
    settings = read_json(text, "config")
    if not isinstance(settings, dict):
        raise ConfigError("config", _preview(text), "it must be an object of settings by name, in braces")
    for name, value in settings.items():
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value)):
            raise ConfigError(_preview(name), "nested", "a setting is a number, a word, true, false, null or a list")
    return RunConfig.from_dict(settings)


def read_json(text: str | bytes, kind: str) -> Any:
    """Parses a file of settings.

    Args:
        text: the file.
        kind: the kind of settings, as errors call them.

    Raises:
        ConfigError: too large, not JSON, or a name that occurs twice.
    """
    if len(text) > JSON_BYTES:
        raise ConfigError(kind, f"{len(text):,} bytes", f"a file of settings has at most {JSON_BYTES:,} bytes")
    try:
        text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return json.loads(text, object_pairs_hook=_reject_duplicates)
    except ConfigError:  # a ValueError too
        raise
    except json.JSONDecodeError as error:
        position = f"{error.msg}, line {error.lineno}, column {error.colno}"
        raise ConfigError(kind, _preview(text), f"it must be JSON, as this app saves it ({position})") from None
    except (ValueError, RecursionError):  # bytes that are not text, a number of thousands of digits, too many brackets
        raise ConfigError(kind, _preview(text), "it must be JSON, as this app saves it") from None


def _reject_duplicates(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, value in pairs:
        if name in settings:
            raise ConfigError(name, "given twice", "a setting may occur only once")
        settings[name] = value
    return settings


def _preview(text: str | bytes) -> str:
    start = text[:40].decode("utf-8", "replace") if isinstance(text, bytes) else text[:40]
    return start + "..." * (len(text) > 40)


# -- PyTorch ----------------------------------------------------------------------------------------------------


def _fill_template(template: str, slots: dict[str, str]) -> str:
    """Replaces each slot; one alone on its line takes that line's indent, and an empty one removes the line."""

    def whole_lines(match: re.Match) -> str:
        value = slots[match[2]]
        return textwrap.indent(value, match[1]) + "\n" if value else ""

    filled = re.sub(r"^( +)\$(\w+)\n", whole_lines, template, flags=re.MULTILINE)
    return re.sub(r"\$(\w+)", lambda match: slots[match[1]], filled)


def _pack(table: np.ndarray) -> str:
    text = base64.b64encode(zlib.compress(table.astype("<f8").tobytes(), 9)).decode()
    return "\n".join(text[at : at + 100] for at in range(0, len(text), 100))


def to_pytorch(config: RunConfig, data: Data | None = None) -> str:
    """Writes a script that needs only PyTorch and NumPy and prints this run's loss and gradient norms row by row.

    It is CSV: step, loss (holdout_loss with a holdout), grad_norm_1, ... It agrees with `train` to 1e-6 relative in
    float64, and in float32 to the rounding of two different programs.

    Args:
        config: the run.
        data: (X, D) as `train` takes them; the run's dataset when None.

    Raises:
        ConfigError: as `train`; data too large for a text file.
    """
    samples = checked_data(config, data)
    # without hidden layers nothing of this has any effect
    code = config if config.hidden else config.replace(dropout=0.0, residual=False, normalization="none")
    data_bytes = 8 * (len(samples.X) + len(samples.X_holdout)) * (samples.X.shape[1] + samples.D.shape[1])
    if data_bytes > SCRIPT_DATA_BYTES:
        raise ConfigError(
            "data", f"{data_bytes:,} bytes", f"a script holds at most {SCRIPT_DATA_BYTES:,}; take fewer samples"
        )
    table = np.vstack([np.hstack([samples.X, samples.D]), np.hstack([samples.X_holdout, samples.D_holdout])])
    batches = config.batch_size is not None and config.batch_size < len(samples.X)
    has_holdout = len(samples.X_holdout) > 0
    has_max_norm = config.max_norm is not None
    has_own_decay = "WEIGHT_DECAY" in OPTIMIZERS[config.optimizer].pytorch
    drops = code.dropout > 0
    functions = DROP * drops + CLIP_FUNCTIONS.get(config.clip, "") + BATCHES * batches
    if config.is_scheduled:
        functions += _rate_function(config)
    if config.clip == "adaptive" or has_max_norm:
        functions = ROW_NORMS + functions
    loss_slots = _loss_slots(config, samples.task, samples.D)
    slots = (
        _network_slots(code)
        | loss_slots
        | {
            "json": textwrap.fill(json.dumps(config.to_dict()), 118, break_on_hyphens=False, break_long_words=False),
            "settings": _settings(code, samples.X.shape[1], samples.D.shape[1], len(samples.X), batches)
            + loss_slots["class_weights"],
            "functions": functions,
            "optimizer": OPTIMIZERS[config.optimizer].pytorch,
            "start_batches": "order = batches(len(X))" * batches,
            "next_batch": "rows = next(order)" * batches,
            "inputs": "X[rows]" if batches else "X",
            "targets": "D[rows]" if batches else "D",
            "holdout_name": '"holdout_loss", ' * has_holdout,
            "measure_holdout": ("network.eval()\n" * drops + HOLDOUT_CODE + "\nnetwork.train()" * drops) * has_holdout,
            "holdout_value": "holdout_loss.item(), " * has_holdout,
            "penalize": _penalties(config),
            "clip": CLIPS[config.clip].pytorch,
            "measure_clipped": "if run:\n    run.clipped()" * bool(CLIPS[config.clip].pytorch),
            "decay": _decay(config) * (config.weight_decay > 0 and not has_own_decay),
            "start_schedule": "schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate_factor)"
            * config.is_scheduled,
            "next_rate": "schedule.step()" * config.is_scheduled,
            "project": MAX_NORM_CODE * has_max_norm,
            "data": _pack(table),
        }
    )
    return _fill_template(SCRIPT, slots)


def _settings(config: RunConfig, inputs: int, outputs: int, samples: int, batches: bool) -> str:
    """Returns the constants that this run needs, one a line."""
    hidden = config.hidden
    optimizer = OPTIMIZERS[config.optimizer].pytorch
    if len(set(hidden)) == 1:
        widths = f"[{inputs}] + [{hidden[0]}] * {len(hidden)} + [{outputs}]"
    else:
        widths = textwrap.fill(str([inputs, *hidden, outputs]), 118, subsequent_indent="    ")
    own_biases = INITS[config.init].bias_deviation is not None
    lines = {
        "WIDTHS": widths,
        "SAMPLES": f"{samples}  # to train on",
        "SEED": config.seed,
        "DTYPE": f"torch.{config.dtype}",
        "INIT_SCALE": config.init_scale,
        "BIAS_STD": config.bias_std if config.bias and config.bias_std and not own_biases else None,
        "LEARNING_RATE": config.learning_rate,
        "SCHEDULE_STEPS": config.schedule_length if config.is_scheduled else None,
        "WARMUP_STEPS": config.warmup_steps if config.warmup_steps > 1 else None,
        "MOMENTUM": config.momentum if "MOMENTUM" in optimizer else None,
        "BATCH_SIZE": config.batch_size if batches else None,
        "STEPS": config.steps,
        "RECORD_EVERY": config.record_every,
        "RECORDING": 'None  # or "run.jsonl.gz"',
        "CLIP_THRESHOLD": config.clip_threshold if CLIPS[config.clip].pytorch else None,
        "L1": config.l1 or None,
        "L2": config.l2 or None,
        "WEIGHT_DECAY": config.weight_decay if "WEIGHT_DECAY" in optimizer else config.weight_decay or None,
        "MAX_NORM": config.max_norm,
        "DROPOUT": config.dropout or None,
    }
    settings = "\n".join(f"{name} = {value}" for name, value in lines.items() if value is not None)
    return settings if isinstance(config.activation, str) else f"{settings}\n{_list_activations(config.activation)}"


def _list_activations(names: Sequence[str]) -> str:
    """Returns the functions of the hidden layers, one for each layer from the input on."""
    lines = (f"    lambda net: {ACTIVATIONS[name].pytorch}," for name in names)
    return "\n".join(["ACTIVATIONS = [  # of each hidden layer", *lines, "]"])


def _loss_slots(config: RunConfig, task: str, D: np.ndarray) -> dict[str, str]:
    """Returns the slots of `mean_loss`, and the constant that holds the weight of each class."""
    loss = LOSSES[config.loss]
    weights = class_weights(config.class_weight, task, D)
    if weights is None:
        return {"class_weights": "", "weigh": "", "loss": f"return {loss.pytorch}"}
    column = ", ".join(f"[{weight!r}]" for weight in weights.tolist())
    shares = "D" if D.shape[1] > 1 else "torch.cat([1 - D, D], dim=1)"
    return {
        "class_weights": f"\nCLASS_WEIGHTS = torch.tensor([{column}], dtype=DTYPE)",
        "weigh": f"weights = {shares} @ CLASS_WEIGHTS" * ("CLASS_WEIGHTS" not in loss.pytorch_weighted),
        "loss": f"return {loss.pytorch_weighted}",
    }


def _rate_function(config: RunConfig) -> str:
    factor = SCHEDULES[config.schedule].pytorch
    if config.warmup_steps > 1:
        warmup = "min((step + 1) / WARMUP_STEPS, 1)"
        factor = warmup if config.schedule == "constant" else f"{factor} * {warmup}"
    return RATE_FACTOR.replace("$factor", factor)


def _decay(config: RunConfig) -> str:
    return DECAY_CODE.replace("LEARNING_RATE", 'optimizer.param_groups[0]["lr"]') if config.is_scheduled else DECAY_CODE


def _network_slots(config: RunConfig) -> dict[str, str]:
    """Returns the slots of `class Network` and of the code that draws its parameters."""
    layers = f"Hidden layers: {', '.join(dict.fromkeys(config.activations)) or 'none'}"
    if config.normalization != "none":
        layers += f" after {config.normalization} normalization"
    if config.has_norm_affine:
        layers += " with a learned gain and shift"
    if config.dropout:
        layers += f", dropout {config.dropout:g}"
    if config.residual:
        layers += ", each added to its input where sizes match"
    if LOSSES[config.loss].output_activation is not None:
        output = f"the net input of its output; the loss applies the {config.output_activation}"
    else:
        output = f"a {config.output_activation} output"
    if LOSSES[config.loss].output_activation is not None or config.output_activation == "linear":
        finish = "return output(y)"
    else:
        finish = f"net = output(y)\nreturn {ACTIVATIONS[config.output_activation].pytorch}"
    if not config.bias:
        draw_bias = ""
    elif INITS[config.init].bias_deviation is not None:
        draw_bias = (
            "bound = INIT_SCALE / np.sqrt(linear.in_features)\n"
            "b = np.random.default_rng([SEED, 2, layer]).uniform(-bound, bound, linear.out_features)\n"
            "linear.bias.copy_(torch.from_numpy(b))"
        )
    elif config.bias_std:
        draw_bias = (
            "b = BIAS_STD * np.random.default_rng([SEED, 2, layer]).standard_normal(linear.out_features)\n"
            "linear.bias.copy_(torch.from_numpy(b))"
        )
    else:
        draw_bias = "linear.bias.zero_()"
    rule = NORMALIZATIONS[config.normalization]
    one = isinstance(config.activation, str)
    return {
        "init": INITS[config.init].pytorch,
        "layers": textwrap.fill(layers, 112, subsequent_indent="    "),
        "output": output,
        "bias": str(config.bias),
        "draw_bias": draw_bias,
        "make_norm": _make_norm(config),
        "normalize": rule.pytorch_affine if config.has_norm_affine else rule.pytorch,
        "hidden_loop": "linear in hidden" if one else "linear, activate in zip(hidden, ACTIVATIONS)",
        "activate": _activate(config),
        "finish": finish,
    }


def _make_norm(config: RunConfig) -> str:
    """Returns the lines that give a hidden layer its learned gain, at first 1, and shift, at first 0."""
    if not config.has_norm_affine:
        return ""
    return f"if layer < len(WIDTHS) - 2:\n    linear.norm = {NORMALIZATIONS[config.normalization].pytorch_module}"


def _activate(config: RunConfig) -> str:
    """Returns the lines from `net` to the layer's output y."""
    name = "out" if config.residual else "y"
    one = isinstance(config.activation, str)
    lines = [f"{name} = {ACTIVATIONS[config.activation].pytorch if one else 'activate(net)'}"]
    if config.dropout:
        lines.append(f"{name} = drop({name}) if self.training else {name}")
    if config.residual:
        lines.append("y = y + out if y.shape == out.shape else out")
    return "\n".join(lines)


def _penalties(config: RunConfig) -> str:
    terms = ["L1 * linear.weight.sign()"] * (config.l1 > 0) + ["2 * L2 * linear.weight"] * (config.l2 > 0)
    if not terms:
        return ""
    return f"for linear in network.linears:  # never the biases\n    linear.weight.grad += {' + '.join(terms)}"
