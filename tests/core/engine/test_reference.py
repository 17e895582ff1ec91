"""Nine runs whose every number was computed independently, in PyTorch, and stored beside this file."""

import json

import numpy as np
import pytest

from core import RunConfig, snapshot, train
from tests.support.checkout import REFERENCE

FOLDER = REFERENCE
with open(FOLDER / "traces.json", encoding="utf-8") as file:
    REFERENCE = {entry["id"]: entry for entry in json.load(file)["configs"]}
NUMBERS = dict(np.load(FOLDER / "traces.npz"))
STEPS = 20

# Every stored sensitivity to a relative change of 1e-15 in the weights is below 1e-10, and 1e-7 is over a hundred times
# that; nothing here is small by cancellation, so no absolute tolerance is needed.
RTOL = 1e-7


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=0, strict=True)


def stored(name, key):
    return NUMBERS[f"{name}/{key}"]


def parameters(name, when):
    """[(W, b), ...] as this project keeps them; they are stored as (out, in)."""
    entry = REFERENCE[name]
    layers = range(1, entry["n_layers"] + 1)
    return [(stored(name, f"W{k}_{when}").T, stored(name, f"b{k}_{when}") if entry["bias"] else None) for k in layers]


def config(name):
    entry = REFERENCE[name]
    optimizer, clip = entry["optimizer"], entry["clip"] or {"kind": "none", "threshold": 1.0}
    kind = optimizer["kind"]
    if optimizer.get("momentum"):
        kind = "nesterov" if optimizer.get("nesterov") else "momentum"
    return RunConfig(
        hidden=entry["widths"][1:-1],
        activation=entry["activation"],
        output_activation=entry["output_activation"],
        bias=entry["bias"],
        residual=entry.get("residual", False),
        normalization=entry.get("normalization", "none"),
        loss=entry.get("loss", "mse"),
        optimizer=kind,
        learning_rate=optimizer["lr"],
        momentum=optimizer.get("momentum", 0.9),
        weight_decay=optimizer.get("weight_decay", 0.0),
        clip=clip["kind"],
        clip_threshold=clip["threshold"],
        steps=STEPS,
        **entry["regularization"],
    )


@pytest.fixture(scope="module", params=sorted(REFERENCE))
def run(request):
    name = request.param
    data = stored(name, "X"), stored(name, "T")
    (trace,) = train([config(name)], data=data, initial=[parameters(name, "init")])
    return name, data, trace


def test_there_are_nine_and_every_stored_sensitivity_allows_the_tolerance():
    assert len(REFERENCE) == 9
    for entry in REFERENCE.values():
        assert max(entry["sensitivity_to_1e-15_relative_weight_perturbation"].values()) * 100 < RTOL


def test_losses_of_every_row(run):
    name, _, trace = run
    close(trace.loss, stored(name, "loss_data"))
    close(trace.total_loss, stored(name, "loss_total"))


@pytest.mark.parametrize(
    "field, key",
    [
        ("grad_norm", "gW_data"),
        ("total_grad_norm", "gW_raw"),
        ("clipped_grad_norm", "gW_clip"),
        ("delta_norm", "gZ_data"),
    ],
)
def test_norms_of_every_layer_in_every_row(run, field, key):
    name, _, trace = run
    close(getattr(trace, field)[:STEPS], stored(name, key))


def test_global_norms_are_of_weights_and_biases_jointly(run):
    name, _, trace = run
    close(trace.global_grad_norm[:STEPS], stored(name, "gnorm_raw"))
    close((trace.global_grad_norm * trace.clip_scale)[:STEPS], stored(name, "gnorm_clip"))
    jointly = np.hypot(np.linalg.norm(stored(name, "gW_raw"), axis=1), np.linalg.norm(stored(name, "gb_raw"), axis=1))
    close(trace.global_grad_norm[:STEPS], jointly)


def test_final_weights(run):
    name, _, trace = run
    for (W, b), (W_stored, b_stored) in zip(trace.weights, parameters(name, "final"), strict=True):
        # single weights may lie near zero: they are compared on the scale of their layer
        np.testing.assert_allclose(W, W_stored, rtol=RTOL, atol=RTOL * np.abs(W_stored).max(), strict=True)
        if b_stored is None:
            assert b is None
        else:
            np.testing.assert_allclose(b, b_stored, rtol=RTOL, atol=RTOL * np.abs(b_stored).max(), strict=True)


@pytest.mark.parametrize("step", [0, 9, STEPS - 1])
def test_snapshots_hold_the_gradients_whose_norms_are_stored(run, step):
    name, data, _ = run
    kept = snapshot(config(name), step, data=data, initial=parameters(name, "init"))
    close(np.array([np.linalg.norm(G) for G in kept.weight_gradient]), stored(name, "gW_data")[step])
    close(np.array([np.linalg.norm(delta) for delta in kept.delta]), stored(name, "gZ_data")[step])
    if REFERENCE[name]["bias"]:
        close(np.array([np.linalg.norm(g) for g in kept.bias_gradient]), stored(name, "gb_data")[step])
    else:
        assert kept.bias_gradient == [None] * len(kept.delta)


def test_the_nine_in_one_call_are_the_nine_alone():
    configs, initial = [config(name) for name in REFERENCE], [parameters(name, "init") for name in REFERENCE]
    same = [name for name in REFERENCE if stored(name, "X").shape == (16, 6) and stored(name, "T").shape[1] == 2]
    data = stored(same[0], "X"), stored(same[0], "T")
    chosen = [k for k, name in enumerate(REFERENCE) if name in same]
    together = train([configs[k] for k in chosen], data=data, initial=[initial[k] for k in chosen])
    for k, trace in zip(chosen, together, strict=True):
        (alone,) = train([configs[k]], data=data, initial=[initial[k]])
        np.testing.assert_array_equal(trace.grad_norm, alone.grad_norm)
        for (W, _), (W_alone, _) in zip(trace.weights, alone.weights, strict=True):
            np.testing.assert_array_equal(W, W_alone)
