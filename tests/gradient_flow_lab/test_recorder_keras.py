"""The callback for Keras 3 on the torch backend, against autograd's own numbers."""

import math
import os

os.environ.setdefault("KERAS_BACKEND", "torch")  # which Keras reads as it is imported

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

from core import diagnose  # noqa: E402
from core.recordings import read_recording  # noqa: E402
from gradient_flow_lab.recorder import keras_callback  # noqa: E402

pytestmark = pytest.mark.slow


class Witness(keras.callbacks.Callback):
    """Gradients that autograd left on the variables after each batch, beside the weights before it."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def on_train_batch_begin(self, batch, logs=None):
        self.before = [v.value.detach().clone() for v in self.model.trainable_variables]

    def on_train_batch_end(self, batch, logs=None):
        values = [v.value for v in self.model.trainable_variables]
        norms = [float(torch.linalg.vector_norm(v.grad.double())) for v in values]
        weights = [float(torch.linalg.vector_norm(b.double())) for b in self.before]
        steps = [
            float(torch.linalg.vector_norm((v.detach() - b).double())) for v, b in zip(values, self.before, strict=True)
        ]
        self.rows.append((norms, weights, steps))


@pytest.mark.parametrize("ending", ["jsonl.gz", "csv"])
def test_the_callback_records_what_autograd_left(ending, tmp_path):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "sigmoid") for _ in range(4)]
    model = keras.Sequential([keras.layers.Input((3,)), *layers, keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    path, witness = tmp_path / f"run.{ending}", Witness()
    x = np.random.default_rng(0).standard_normal((40, 3)).astype("float32")
    model.fit(x, x[:, :1], batch_size=10, epochs=2, verbose=0, callbacks=[witness, keras_callback(path, every=3)])
    recording = read_recording(path.read_bytes(), path.name)
    assert recording.step.tolist() == [0, 3, 6]
    assert recording.framework == ("keras" if ending == "jsonl.gz" else "")
    assert [p.kind for p in recording.parameters] == ["weight", "bias"] * 5
    for i, field in enumerate(("grad_norm", "weight_norm", "update_norm")):
        expected = [witness.rows[step][i] for step in (0, 3, 6)]
        np.testing.assert_allclose(recording.values[field], expected, rtol=1e-12, err_msg=field)
    assert np.isfinite(recording.rows["loss"]).all()
    np.testing.assert_allclose(recording.rows["learning_rate"], 0.1, rtol=1e-6)
    if ending == "jsonl.gz":
        codes = [s.code for f in diagnose(recording).findings for s in f.suggestions]
        assert not [code for code in codes if "torch" in code or "nn." in code]


def test_a_callback_serves_one_model_and_ends_its_file(tmp_path):
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0, callbacks=[keras_callback(tmp_path / "run.jsonl.gz")])
    recording = read_recording((tmp_path / "run.jsonl.gz").read_bytes(), "run.jsonl.gz")
    assert len(recording.step) == 1 and math.isfinite(recording.rows["loss"][0])
