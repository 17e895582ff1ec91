"""The part of PyTorch that exported scripts and the comparisons with it use, in NumPy, with gradients in reverse mode.

It stands in for PyTorch in the quick tests: `sys.modules["torch"] = numpy_torch.torch`. Every operation keeps what it
was made of and the rule that passes a gradient on to it (Griewank & Walther 2008, chapter 3). Nothing of the project is
used, so that an agreement says something. The slow tests make the same comparisons with PyTorch itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ContextDecorator
from types import SimpleNamespace

import numpy as np
from scipy.special import erf, expit

_recording = [True]  # False within no_grad


class Tensor:
    """An array with the rules by which its gradient becomes that of what it was computed from."""

    def __init__(self, values: np.ndarray, requires_grad: bool = False):
        self.values = np.asarray(values)
        self.grad: Tensor | None = None
        self.requires_grad = requires_grad
        self._sources: list[tuple[Tensor, Callable[[np.ndarray], np.ndarray]]] = []

    def backward(self) -> None:
        """Adds to `grad` of everything that this number depends on."""
        order, seen = [], set()

        def visit(tensor: Tensor) -> None:
            if id(tensor) not in seen:
                seen.add(id(tensor))
                for source, _ in tensor._sources:
                    visit(source)
                order.append(tensor)

        visit(self)
        upstream = {id(self): np.ones_like(self.values)}
        for tensor in reversed(order):
            arrived = upstream.get(id(tensor))
            if arrived is None:
                continue
            tensor.grad = Tensor(arrived.copy() if tensor.grad is None else tensor.grad.values + arrived)
            for source, rule in tensor._sources:
                passed = _summed_to(rule(arrived), source.values.shape)
                upstream[id(source)] = upstream[id(source)] + passed if id(source) in upstream else passed

    # -- arithmetic -------------------------------------------------------------------------------------------------

    def __add__(self, other):
        other = _tensor(other)
        return _made(self.values + other.values, (self, lambda g: g), (other, lambda g: g))

    def __neg__(self):
        return _made(-self.values, (self, lambda g: -g))

    def __sub__(self, other):
        return self + (-_tensor(other))

    def __mul__(self, other):
        other = _tensor(other)
        a, b = self.values, other.values
        return _made(a * b, (self, lambda g: g * b), (other, lambda g: g * a))

    def __truediv__(self, other):
        other = _tensor(other)
        a, b = self.values, other.values
        return _made(a / b, (self, lambda g: g / b), (other, lambda g: -g * a / (b * b)))

    def __rtruediv__(self, other):
        return _tensor(other) / self

    def __pow__(self, power: int):
        a = self.values
        return _made(a**power, (self, lambda g: g * power * a ** (power - 1)))

    def __matmul__(self, other):
        a, b = self.values, other.values
        return _made(a @ b, (self, lambda g: g @ b.T), (other, lambda g: a.T @ g))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return _tensor(other) - self

    def __iadd__(self, other):
        self.values += _tensor(other).values
        return self

    def __imul__(self, other):
        self.values *= _tensor(other).values
        return self

    def __gt__(self, other) -> Tensor:
        return Tensor(self.values > _tensor(other).values)

    # -- reductions and shapes ----------------------------------------------------------------------------------------

    def sum(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        shape, axis = self.values.shape, dim
        total = self.values.sum(axis=axis, keepdims=keepdim)

        def spread(g: np.ndarray) -> np.ndarray:
            return np.broadcast_to(g if keepdim or axis is None else np.expand_dims(g, axis), shape)

        return _made(total, (self, spread))

    def mean(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return self.sum(dim, keepdim) * (1 / (self.values.size if dim is None else self.values.shape[dim]))

    def var(self, dim: int, correction: int, keepdim: bool = False) -> Tensor:
        count = self.values.shape[dim]
        return ((self - self.mean(dim, True)) ** 2).sum(dim, keepdim) * (1 / (count - correction))

    @property
    def T(self) -> Tensor:
        return _made(self.values.T, (self, lambda g: g.T))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def ndim(self) -> int:
        return self.values.ndim

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key) -> Tensor:
        return Tensor(self.values[key.values if isinstance(key, Tensor) else key])

    def __iter__(self) -> Iterator[Tensor]:
        return (Tensor(row) for row in self.values)

    def reshape(self, *shape: int) -> Tensor:
        return Tensor(self.values.reshape(*shape))

    def flatten(self) -> Tensor:
        return Tensor(self.values.ravel())

    # -- what needs no gradient -----------------------------------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(self.values)

    def __float__(self) -> float:
        return float(self.values)

    def item(self) -> float:
        return self.values.item()

    def numpy(self) -> np.ndarray:
        return self.values

    def detach(self) -> Tensor:
        return Tensor(self.values)

    def clone(self) -> Tensor:
        return Tensor(self.values.copy())

    def double(self) -> Tensor:
        return Tensor(self.values.astype(np.float64))

    def abs(self) -> Tensor:
        return Tensor(np.abs(self.values))

    def sign(self) -> Tensor:
        return Tensor(np.sign(self.values))

    def max(self) -> Tensor:
        return Tensor(self.values.max())

    def all(self) -> Tensor:
        return Tensor(self.values.all())

    def isfinite(self) -> Tensor:
        return Tensor(np.isfinite(self.values))

    def clamp(self, min: float) -> Tensor:
        return Tensor(np.maximum(self.values, min))

    def clamp_(self, low: float, high: float) -> None:
        np.clip(self.values, low, high, out=self.values)

    def copy_(self, other: Tensor) -> None:
        self.values[...] = other.values

    def zero_(self) -> None:
        self.values[...] = 0

    def retain_grad(self) -> None:
        """Every gradient is retained here."""


def _tensor(value) -> Tensor:
    return value if isinstance(value, Tensor) else Tensor(value)


def _made(values: np.ndarray, *sources: tuple[Tensor, Callable]) -> Tensor:
    made = Tensor(values)
    if _recording[0]:
        made._sources = [(s, rule) for s, rule in sources if s.requires_grad or s._sources]
    return made


def _summed_to(gradient: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The gradient of what was broadcast from a shape."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and gradient.shape[i] > 1)
    return gradient.sum(axis=stretched, keepdims=True)


def _elementwise(function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Callable[..., Tensor]:
    """A function of each entry by its (value, slope)."""

    def apply(net: Tensor, *constants: float, **named: float) -> Tensor:
        value, slope = function(net.values, *constants, **named)
        return _made(value, (net, lambda g: g * slope))

    return apply


class no_grad(ContextDecorator):
    def __enter__(self) -> None:
        _recording.append(_recording[0])
        _recording[0] = False

    def __exit__(self, *_: object) -> None:
        _recording[0] = _recording.pop()


# -- torch.nn.functional --------------------------------------------------------------------------------------------


def _elu(z: np.ndarray, alpha: float = 1.0, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    below = np.minimum(z, 0)
    return scale * np.where(z > 0, z, alpha * np.expm1(below)), scale * np.where(z > 0, 1, alpha * np.exp(below))


def _gelu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = (1 + erf(z / math.sqrt(2))) / 2
    return z * share, share + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _silu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s = expit(z)
    return z * s, s + z * s * (1 - s)


def log_softmax(z: Tensor) -> Tensor:
    """Over dimension 1."""
    top = z.values.max(axis=1, keepdims=True)
    logs = z.values - top - np.log(np.exp(z.values - top).sum(axis=1, keepdims=True))
    return _made(logs, (z, lambda g: g - np.exp(logs) * g.sum(axis=1, keepdims=True)))


exp = _elementwise(lambda z: (np.exp(z), np.exp(z)))
sqrt = _elementwise(lambda z: (np.sqrt(z), 0.5 / np.sqrt(z)))
softplus = _elementwise(lambda z, threshold=20: (np.where(z > threshold, z, np.logaddexp(0, z)), expit(z)))


def layer_norm(
    z: Tensor, shape: Sequence[int], weight: Tensor | float = 1.0, bias: Tensor | float = 0.0, eps: float = 1e-5
) -> Tensor:
    return (z - z.mean(1, True)) / sqrt(z.var(1, 0, True) + eps) * weight + bias


def batch_norm(
    z: Tensor,
    mean: None,
    var: None,
    weight: Tensor | float = 1.0,
    bias: Tensor | float = 0.0,
    training: bool = False,
    eps: float = 1e-5,
) -> Tensor:
    return (z - z.mean(0)) / sqrt(z.var(0, 0) + eps) * weight + bias


def bce_with_logits(z: Tensor, D: Tensor, weight: Tensor | None = None, *, reduction: str) -> Tensor:
    """The sum of softplus(z) - d z, each term times its weight."""
    terms = softplus(z, threshold=np.inf) - D * z
    return (terms if weight is None else weight * terms).sum()


def cross_entropy(z: Tensor, D: Tensor, weight: Tensor | None = None, *, reduction: str) -> Tensor:
    """The sum of -d ln softmax(z), each term times the weight of its class."""
    terms = D * log_softmax(z)
    return -(terms if weight is None else weight * terms).sum()


functional = SimpleNamespace(
    linear=lambda y, W, b: y @ W.T if b is None else y @ W.T + b,
    sigmoid=_elementwise(lambda z: (expit(z), expit(z) * expit(-z))),
    tanh=_elementwise(lambda z: (np.tanh(z), 1 - np.tanh(z) ** 2)),
    relu=_elementwise(lambda z: (np.maximum(z, 0), (z > 0).astype(z.dtype))),
    leaky_relu=_elementwise(lambda z, low=0.01: (np.where(z > 0, z, low * z), np.where(z > 0, 1, low))),
    elu=_elementwise(_elu),
    selu=_elementwise(lambda z: _elu(z, alpha=1.6732632423543772848, scale=1.0507009873554804934)),
    gelu=_elementwise(_gelu),
    silu=_elementwise(_silu),
    softplus=softplus,
    softmax=lambda z, dim: exp(log_softmax(z)),
    layer_norm=layer_norm,
    batch_norm=batch_norm,
    mse_loss=lambda o, D, reduction: ((o - D) ** 2).sum(),
    binary_cross_entropy_with_logits=bce_with_logits,
    cross_entropy=cross_entropy,
)


# -- torch.nn and torch.optim ---------------------------------------------------------------------------------------


class Module:
    """Holder of parameters, its own and those of its parts."""

    training = True

    def train(self) -> None:
        self.training = True

    def eval(self) -> None:
        self.training = False

    def __call__(self, *inputs: Tensor) -> Tensor:
        return self.forward(*inputs)

    def parameters(self) -> Iterator[Tensor]:
        for part in vars(self).values():
            if isinstance(part, Module):
                yield from part.parameters()
            elif isinstance(part, Tensor):
                yield part


class ModuleList(Module):
    def __init__(self, modules: Iterable[Module]):
        self._modules = list(modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules)

    def parameters(self) -> Iterator[Tensor]:
        for module in self._modules:
            yield from module.parameters()


class Linear(Module):
    def __init__(self, fan_in: int, fan_out: int, bias: bool, dtype: type):
        self.in_features, self.out_features = fan_in, fan_out
        self.weight = Tensor(np.full((fan_out, fan_in), np.nan, dtype), requires_grad=True)  # a script draws its own
        self.bias = Tensor(np.full(fan_out, np.nan, dtype), requires_grad=True) if bias else None

    def forward(self, y: Tensor) -> Tensor:
        return functional.linear(y, self.weight, self.bias)


class LayerNorm(Module):
    def __init__(self, units: int, eps: float, dtype: type):
        self.weight = Tensor(np.ones(units, dtype), requires_grad=True)
        self.bias = Tensor(np.zeros(units, dtype), requires_grad=True)
        self._eps = eps

    def forward(self, net: Tensor) -> Tensor:
        return layer_norm(net, net.shape[1:], self.weight, self.bias, self._eps)


class BatchNorm1d(LayerNorm):
    """The statistics of the batch, always."""

    def __init__(self, units: int, track_running_stats: bool, dtype: type):
        super().__init__(units, 1e-5, dtype)

    def forward(self, net: Tensor) -> Tensor:
        return batch_norm(net, None, None, self.weight, self.bias, True)


def clip_grad_value(parameters: Iterable[Tensor], threshold: float) -> None:
    for parameter in parameters:
        parameter.grad.clamp_(-threshold, threshold)


class Optimizer:
    def __init__(self, parameters: Iterable[Tensor], lr: float):
        self._parameters, self._steps = list(parameters), 0
        self.param_groups = [{"lr": lr}]
        self._states: list[dict[str, np.ndarray]] = [{} for _ in self._parameters]

    @property
    def _rate(self) -> float:
        return self.param_groups[0]["lr"]

    def zero_grad(self) -> None:
        for parameter in self._parameters:
            parameter.grad = None

    def step(self) -> None:
        self._steps += 1
        for parameter, state in zip(self._parameters, self._states, strict=True):
            parameter.values -= self._rate * self._direction(parameter.grad.values, state)


class LambdaLR:
    def __init__(self, optimizer: Optimizer, factor: Callable[[int], float]):
        self._group, self._factor, self._step = optimizer.param_groups[0], factor, -1
        self._full = self._group["lr"]
        self.step()

    def step(self) -> None:
        self._step += 1
        self._group["lr"] = self._full * self._factor(self._step)


class MultiStepLR(LambdaLR):
    def __init__(self, optimizer: Optimizer, milestones: Sequence[int]):
        super().__init__(optimizer, lambda step: 0.1 ** sum(step >= milestone for milestone in milestones))


class CosineAnnealingLR(LambdaLR):
    def __init__(self, optimizer: Optimizer, steps: int):
        super().__init__(optimizer, lambda step: 0.5 * (1 + np.cos(np.pi * step / steps)))


class SGD(Optimizer):
    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.0, nesterov: bool = False):
        super().__init__(parameters, lr)
        self._momentum, self._nesterov = momentum, nesterov

    def _direction(self, gradient: np.ndarray, state: dict) -> np.ndarray:
        state["velocity"] = self._momentum * state["velocity"] + gradient if "velocity" in state else gradient.copy()
        return gradient + self._momentum * state["velocity"] if self._nesterov else state["velocity"]


class RMSprop(Optimizer):
    def __init__(self, parameters: Iterable[Tensor], lr: float, alpha: float, eps: float):
        super().__init__(parameters, lr)
        self._alpha, self._eps = alpha, eps

    def _direction(self, gradient: np.ndarray, state: dict) -> np.ndarray:
        state["square"] = self._alpha * state.get("square", 0) + (1 - self._alpha) * gradient**2
        return gradient / (np.sqrt(state["square"]) + self._eps)


class Adam(Optimizer):
    def __init__(self, parameters: Iterable[Tensor], lr: float, betas: tuple[float, float], eps: float):
        super().__init__(parameters, lr)
        self._betas, self._eps = betas, eps

    def _direction(self, gradient: np.ndarray, state: dict) -> np.ndarray:
        first, second = self._betas
        state["mean"] = first * state.get("mean", 0) + (1 - first) * gradient
        state["square"] = second * state.get("square", 0) + (1 - second) * gradient**2
        size = np.sqrt(state["square"] / (1 - second**self._steps)) + self._eps
        return state["mean"] / (1 - first**self._steps) / size


class AdamW(Adam):
    def __init__(self, groups: list[dict], lr: float, betas: tuple[float, float], eps: float):
        super().__init__([p for group in groups for p in group["params"]], lr, betas, eps)
        self._groups = groups

    def step(self) -> None:
        for group in self._groups:
            for parameter in group["params"]:
                parameter.values *= 1 - self._rate * group["weight_decay"]
        super().step()


def vector_norm(values: Tensor, dim: int | None = None, keepdim: bool = False, dtype: type | None = None) -> Tensor:
    squares = values.values.astype(dtype or values.values.dtype) ** 2
    return Tensor(np.sqrt(squares.sum(axis=dim, keepdims=keepdim)))


def clamp(values: Tensor, max: float) -> Tensor:
    return Tensor(np.minimum(values.values, max))


torch = SimpleNamespace(
    float32=np.float32,
    float64=np.float64,
    tensor=lambda values, dtype, requires_grad=False: Tensor(np.array(values, dtype), requires_grad),
    from_numpy=Tensor,
    cat=lambda tensors, dim=0: Tensor(np.concatenate([tensor.values for tensor in tensors], axis=dim)),
    sigmoid=functional.sigmoid,
    tanh=functional.tanh,
    relu=functional.relu,
    sqrt=sqrt,
    sign=Tensor.sign,
    clamp=clamp,
    no_grad=no_grad,
    linalg=SimpleNamespace(vector_norm=vector_norm),
    optim=SimpleNamespace(
        SGD=SGD,
        RMSprop=RMSprop,
        Adam=Adam,
        AdamW=AdamW,
        lr_scheduler=SimpleNamespace(LambdaLR=LambdaLR, MultiStepLR=MultiStepLR, CosineAnnealingLR=CosineAnnealingLR),
    ),
    nn=SimpleNamespace(
        Module=Module,
        ModuleList=ModuleList,
        Linear=Linear,
        LayerNorm=LayerNorm,
        BatchNorm1d=BatchNorm1d,
        functional=functional,
        utils=SimpleNamespace(clip_grad_value_=clip_grad_value),
    ),
)
