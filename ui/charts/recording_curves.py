"""Curves over the steps of somebody's own run: loss, norm and clipping, step sizes, weights."""

from __future__ import annotations

import numpy as np

from core.diagnosis.recording_statistics import global_norm
from core.recordings import Recording
from core.wording import percent
from ui.charts import style
from ui.charts.curves import LEVEL_UPDATE, MAX_LAYERS, CurvesData, by_layer, log_ends, over_steps
from ui.charts.recordings import TensorView, label
from ui.charts.style import Chart, number


def recording_loss(view: TensorView, *, dark: bool = False) -> Chart:
    """The recorded loss."""
    return _row_curve(view.recording, "loss", "Loss", dark)


def recording_learning_rate(view: TensorView, *, dark: bool = False) -> Chart:
    """The recorded learning rate."""
    return _row_curve(view.recording, "learning_rate", "Learning rate", dark)


def recording_loss_scale(view: TensorView, *, dark: bool = False) -> Chart:
    """The loss scale of mixed precision."""
    return _row_curve(view.recording, "loss_scale", "Loss scale", dark)


def _row_curve(recording: Recording, field: str, title: str, dark: bool) -> Chart:
    values = recording.rows.get(field)
    name = title.lower()
    if values is None or not np.isfinite(values).any():
        return style.empty(title, "The file does not hold it.", x="step", y=name, dark=dark)
    known = np.flatnonzero(np.isfinite(values))
    first, last = (f"{number(values[i], 3)} at step {recording.step[i]:,}" for i in (known[0], known[-1]))
    finding = f"{first}, {last}."
    data = CurvesData(recording.step, {name: values}, {}, finding, {})
    axis = style.value_axis(name, dark, values)
    return over_steps(title, name, data, axis=axis, dark=dark)


def recording_global_norm(view: TensorView, *, dark: bool = False) -> Chart:
    """Norm of all recorded gradients before and after clipping."""
    recording = view.recording
    title = "Global gradient norm"
    before = np.where(np.isinf(norms := global_norm(recording)), np.nan, norms)
    if not np.isfinite(before).any():
        return style.empty(title, "No gradient is finite.", x="step", y="norm", dark=dark)
    known = np.flatnonzero(np.isfinite(before))
    finding = (
        f"{number(before[known[0]])} at step {recording.step[known[0]]:,}, {number(before[known[-1]])} at the end."
    )
    curves = {"gradient norm": before}
    scale = recording.clip_scale
    if np.isfinite(scale).any():
        share = float((scale[np.isfinite(scale)] < 1 - 1e-6).mean())
        finding += f" Clipping binds on {percent(share)} of the recorded steps."
        curves = {"before clipping": before, "after clipping": before * scale}
    data = CurvesData(recording.step, curves, {}, finding, {})
    axis = style.axis("norm of all parameters", dark, decades=log_ends(*curves.values()))
    return over_steps(title, "norm", data, axis=axis, dark=dark)


def recording_update_ratio(view: TensorView, *, dark: bool = False) -> Chart:
    """||step|| / ||W|| of each tensor, with the usual guide of 1e-3."""
    title = "Size of a step against the weights"
    y = "‖step‖ / ‖W‖"
    ratio = view.recording.update_ratio
    if ratio is None or not np.isfinite(ratio[:, view.indices]).any():
        return style.empty(title, "The file has no weights and updates.", x="step", y=y, dark=dark)
    ratio = np.where(np.isfinite(ratio[:, view.indices]), ratio[:, view.indices], np.nan)
    finding = f"Median {number(float(np.nanmedian(ratio)))}; about 10⁻³ is the usual guide."
    data = _tensor_curves(view, ratio, finding, {"guide 10⁻³": LEVEL_UPDATE})
    axis = style.axis(y, dark, decades=log_ends(ratio, LEVEL_UPDATE))
    return by_layer(title, data, axis=axis, layers=len(view.indices), dark=dark)


def recording_weight_norm(view: TensorView, *, dark: bool = False) -> Chart:
    """||W|| of each tensor."""
    title = "Weight norm by layer"
    values = view.recording.values.get("weight_norm")
    if values is None or not np.isfinite(values[:, view.indices]).any():
        return style.empty(title, "The file has no weight norms.", x="step", y="‖W‖", dark=dark)
    values = values[:, view.indices]
    joint = np.hypot.reduce(np.nan_to_num(values, nan=0.0), axis=1)
    finding = f"These tensors together: {number(joint[0], 3)} at the beginning, {number(joint[-1], 3)} at the end."
    data = _tensor_curves(view, values, finding, {})
    return by_layer(title, data, axis=style.value_axis("‖W‖", dark, values), layers=len(view.indices), dark=dark)


def _tensor_curves(view: TensorView, values: np.ndarray, finding: str, guides: dict[str, float]) -> CurvesData:
    count = len(view.indices)
    names = list(map(label, view.names))
    shown = np.unique(np.rint(np.linspace(1, count, min(count, MAX_LAYERS))).astype(int))
    if count > len(shown):
        finding += f" Drawn: {len(shown)} of {count:,} tensors."
    curves = {}
    numbers = {}
    for i in shown.tolist():
        name = names[i - 1] if names[i - 1] not in curves else f"{names[i - 1]} ({i})"
        curves[name] = values[:, i - 1]
        numbers[name] = i
    return CurvesData(view.recording.step, curves, guides, finding, numbers)
