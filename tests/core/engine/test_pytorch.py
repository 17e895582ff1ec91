"""Whole runs against PyTorch, whose gradients, activations, losses, normalizations and optimizers are its own.

The quick tests compare with tests/support/numpy_torch.py, which has the same functions in NumPy, the slow ones with
PyTorch. What PyTorch lacks in this form (clipping without an epsilon, penalties on weights alone, decoupled decay,
max-norm) is written here once more, as a list of stages, so that another order can be tried.
"""

import math

import numpy as np
import pytest

from core import RunConfig, snapshot, train
from core.families.activations import ACTIVATIONS
from core.families.clipping import CLIPS
from core.families.losses import LOSSES
from core.families.normalization import NORMALIZATIONS
from core.families.optimizers import OPTIMIZERS
from core.families.schedules import SCHEDULES
from tests.support import numpy_torch
from tests.support.gains import draw_gains

ORDER = ("penalty", "clip", "decay", "step", "project")
# Both sides round differently, by about 1e-15 a step; twelve steps of a well-conditioned network keep that below 1e-11,
# adaptive optimizers divide by small gradients and keep it below 1e-9.
RTOL = 1e-9


@pytest.fixture(params=["numpy", pytest.param("pytorch", marks=pytest.mark.slow)])
def torch(request):
    """PyTorch with one thread, or what stands in for it."""
    if request.param == "numpy":
        yield numpy_torch.torch
        return
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -r requirements-torch.txt")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(before)


def phi(F, name, z):
    """An activation by its name, which is PyTorch's."""
    if name == "linear":
        return z
    return F.softmax(z, dim=1) if name == "softmax" else getattr(F, name)(z)


