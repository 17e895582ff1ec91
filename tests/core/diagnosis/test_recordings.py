"""The verdict on a recorded run: each rule sees its case, names the tensor meant, and is silent elsewhere."""

import numpy as np
import pytest

from core import diagnose
from core.diagnosis.recordings import profile
from core.recordings import Parameter, Recording

LAYERS = 8
STEPS = 40


def recording(norms=None, *, loss=None, scale=None, kinds=None, **values):
    """A run of eight weight tensors whose gradient is level, but for what is given."""
    kinds = kinds or ["weight"] * LAYERS
    parameters = tuple(
        Parameter(name=f"net.{i}.weight", layer=i + 1, kind=kind, size=100) for i, kind in enumerate(kinds)
    )
    rows = {"loss": np.linspace(1.0, 0.1, STEPS) if loss is None else loss}
    if scale is not None:
        rows["loss_scale"] = np.full(STEPS, float(scale))
    full = {"grad_norm": np.ones((STEPS, LAYERS)) if norms is None else norms, **values}
    return Recording(
        name="run", source="test", parameters=parameters, step=np.arange(STEPS) * 10, values=full, rows=rows
    )


def sloped(factor):
    """Norms that each layer multiplies by `factor` on the way back; the last is 1."""
    return np.tile(factor ** np.arange(LAYERS - 1, -1, -1.0), (STEPS, 1))


def test_a_level_gradient_is_healthy_and_its_factor_is_one():
    found = diagnose(recording())
    assert found.verdict == "healthy" and [f.severity for f in found.findings] == ["good"]
    assert profile(recording()).factor == pytest.approx(1.0)


@pytest.mark.parametrize(
    "factor, verdict", [(0.3, "vanishing"), (3.0, "exploding"), (0.8, "healthy"), (1.3, "healthy")]
)
def test_a_slope_over_the_layers_is_told_with_its_factor_and_its_ends(factor, verdict):
    found = diagnose(recording(sloped(factor)))
    assert found.verdict == verdict
    assert profile(recording(sloped(factor))).factor == pytest.approx(factor)
    if verdict != "healthy":
        ratio = factor ** (LAYERS - 1)
        assert "net.0.weight" in found.sentence and "net.7.weight" in found.sentence
        assert f"{ratio:.2g}" in found.sentence or f"{ratio:.1e}" in found.sentence
        assert f"{factor:.2g}" in found.sentence


def test_biases_and_norms_do_not_bend_the_slope():
    norms, kinds = sloped(0.8), ["weight"] * LAYERS
    norms[:, 1] = 1e-9
    kinds[1] = "bias"
    assert profile(recording(norms, kinds=kinds)).factor == pytest.approx(0.8**1.0, rel=0.15)
    assert diagnose(recording(norms, kinds=kinds)).verdict == "healthy"


def test_a_tensor_without_a_gradient_is_named():
    norms = np.ones((STEPS, LAYERS))
    norms[:, 2] = np.nan
    found = {f.name: f for f in diagnose(recording(norms)).findings}
    assert found["no_gradient"].what.startswith("net.2.weight got no gradient")


def test_a_frozen_tensor_is_a_note_and_not_a_missing_gradient():
    norms = np.ones((STEPS, LAYERS))
    norms[:, 0] = np.nan
    found = {f.name: f.severity for f in diagnose(recording(norms, kinds=["frozen"] + ["weight"] * 7)).findings}
    assert found == {"frozen": "note"}


def test_a_tensor_that_never_moves_is_named():
    update = np.full((STEPS, LAYERS), 1e-3)
    update[:, 5] = 0.0
    found = diagnose(recording(update_norm=update, weight_norm=np.ones((STEPS, LAYERS))))
    assert found.verdict == "never_moves" and "net.5.weight" in found.sentence and "net.4" not in found.sentence


def test_the_first_value_that_is_not_finite_is_named_with_its_step():
    norms = np.ones((STEPS, LAYERS))
    norms[7:, 3] = np.inf
    norms[9:, :] = np.inf
    found = diagnose(recording(norms))
    assert found.verdict == "diverged" and "At step 70" in found.sentence and "net.3.weight" in found.sentence
    assert "net.2" not in found.sentence


def test_with_a_loss_scale_one_overflow_is_a_note():
    norms = np.ones((STEPS, LAYERS))
    norms[7, 3] = np.inf
    found = {f.name: f.severity for f in diagnose(recording(norms, scale=1024)).findings}
    assert found["nonfinite"] == "note"


def test_zeros_of_float16_are_underflow_only_with_a_loss_scale():
    zeros = np.zeros((STEPS, LAYERS))
    zeros[:, :3] = 0.9
    assert diagnose(recording(zero_share=zeros, scale=1)).verdict == "underflow"
    assert diagnose(recording(zero_share=zeros)).verdict == "healthy"


@pytest.mark.parametrize("share, verdict", [(0.9, "clipping"), (0.2, "healthy")])
def test_clipping_that_binds_often_is_told_with_its_share(share, verdict):
    clipped = np.ones((STEPS, LAYERS))
    clipped[: round(share * STEPS)] = 0.1
    found = diagnose(recording(clipped_grad_norm=clipped))
    assert found.verdict == verdict
    assert (f"{share:.0%}" in found.sentence) == (verdict == "clipping")


def test_a_spike_of_the_loss_names_its_step_and_the_tensor_that_rose_most():
    loss, norms = np.ones(STEPS), np.ones((STEPS, LAYERS))
    loss[20] = 50.0
    norms[20, 6] = 80.0
    found = diagnose(recording(norms, loss=loss))
    assert found.verdict == "spike"
    assert "At step 200" in found.sentence and "net.6.weight" in found.sentence and "80" in found.sentence


@pytest.mark.parametrize("ratio, verdict", [(1e-7, "small_steps"), (1e-3, "healthy"), (0.5, "large_steps")])
def test_steps_are_measured_against_the_weights(ratio, verdict):
    weight = np.full((STEPS, LAYERS), 2.0)
    assert diagnose(recording(update_norm=ratio * weight, weight_norm=weight)).verdict == verdict


def test_silent_units_are_told_only_where_activations_were_recorded():
    dead = np.full((STEPS, LAYERS), np.nan)
    dead[:, 4] = 0.8
    kinds = ["weight"] * 4 + ["activation"] + ["weight"] * 3
    norms = np.ones((STEPS, LAYERS))
    norms[:, 4] = np.nan
    found = diagnose(recording(norms, kinds=kinds, dead=dead, mean_square=np.ones((STEPS, LAYERS))))
    assert found.verdict == "dead" and "net.4.weight" in found.sentence
    assert "not known" in diagnose(recording()).sentence
