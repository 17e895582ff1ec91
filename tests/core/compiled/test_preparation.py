"""Everything is compiled beforehand: two versions of each pass, float64 and float32, whatever is trained."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np

from core import RunConfig, snapshot, train
from core.compiled import preparation
from core.engine.loop import advance
from core.engine.passes import backward, forward
from core.families.activations import ACTIVATIONS, activate
from core.theory.drawn_passes import pass_networks
from core.theory.prediction import predict


def test_no_run_needs_more_than_what_was_compiled_beforehand():
    passes = (activate, forward, backward, advance, pass_networks)
    preparation._call_everything()
    before = [set(function.signatures) for function in passes]
    assert {len(signatures) for signatures in before} == {2}
    base = RunConfig(hidden=(3, 3), samples=6, steps=2)
    runs = [
        base.replace(normalization="batch", residual=True, batch_size=3, holdout=0.3),
        base.replace(normalization="layer", bias=False, activation="gelu", dtype="float32"),
        base.replace(hidden=(), dataset="iris", loss="cross_entropy", output_activation="softmax", dtype="float32"),
        base.replace(clip="adaptive", l1=0.1, l2=0.1, weight_decay=0.1, schedule="cosine", output_activation="tanh"),
        base.replace(loss="bce", output_activation="sigmoid", dataset="moons", max_norm=1.0, optimizer="adam"),
    ]
    train([config.replace(seed=seed) for config in runs for seed in range(3)])
    snapshot(runs[0], 1)
    for config in (*runs, base.replace(init="orthogonal", batch_size=3), base.replace(init_scale=1e20, residual=True)):
        predict(config)
    fixed = np.linspace(-1, 1, 7)
    fixed.flags.writeable = False
    for z in (fixed, np.broadcast_to(fixed, (3, 7)), fixed[::2], np.arange(3), np.float32(2), fixed.astype(np.float32)):
        value, slope = ACTIVATIONS["tanh"].evaluate(z)
        assert value.shape == slope.shape == np.shape(z)
    assert [set(function.signatures) for function in passes] == before


def test_it_says_once_that_it_compiles_and_marks_the_folder(monkeypatch, tmp_path):
    said, called = [], []
    monkeypatch.setattr(preparation, "_prepared", False)
    monkeypatch.setattr(preparation, "code_folder", lambda: tmp_path)
    monkeypatch.setattr(preparation, "is_ready", lambda: (tmp_path / preparation.READY_MARK).exists())
    monkeypatch.setattr(preparation, "_call_everything", lambda: called.append(True))
    preparation.prepare(said.append)
    assert len(said) == 2 and "one to three minutes" in said[0] and called == [True]
    preparation.prepare(said.append)
    monkeypatch.setattr(preparation, "_prepared", False)
    preparation.prepare(said.append)  # another process
    assert len(said) == 2 and called == [True]


def test_who_waits_for_another_call_that_compiles_reads_why_and_compiles_nothing(monkeypatch):
    said = []
    monkeypatch.setattr(preparation, "_prepared", False)
    monkeypatch.setattr(preparation, "is_ready", lambda: False)
    monkeypatch.setattr(preparation, "_call_everything", lambda: said.append("compiled"))
    read = Event()
    with ThreadPoolExecutor(1) as other:
        with preparation._preparing:  # as another call holds it
            second = other.submit(preparation.prepare, lambda sentence: (said.append(sentence), read.set()))
            assert read.wait(60) and not second.done()
            monkeypatch.setattr(preparation, "_prepared", True)
        second.result(60)
    assert len(said) == 1 and "one to three minutes" in said[0]


def test_it_says_so_where_nothing_can_be_kept(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(preparation, "_prepared", False)
    monkeypatch.setattr(preparation, "code_folder", lambda: tmp_path / "missing")
    monkeypatch.setattr(preparation, "is_ready", lambda: False)
    monkeypatch.setattr(preparation, "_call_everything", lambda: None)
    preparation.prepare(said.append)
    assert any("each process compiles for itself" in sentence for sentence in said)