# With w the weight of each sample, (samples, 1); a weighted mean squared error is written out.
LOSS = {
    "mse": lambda F, z, o, d, w: F.mse_loss(o, d, reduction="sum") if w is None else (w * (o - d) ** 2).sum(),
    "bce": lambda F, z, o, d, w: F.binary_cross_entropy_with_logits(z, d, weight=w, reduction="sum"),
    "cross_entropy": lambda F, z, o, d, w: F.cross_entropy(z, d, weight=w, reduction="sum"),
}
OPTIMIZER = {
    "sgd": lambda optim, p, c: optim.SGD(p, lr=c.learning_rate),
    "momentum": lambda optim, p, c: optim.SGD(p, lr=c.learning_rate, momentum=c.momentum),
    "nesterov": lambda optim, p, c: optim.SGD(p, lr=c.learning_rate, momentum=c.momentum, nesterov=True),
    "rmsprop": lambda optim, p, c: optim.RMSprop(p, lr=c.learning_rate, alpha=0.99, eps=1e-8),
    "adam": lambda optim, p, c: optim.Adam(p, lr=c.learning_rate, betas=(0.9, 0.999), eps=1e-8),
    "adamw": lambda optim, p, c: optim.AdamW(
        [
            {"params": [parameter for parameter in p if len(parameter.shape) == 2], "weight_decay": c.weight_decay},
            {"params": [parameter for parameter in p if len(parameter.shape) == 1], "weight_decay": 0.0},
        ],
        lr=c.learning_rate,
        betas=(0.9, 0.999),
        eps=1e-8,
    ),
}
SCHEDULER = {
    "constant": lambda schedulers, optimizer, c: None,
    "step": lambda schedulers, optimizer, c: schedulers.MultiStepLR(
        optimizer, [c.schedule_length // 2, 3 * c.schedule_length // 4]
    ),
    "cosine": lambda schedulers, optimizer, c: schedulers.CosineAnnealingLR(optimizer, c.schedule_length),
}


class Network:
    """The network of a config in PyTorch: weights (out, in) as PyTorch has them."""

    def __init__(self, torch, config, weights, class_weights=None):
        self.masks = np.random.default_rng([config.seed, 4])  # the engine's own numbers
        self.torch, self.config, self.class_weights = torch, config, class_weights
        double = {"dtype": torch.float64, "requires_grad": True}
        self.W = [torch.tensor(W.T.copy(), **double) for W, *_ in weights]
        self.b = [None if b is None else torch.tensor(b, **double) for _, b, *_ in weights]
        self.own = [[torch.tensor(values, **double) for values in own] for _, _, *own in weights]  # gain and shift
        self.layers = [
            [p for p in (W, b, *own) if p is not None] for W, b, own in zip(self.W, self.b, self.own, strict=True)
        ]
        self.parameters = [p for layer in self.layers for p in layer]
        self.optimizer = OPTIMIZER[config.optimizer](torch.optim, self.parameters, config)
        self.schedule = SCHEDULER[config.schedule](torch.optim.lr_scheduler, self.optimizer, config)

    def data_loss(self, X, D):
        c, y, self.nets, F = self.config, X, [], self.torch.nn.functional
        for layer, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            net = F.linear(y, W, b)
            net.retain_grad()
            self.nets.append(net)
            if layer == len(self.W) - 1:
                return LOSS[c.loss](F, net, phi(F, c.output_activation, net), D, self.weigh(D)) / len(X)
            z = net
            if c.normalization == "layer":
                z = F.layer_norm(z, z.shape[1:], *self.own[layer])
            elif c.normalization == "batch":
                z = F.batch_norm(z, None, None, *self.own[layer], training=True)
            out = phi(F, c.activations[layer], z)
            if c.dropout:
                stays = (self.masks.random((W.shape[0], len(X))).T >= c.dropout) / (1 - c.dropout)
                out = out * self.torch.tensor(stays, dtype=self.torch.float64)
            y = y + out if c.residual and W.shape[0] == W.shape[1] else out

    def weigh(self, D):
        """Weights as the loss takes them: of classes for the cross-entropy, else of samples."""
        if self.class_weights is None:
            return None
        by_class = self.torch.tensor(self.class_weights, dtype=self.torch.float64)
        return by_class if self.config.loss == "cross_entropy" else D @ by_class[:, None]

    # -- the stages of an update ------------------------------------------------------------------------------------

    def penalty(self):
        for W in self.W:
            W.grad += self.config.l1 * W.sign() + 2 * self.config.l2 * W

    def clip(self):
        c, kind, torch = self.config.clip_threshold, self.config.clip, self.torch
        if kind == "value":
            for p in self.parameters:
                p.grad.clamp_(-c, c)
        elif kind == "global_norm":
            self._shrink([p.grad for p in self.parameters], c)
        elif kind == "per_layer_norm":
            for layer in self.layers:
                self._shrink([p.grad for p in layer], c)
        elif kind == "adaptive":
            for W, *vectors in self.layers:
                for unit in range(len(W)):
                    self._shrink([W.grad[unit]], c * max(float(torch.linalg.vector_norm(W[unit])), 1e-3))
                for vector in vectors:
                    self._shrink([vector.grad], c * max(float(torch.linalg.vector_norm(vector)), 1e-3))

    @staticmethod
    def _shrink(gradients, bound):
        norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
        if norm > bound:
            for g in gradients:
                g *= bound / norm

    def decay(self):
        if self.config.optimizer == "adamw":
            return  # the optimizer does it
        for W in self.W:
            W *= 1 - self.optimizer.param_groups[0]["lr"] * self.config.weight_decay

    def step(self):
        self.optimizer.step()
        if self.schedule is not None:
            self.schedule.step()

    def project(self):
        if self.config.max_norm is not None:
            for W in self.W:
                norm = self.torch.linalg.vector_norm(W, dim=1, keepdim=True)
                W *= self.torch.clamp(self.config.max_norm / norm, max=1)

    # -- one row of a trace -----------------------------------------------------------------------------------------

    def norms(self):
        return np.array([float(self.torch.linalg.vector_norm(W.grad)) for W in self.W])

    def global_norm(self):
        return math.sqrt(sum(float((p.grad**2).sum()) for p in self.parameters))

    def update(self, X, D, order):
        """One step in the given order of stages; returns the row."""
        torch = self.torch
        self.optimizer.zero_grad()
        loss = self.data_loss(X, D)
        loss.backward()
        before = [W.detach().clone() for W in self.W]
        row = {"loss": float(loss.detach()), "grad_norm": self.norms()}
        row["delta_norm"] = np.array([float(torch.linalg.vector_norm(net.grad)) for net in self.nets])
        row["weight_norm"] = np.array([float(torch.linalg.vector_norm(W)) for W in before])
        penalties = [self.config.l1 * W.abs().sum() + self.config.l2 * (W**2).sum() for W in before]
        row["total_loss"] = row["loss"] + float(sum(penalties))
        for stage in order:
            with torch.no_grad():
                getattr(self, stage)()
            if stage == "penalty":
                row["total_grad_norm"], row["global_grad_norm"] = self.norms(), self.global_norm()
            if stage == "clip":
                row["clipped_grad_norm"] = self.norms()
                row["clip_scale"] = self.global_norm() / row["global_grad_norm"] if "global_grad_norm" in row else None
        steps = [float(torch.linalg.vector_norm(W.detach() - old)) for W, old in zip(self.W, before, strict=True)]
        row["update_ratio"] = np.array(steps) / row["weight_norm"]
        return row


def in_pytorch(torch, config, weights, batches, order=ORDER, class_weights=None):
    """(rows, final parameters by layer, W (fan_in, fan_out)) of a run in PyTorch over the given (X, D) of each step."""
    network = Network(torch, config, weights, class_weights)
    rows = [network.update(*(torch.tensor(part, dtype=torch.float64) for part in batch), order) for batch in batches]
    final = [[W.detach().numpy().T, *(p.detach().numpy() for p in vectors)] for W, *vectors in network.layers]
    return rows, final


def problem(config, seed=5):
    """(data, initial) of fixed draws; targets that suit the loss."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((config.samples, 4))
    if config.loss == "mse" and config.class_weight == "none":
        D = rng.standard_normal((config.samples, 3))
    else:
        D = np.eye(3)[rng.integers(0, 3, len(X))]
    widths = (4, *config.hidden, 3)
    initial = [
        (
            rng.standard_normal((m, n)) * config.init_scale / np.sqrt(m),
            0.3 * rng.standard_normal(n) if config.bias else None,
        )
        for m, n in zip(widths, widths[1:], strict=False)
    ]
    if config.has_norm_affine:
        *hidden, output = initial
        initial = draw_gains([*((W, b, 1, 0) for W, b in hidden), output])
    return (X, D), initial


def difference(found, wanted, scale):
    """The largest of |found - wanted| / scale; 0 where both are the same zero, infinite where one is no number."""
    distance = np.abs(found - wanted)
    with np.errstate(all="ignore"):
        relative = np.where(distance == 0, 0, distance / scale)
    return np.max(np.where(np.isnan(relative), np.inf, relative))


def compare(torch, config, batches=None, order=ORDER):
    """The largest relative difference of any recorded number and of the final weights, over all rows."""
    data, initial = problem(config)
    (trace,) = train([config], data=data, initial=[initial])
    counts = data[1].sum(axis=0)
    class_weights = len(data[1]) / (3 * counts) if config.class_weight == "balanced" else None
    rows, final = in_pytorch(torch, config, initial, batches or [data] * config.steps, order, class_weights)
    worst = 0.0
    for t, row in enumerate(rows):
        for name, wanted in row.items():
            if wanted is not None:
                worst = max(worst, difference(getattr(trace, name)[t], wanted, np.abs(wanted)))
    for layer, layer_torch in zip(trace.weights, final, strict=True):
        for values, values_torch in zip([p for p in layer if p is not None], layer_torch, strict=True):
            worst = max(worst, difference(values, values_torch, np.abs(values_torch).max()))
    return worst


EVERYTHING = RunConfig(
    hidden=(6, 6, 5), activation="tanh", init_scale=1.5, samples=11, steps=12, learning_rate=0.05, l1=0.01, l2=0.02,
    weight_decay=0.3, max_norm=0.9, clip="global_norm", clip_threshold=0.5, momentum=0.8,
)  # fmt: skip
THRESHOLD = {"none": 1.0, "value": 0.05, "global_norm": 0.5, "per_layer_norm": 0.3, "adaptive": 0.1}


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_penalties_clipping_decay_and_max_norm_together(torch, optimizer, clip):
    config = EVERYTHING.replace(optimizer=optimizer, clip=clip, clip_threshold=THRESHOLD[clip])
    assert compare(torch, config) < RTOL
    data, initial = problem(config)
    (trace,) = train([config], data=data, initial=[initial])
    assert (trace.clip_scale[:-1] < 1).any() == (clip != "none")  # clipping binds ...
    (first,) = train([config.replace(steps=1)], data=data, initial=[initial])
    norms = np.concatenate([np.linalg.norm(W, axis=0) for W, *_ in first.weights])
    assert np.isclose(norms, 0.9, rtol=1e-12).sum() > 3  # ... and so does the projection


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_schedules_move_steps_and_decay(torch, optimizer, schedule):
    assert compare(torch, EVERYTHING.replace(optimizer=optimizer, schedule=schedule, steps=24)) < RTOL


WRONG = {
    "clipping before penalties": ("clip", "penalty", "decay", "step", "project"),
    "decay before penalties": ("decay", "penalty", "clip", "step", "project"),
    "decay after the step": ("penalty", "clip", "step", "decay", "project"),
    "max-norm before the step": ("penalty", "clip", "decay", "project", "step"),
    "max-norm before decay": ("penalty", "clip", "step", "project", "decay"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if name != "adamw"])  # which decays by itself
def test_another_order_of_the_stages_gives_other_numbers(torch, optimizer, name):
    assert compare(torch, EVERYTHING.replace(optimizer=optimizer), order=WRONG[name]) > 1e4 * RTOL


def test_adaptive_clipping_looks_at_the_weights_before_they_decay(torch):
    config = EVERYTHING.replace(clip="adaptive", clip_threshold=0.1)
    assert compare(torch, config, order=("penalty", "decay", "clip", "step", "project")) > 1e4 * RTOL


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_and_normalization_with_residuals(torch, activation, normalization):
    config = RunConfig(
        hidden=(6, 6, 6, 5), activation=activation, normalization=normalization, residual=True, samples=11, steps=6,
        learning_rate=0.002, optimizer="momentum",
    )  # fmt: skip
    assert compare(torch, config) < RTOL


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("first", range(0, len(ACTIVATIONS), 3))
def test_an_activation_of_its_own_in_every_layer(torch, first, normalization):
    names = [*ACTIVATIONS, *ACTIVATIONS][first : first + 4]
    config = RunConfig(
        hidden=(6, 6, 6, 5), activation=names, normalization=normalization, residual=True, samples=11, steps=6,
        learning_rate=0.002, optimizer="momentum", norm_affine=True,
    )  # fmt: skip
    assert compare(torch, config) < RTOL


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_with_and_without_biases(torch, loss, bias):
    output = LOSSES[loss].output_activation or "tanh"
    config = RunConfig(
        hidden=(6, 6, 6), activation="silu", loss=loss, output_activation=output, bias=bias, samples=11, steps=10,
        learning_rate=0.1, clip="per_layer_norm", clip_threshold=0.2,
    )  # fmt: skip
    assert compare(torch, config) < RTOL


@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_dropout_by_the_same_masks(torch, normalization, residual):
    config = EVERYTHING.replace(dropout=0.4, normalization=normalization, residual=residual)
    assert compare(torch, config) < RTOL


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("normalization", [name for name in NORMALIZATIONS if name != "none"])
def test_a_learned_gain_and_shift_with_penalties_clipping_decay_and_max_norm(torch, normalization, optimizer, clip):
    # Under batch normalization a bias has no gradient but rounding, which adaptive optimizers make steps of.
    config = EVERYTHING.replace(
        normalization=normalization, norm_affine=True, bias=normalization == "layer", optimizer=optimizer, clip=clip,
        clip_threshold=THRESHOLD[clip],
    )  # fmt: skip
    assert compare(torch, config) < RTOL
    data, initial = problem(config)
    (trace,) = train([config], data=data, initial=[initial])
    for (*_, gain, shift), (*_, first_gain, first_shift) in zip(trace.weights[:-1], initial[:-1], strict=True):
        assert np.abs(gain - first_gain).max() > 1e-3 and np.abs(shift - first_shift).max() > 1e-3


@pytest.mark.parametrize("loss", LOSSES)
def test_a_learned_gain_and_shift_under_every_loss_with_dropout_and_residuals(torch, loss):
    config = RunConfig(
        hidden=(6, 6, 6), activation="silu", loss=loss, output_activation=LOSSES[loss].output_activation or "tanh",
        normalization="layer", norm_affine=True, residual=True, dropout=0.3, samples=11, steps=10, learning_rate=0.1,
    )  # fmt: skip
    assert compare(torch, config) < RTOL


@pytest.mark.parametrize("loss", LOSSES)
def test_balanced_classes_under_every_loss(torch, loss):
    output = LOSSES[loss].output_activation or "tanh"
    config = RunConfig(
        hidden=(6, 6), activation="tanh", loss=loss, output_activation=output, samples=11, steps=10, learning_rate=0.1,
        class_weight="balanced",
    )  # fmt: skip
    assert compare(torch, config) < RTOL
    counts = problem(config)[0][1].sum(axis=0)
    assert counts.min() < counts.max()  # so that the weights differ


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_mini_batches_replayed_from_the_snapshots(torch, optimizer):
    # Under batch normalization a bias has no gradient but rounding, which adaptive optimizers make steps of.
    normalization = "layer" if optimizer in ("rmsprop", "adam", "adamw") else "batch"
    config = EVERYTHING.replace(optimizer=optimizer, batch_size=4, normalization=normalization)
    data, initial = problem(config)
    kept = [snapshot(config, step, data=data, initial=initial) for step in range(config.steps)]
    assert compare(torch, config, batches=[(row.inputs, row.targets) for row in kept]) < RTOL


def test_a_depth_of_thirty_layers(torch):
    config = RunConfig(
        hidden=(6,) * 30, activation="tanh", init_scale=1.2, samples=11, steps=5, learning_rate=0.01, optimizer="adam"
    )
    assert compare(torch, config) < 1e-8  # thirty layers in a row multiply the roundings
