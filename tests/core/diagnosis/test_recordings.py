"""The verdict on a recorded run: each rule sees its case, names the tensor meant, and is silent elsewhere."""

import numpy as np
import pytest

from core import diagnose
from core.diagnosis.code_suggestions import CODE_SUGGESTIONS
from core.diagnosis.recording_statistics import early_rows, fit_factors, profile
from core.diagnosis.recordings import RECORDING_VERDICTS, describe_missing
from core.recordings import Parameter, Recording
from core.recordings.examples import EXAMPLES, load_example
from core.wording import format_number, percent

LAYERS = 8
STEPS = 40


def recording(norms=None, *, loss=None, scale=None, kinds=None, names=None, details=None, **values):
    """A run of eight weight tensors whose gradient is level, but for what is given."""
    kinds = kinds or ["weight"] * LAYERS
    parameters = tuple(
        Parameter(name=names[i] if names else f"net.{i}.weight", layer=i + 1, kind=kind, size=100)
        for i, kind in enumerate(kinds)
    )
    rows = {"loss": np.linspace(1.0, 0.1, STEPS) if loss is None else loss}
    if scale is not None:
        rows["loss_scale"] = np.full(STEPS, float(scale))
    full = {"grad_norm": np.ones((STEPS, LAYERS)) if norms is None else norms, **values}
    return Recording(
        name="run",
        source="test",
        parameters=parameters,
        step=np.arange(STEPS) * 10,
        values=full,
        rows=rows,
        details=details or {},
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
        assert f"{format_number(ratio)} times that of net.7.weight" in found.sentence
        assert f"about {format_number(factor)} on its way back" in found.sentence


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
    assert found == {"frozen": "note", "healthy": "good"}


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


@pytest.mark.parametrize("last, scale_there, name", [
    (STEPS - 2, 1024.0, "nonfinite"),
    (STEPS - 1, 1024.0, "diverged"),  # it did not come back
    (STEPS - 2, np.nan, "diverged"),  # no scale was in use then
])  # fmt: skip
def test_what_is_not_finite_is_the_loss_scales_doing_where_one_was_in_use_and_the_run_went_on(last, scale_there, name):
    norms, run = np.ones((STEPS, LAYERS)), recording(scale=1024.0)
    norms[7 : last + 1, 3] = np.inf
    run.values["grad_norm"], run.rows["loss_scale"][7] = norms, scale_there
    assert name in [finding.name for finding in diagnose(run).findings]


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
    assert (f"binds at {percent(share)}" in found.sentence) == (verdict == "clipping")


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
    assert "activations" in describe_missing(recording())
    assert "activations" not in describe_missing(recording(norms, kinds=kinds, dead=dead))


def test_tensors_of_another_role_do_not_bend_the_slope():
    norms = sloped(0.8)
    norms[:, ::2] *= 1e-3
    names = [f"blocks.{i // 2}.{('query', 'out')[i % 2]}.weight" for i in range(LAYERS)]
    found = profile(recording(norms, names=names))
    assert found.factor == pytest.approx(0.8)
    assert [names[i] for i in found.ends] == ["blocks.0.query.weight", "blocks.3.query.weight"]


def test_branches_that_start_at_zero_are_not_taken_for_a_gradient_that_vanishes():
    norms = np.ones((STEPS, LAYERS))
    norms[0, 1:6] = 0.0
    assert diagnose(recording(norms)).verdict == "healthy"


def test_first_layers_without_any_gradient_are_named():
    norms = sloped(0.5)
    norms[:, :2] = 0.0
    found = diagnose(recording(norms))
    assert found.verdict == "vanishing" and "net.0.weight and net.1.weight is exactly 0" in found.sentence


def test_updates_lost_in_rounding_are_not_blamed_on_the_optimizer():
    norms, weight = sloped(0.01), np.ones((STEPS, LAYERS))
    update = 1e-3 * norms
    update[update < 1e-8] = 0.0
    findings = {f.name: f.what for f in diagnose(recording(norms, update_norm=update, weight_norm=weight)).findings}
    assert "rounded_away" in findings and "never_moves" not in findings
    assert findings["rounded_away"].startswith("net.0.weight, net.1.weight")


def test_a_run_in_which_nothing_moves_is_named_with_its_learning_rate():
    still = recording(update_norm=np.zeros((STEPS, LAYERS)), weight_norm=np.ones((STEPS, LAYERS)))
    found = diagnose(still)
    assert found.verdict == "no_steps" and "optimizer.step()" in found.findings[0].why
    still.rows["learning_rate"] = np.zeros(STEPS)
    assert "learning rate is 0" in diagnose(still).findings[0].why


def test_an_expert_without_a_gradient_at_some_steps_is_not_called_infinite():
    norms, nonfinite = np.ones((STEPS, LAYERS)), np.zeros((STEPS, LAYERS))
    norms[5:9, 3] = nonfinite[5:9, 3] = np.nan
    assert diagnose(recording(norms, nonfinite=nonfinite)).verdict == "healthy"


def test_a_spike_names_the_tensor_that_moved_first():
    loss, norms = np.ones(STEPS), np.ones((STEPS, LAYERS))
    loss[20] = 50.0
    norms[18, 2] = 5.0
    norms[20] = 80.0
    sentence = diagnose(recording(norms, loss=loss)).sentence
    assert "At step 200" in sentence and "net.2.weight moved first: at step 180" in sentence


def test_a_gradient_that_jumps_alone_is_named_and_one_that_doubles_is_not():
    norms = np.ones((STEPS, LAYERS))
    norms[25] *= 500.0
    assert diagnose(recording(norms)).verdict == "gradient_spike"
    norms[25] /= 250.0
    assert diagnose(recording(norms)).verdict == "healthy"


@pytest.mark.parametrize("level, verdict", [(0.9, "stuck"), (0.01, "healthy")])
def test_a_loss_that_stays_is_stuck_unless_it_is_low(level, verdict):
    loss = np.full(STEPS, level)
    loss[0] = 1.0
    found = diagnose(recording(loss=loss))
    assert found.verdict == verdict
    assert ("stays near 0.9" in found.sentence) == (verdict == "stuck")


def test_zeros_in_float16_are_underflow_without_a_scaler_too():
    zeros = np.zeros((STEPS, LAYERS))
    zeros[:, :3] = 0.9
    assert diagnose(recording(zero_share=zeros, details={"dtype": "float16"})).verdict == "underflow"
    assert diagnose(recording(zero_share=zeros, details={"dtype": "float32"})).verdict == "healthy"


@pytest.mark.parametrize("framework", ["torch", "keras", "jax", ""])
def test_code_is_in_the_language_of_the_run(framework):
    details = {"framework": f"{framework} 1.0"} if framework else {}
    [first, *_] = diagnose(recording(sloped(0.3), details=details)).findings[0].suggestions
    assert first.code == getattr(CODE_SUGGESTIONS["he_init"], framework or "torch")
    assert not first.changes


def test_a_clip_threshold_is_suggested_from_the_norms_measured():
    clipped = np.full((STEPS, LAYERS), 0.1)
    found = diagnose(recording(np.full((STEPS, LAYERS), 5.0), clipped_grad_norm=clipped))
    assert "14)" in found.findings[0].suggestions[0].code  # 5 sqrt(8)


VERDICTS_OF_EXAMPLES = {
    "vanishing_mlp": "vanishing",
    "exploding_lstm": "exploding",
    "transformer_post_ln": "stuck",
    "transformer_pre_ln": "healthy",
    "resnet_plain": "vanishing",
    "resnet_residual": "healthy",
    "float16_underflow": "underflow",
    "dead_cnn": "dead",
}


@pytest.mark.parametrize(
    "name", [name for name, verdict in VERDICTS_OF_EXAMPLES.items() if verdict in ("vanishing", "exploding")]
)
def test_the_step_of_a_slope_shows_the_ratio_that_the_headline_states(name):
    recording = load_example(name)
    slope, step = profile(recording), diagnose(recording).step
    row, norms = list(recording.step).index(step), recording.values["grad_norm"]
    first, last = slope.ends
    early = norms[: early_rows(recording), first] / norms[: early_rows(recording), last]
    assert row == slope.row and row < len(early)
    distances = np.abs(np.log(early) - np.log(slope.ratio))
    assert distances[row] == np.nanmin(distances) < np.log(3)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_numbers_on_top_are_of_the_step_that_the_verdict_judges_and_the_picture_shows(name):
    recording = load_example(name)
    found = diagnose(recording)
    weights = recording.of_kind("weight")
    norms = recording.values["grad_norm"][[list(recording.step).index(found.step)]][:, weights]
    [factor] = fit_factors(norms, [recording.parameters[i].name for i in weights])
    when = f", step {found.step:,}" if found.step else ""
    shown = [(metric.label, metric.value) for metric in found.numbers[:2]]
    assert [label for label, _ in shown] == [f"Factor per layer{when}", f"First layer / last{when}"]
    assert shown[0][1] == (format_number(factor) if np.isfinite(factor) else "no gradient")
    assert (shown[1][1] == "no gradient") == (norms[0, 0] == 0)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_shows_what_it_is_named_for(name):
    found = diagnose(load_example(name))
    assert found.verdict == VERDICTS_OF_EXAMPLES[name]
    assert {finding.name for finding in found.findings} <= set(RECORDING_VERDICTS)
    assert all(s.code and "{" not in s.code for f in found.findings for s in f.suggestions)


# -- each number and each name in a sentence is the one that it says --------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_break_is_told_at_its_first_row_with_the_rise_before_it(seed):
    rng = np.random.default_rng(seed)
    at, norms = int(rng.integers(5, 30)), np.tile(np.geomspace(1, 900, STEPS)[:, None], LAYERS)
    tensor = int(rng.integers(LAYERS))
    norms[at, tensor] = norms[at + 1 :] = np.inf
    sentence = diagnose(recording(norms)).sentence
    joint = np.linalg.norm(norms[:at], axis=1)
    assert sentence.startswith(f"At step {10 * at}, the gradient of net.{tensor}.weight is not finite.")
    rose = f"rose from {format_number(joint[0])} to {format_number(joint[-1])}."
    assert (rose in sentence) == (joint[-1] >= 3 * joint[0])
    level = np.ones((STEPS, LAYERS))
    level[at:] = np.inf
    assert "rose" not in diagnose(recording(level)).sentence


@pytest.mark.parametrize("absent, severity", [(1, "warning"), (4, "warning"), (5, "bad"), (7, "bad")])
def test_parameters_without_a_gradient_are_bad_where_they_are_more_than_half(absent, severity):
    norms = np.ones((STEPS, LAYERS))
    norms[:, :absent] = np.nan
    (found,) = [finding for finding in diagnose(recording(norms)).findings if finding.name == "no_gradient"]
    assert found.severity == severity


@pytest.mark.parametrize("share, expected", [(0.05, "rounded_away"), (0.5, "never_moves"), (3.0, "never_moves")])
def test_a_still_tensor_is_blamed_on_the_optimizer_where_its_gradient_would_move_it(share, expected):
    norms, update = np.ones((STEPS, LAYERS)), np.full((STEPS, LAYERS), 1e-3)
    norms[:, 2], update[:, 2] = share, 0.0
    names = [f.name for f in diagnose(recording(norms, update_norm=update, weight_norm=np.ones_like(norms))).findings]
    assert expected in names and len({"rounded_away", "never_moves"} & set(names)) == 1


def test_underflow_is_of_tensors_whose_median_share_of_zeros_is_large():
    zeros = np.full((STEPS, LAYERS), 0.1)
    zeros[:5] = 0.9  # now and then
    assert "underflow" not in [f.name for f in diagnose(recording(zero_share=zeros, scale=8)).findings]
    zeros[:, 3] = 0.8
    found = diagnose(recording(zero_share=zeros, scale=8))
    assert found.verdict == "underflow" and "of net.3.weight are exactly 0" in found.sentence


@pytest.mark.parametrize("seed", range(5))
def test_silent_units_are_told_at_the_last_row_worst_first_and_at_the_first(seed):
    rng = np.random.default_rng(seed)
    dead = np.full((STEPS, LAYERS), np.nan)
    kinds = ["weight"] * 4 + ["activation"] * 4
    dead[[3, 20], 4:] = rng.uniform(0, 0.4, (2, 4))
    dead[33, 4:] = rng.permutation([0.6, 0.7, 0.9, 0.2])
    found = diagnose(recording(kinds=kinds, dead=dead))
    order = [f"net.{4 + k}.weight" for k in np.argsort(-dead[33, 4:])[:3]]
    worst = dead[33, 4:] > 0.5
    assert found.findings[0].what == (
        f"At step 330, 90 % of the units of {order[0]}, {order[1]} and {order[2]} are silent on the whole batch. "
        f"At step 30 at most {percent(dead[3, 4:][worst].max())} were."
    )
    assert found.findings[0].severity == "warning"
    dead[33, 5] = 1.0
    assert diagnose(recording(kinds=kinds, dead=dead)).findings[0].severity == "bad"


@pytest.mark.parametrize("seed", range(3))
def test_clipping_is_told_with_its_median_and_a_threshold_of_the_90th_percentile(seed):
    rng = np.random.default_rng(seed)
    norms = np.tile(np.exp(rng.normal(0, 1, (STEPS, 1))), LAYERS)
    scale = rng.uniform(0.05, 0.4, (STEPS, 1))
    (found,) = [f for f in diagnose(recording(norms, clipped_grad_norm=norms * scale)).findings if f.name == "clipping"]
    assert f"leaves, in the median, {percent(np.median(scale))} of the gradient" in found.what
    threshold = np.percentile(np.linalg.norm(norms, axis=1), 90)
    assert f"{threshold:.2g})" in found.suggestions[0].code


def test_the_first_ten_rows_have_no_level_to_spike_from():
    for row, verdict in ((5, "healthy"), (9, "healthy"), (10, "spike")):
        loss = np.ones(STEPS)
        loss[row] = 50.0
        loss[row + 1 :] = 0.1
        assert diagnose(recording(loss=loss)).verdict == verdict, row


@pytest.mark.parametrize("before, is_named", [(5, True), (4, True), (0, True), (6, False)])
def test_who_moved_first_is_looked_for_in_the_five_rows_before(before, is_named):
    loss, norms = np.ones(STEPS), np.ones((STEPS, LAYERS))
    loss[20] = 50.0
    norms[20 - before, 2] = 7.0
    sentence = diagnose(recording(norms, loss=loss)).sentence
    told = f"net.2.weight moved first: at step {200 - 10 * before} it is 7 times its median before."
    assert (told in sentence) == is_named


@pytest.mark.parametrize("seed", range(3))
def test_a_stuck_loss_is_told_over_the_last_six_tenths_beside_its_first_value(seed):
    rng = np.random.default_rng(seed)
    loss = np.concatenate([np.linspace(1.2, 0.9, 16), 0.9 + rng.uniform(-1e-3, 1e-3, 24)])
    found = diagnose(recording(loss=loss))
    assert found.verdict == "stuck"
    level = format_number(float(np.median(loss[28:])))
    assert f"From step 160 to step 390 the loss stays near {level}; at step 0 it was 1.2." in found.sentence


@pytest.mark.parametrize("seed", range(3))
def test_a_steps_length_is_the_median_over_tensors_and_rows(seed):
    rng = np.random.default_rng(seed)
    weight, ratio = np.exp(rng.normal(0, 1, (STEPS, LAYERS))), np.exp(rng.normal(-1, 1, (STEPS, LAYERS)))
    found = diagnose(recording(update_norm=ratio * weight, weight_norm=weight))
    assert found.verdict == "large_steps"
    assert f"by {format_number(float(np.median(ratio)))} of its norm" in found.sentence


@pytest.mark.parametrize("factor", [0.3, 0.9, 3.0])
def test_the_numbers_on_top_are_the_factor_the_ratio_and_both_ends_of_the_loss(factor):
    loss = np.linspace(2.5, 0.25, STEPS)
    metrics = diagnose(recording(sloped(factor), loss=loss)).numbers
    ratio = format_number(factor ** (LAYERS - 1))
    assert [metric.value for metric in metrics] == [format_number(factor), ratio, "2.5 → 0.25"]


@pytest.mark.parametrize("rows, early", [(5, 1), (20, 2), (40, 3), (1000, 3)])
def test_early_rows_are_a_tenth_and_three_at_most(rows, early):
    run = recording()
    object.__setattr__(run, "step", np.arange(rows))
    assert early_rows(run) == early


def test_only_layers_before_the_first_that_gets_a_gradient_are_silent_first():
    norms = np.ones((STEPS, LAYERS))
    norms[:, [0, 1, 5]] = 0.0
    sentence = diagnose(recording(norms)).sentence
    assert "net.0.weight and net.1.weight is exactly 0" in sentence and "net.5" not in sentence


@pytest.mark.parametrize("gap", [1, 2, 3])
def test_decades_are_those_from_the_first_to_the_last_position_with_a_gradient(gap):
    norms = sloped(0.5)
    norms[:, 3 : 3 + gap] = 0.0
    assert profile(recording(norms)).decades == pytest.approx((LAYERS - 1) * np.log10(0.5))
