"""The recorder of pytrees, against norms in double precision by NumPy."""

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from core.recordings import read_recording
from gradient_flow_lab.recorder import record_tree

pytestmark = pytest.mark.slow


def network(widths):
    keys = jax.random.split(jax.random.key(0), len(widths))
    return {
        f"dense_{i}": {"kernel": jax.random.normal(key, (a, b)) / a**0.5, "bias": jnp.zeros(b)}
        for i, (key, a, b) in enumerate(zip(keys, widths, widths[1:], strict=False))
    }


def compute_loss(params, x):
    for layer in params.values():
        x = jnp.tanh(x @ layer["kernel"] + layer["bias"])
    return (x**2).mean()


def norms(tree):
    return [float(np.linalg.norm(np.asarray(leaf, dtype=float))) for leaf in jax.tree_util.tree_leaves(tree)]


def test_norms_are_those_of_the_trees(tmp_path):
    params, x = network([3, 8, 8, 1]), jax.random.normal(jax.random.key(1), (16, 3))
    expected = {"grad_norm": [], "weight_norm": [], "update_norm": [], "clipped_grad_norm": []}
    with record_tree(params, tmp_path / "run.jsonl.gz", every=2) as run:
        for step in range(5):
            loss, grads = jax.value_and_grad(compute_loss)(params, x)
            clipped = jax.tree.map(lambda g: 0.5 * g, grads)
            updates = jax.tree.map(lambda g: -0.1 * g, clipped)
            run.step(grads, params, loss=loss, updates=updates, clipped=clipped)
            if step % 2 == 0:
                for field, tree in zip(expected, (grads, params, updates, clipped), strict=True):
                    expected[field].append(norms(tree))
            params = jax.tree.map(jnp.add, params, updates)
    recording = read_recording((tmp_path / "run.jsonl.gz").read_bytes(), "run.jsonl.gz")
    assert recording.framework == "jax" and recording.step.tolist() == [0, 2, 4]
    assert [p.name for p in recording.parameters][:2] == ["dense_0.bias", "dense_0.kernel"]
    assert [p.kind for p in recording.parameters] == ["bias", "weight"] * 3
    assert [p.layer for p in recording.parameters] == [1, 1, 2, 2, 3, 3]
    for field, rows in expected.items():  # the device computes in single precision: eps is 1.2e-7
        np.testing.assert_allclose(recording.values[field], rows, rtol=1e-6, err_msg=field)


@pytest.mark.parametrize("dtype, entry", [("float16", 1e-6), ("float16", 3e4), ("bfloat16", 1e-30), ("float32", 1e-30)])
def test_norms_neither_overflow_nor_underflow(dtype, entry, tmp_path):
    leaf = jnp.full((4, 4), entry, dtype=dtype)
    with record_tree({"w": leaf}, tmp_path / "run.jsonl") as run:
        run.step({"w": leaf}, {"w": leaf})
    recording = read_recording((tmp_path / "run.jsonl").read_bytes())
    assert recording.values["grad_norm"][0, 0] == pytest.approx(4 * float(leaf[0, 0]), rel=1e-6)


def test_what_is_not_finite_stays_so(tmp_path):
    params = {"a": jnp.ones(3), "b": jnp.ones(3)}
    with record_tree(params, tmp_path / "run.jsonl") as run:
        run.step({"a": jnp.ones(3), "b": jnp.array([1.0, jnp.inf, 0.0])}, params)
        run.step({"a": jnp.ones(3), "b": jnp.array([1.0, jnp.nan, 0.0])}, params)
    recording = read_recording((tmp_path / "run.jsonl").read_bytes())
    assert recording.not_finite.tolist() == [[False, True], [False, True]]


def test_layer_10_comes_after_layer_2(tmp_path):
    params = {f"layer_{i}": {"w": jnp.full(2, float(i))} for i in range(12)}
    with record_tree(params, tmp_path / "run.jsonl") as run:
        run.step(params, params)
    recording = read_recording((tmp_path / "run.jsonl").read_bytes())
    assert [p.name for p in recording.parameters] == [f"layer_{i}.w" for i in range(12)]
    np.testing.assert_allclose(recording.values["grad_norm"][0], np.arange(12) * 2**0.5, rtol=1e-6)
