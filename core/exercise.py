"""The lecture's exercise: the network with two inputs, two hidden units and one output, in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .config import Number, RunConfig
from .engine.parameters import Initial
from .engine.training import snapshot, train
from .errors import ConfigError
from .families.activations import ACTIVATIONS, Activation

# Of a weight, an input or a target: no product of them leaves the range of float64.
ENTRY = Number(-1_000_000, 1_000_000)
RATE = Number(0, 1_000_000, low_open=True)
SIGMOID = ACTIVATIONS["sigmoid"]
# The same network as the engine has it; `data` and `initial` are to be given.
CONFIG = RunConfig(
    hidden=(2,), activation="sigmoid", output_activation="sigmoid", bias=False, loss="mse", optimizer="sgd", steps=0
)
# The order of the six weights wherever they are one vector.
WEIGHTS = ("w_11^(0,1)", "w_12^(0,1)", "w_21^(0,1)", "w_22^(0,1)", "w_11^(1,2)", "w_21^(1,2)")


@dataclass(frozen=True, eq=False, kw_only=True)
class Solution:
    """Every value of the exercise; sample n is row n, and weights are indexed as in w01 and w12.

    Attributes:
        net01, y: (N, 2) net input and output of the hidden units.
        net12, o: (N,) net input and output of the output unit.
        error: E = (1/N) sum_n (o_n - d_n)^2.
        grad_w01, grad_w12: (2, 2) and (2,), dE/dw.
        hessian: (6, 6), in the order of `WEIGHTS`.
        dE_do, do_dnet12: (N,) the first two factors of every chain, (2/N)(o_n - d_n) and o_n (1 - o_n).
        do_dy, dy_dnet01: (N, 2) o_n (1 - o_n) w_j1^(1,2) and phi'(net_nj^(0,1)).
        terms_w01, terms_w12: (N, 2, 2) and (N, 2), the contribution of sample n to each gradient.
    """

    net01: np.ndarray
    y: np.ndarray
    net12: np.ndarray
    o: np.ndarray
    error: float
    grad_w01: np.ndarray
    grad_w12: np.ndarray
    hessian: np.ndarray
    dE_do: np.ndarray
    do_dnet12: np.ndarray
    do_dy: np.ndarray
    dy_dnet01: np.ndarray
    terms_w01: np.ndarray
    terms_w12: np.ndarray

    @property
    def gradient(self) -> np.ndarray:
        """The six gradients in the order of `WEIGHTS`."""
        return np.concatenate([self.grad_w01.ravel(), self.grad_w12])


def solve(w01: ArrayLike, w12: ArrayLike, x: ArrayLike, d: ArrayLike, *, activation: str = "sigmoid") -> Solution:
    """The 2-2-1 network without biases: values, error, gradients and Hessian.

    net_nj^(0,1) = sum_i w_ij^(0,1) x_ni,  y_nj = phi(net_nj^(0,1)),  o_n = S(sum_j w_j1^(1,2) y_nj),
    E = (1/N) sum_n (o_n - d_n)^2,
    dE/dw_j1^(1,2) = sum_n (2/N)(o_n - d_n) o_n (1 - o_n) y_nj,
    dE/dw_ij^(0,1) = sum_n (2/N)(o_n - d_n) o_n (1 - o_n) w_j1^(1,2) phi'(net_nj^(0,1)) x_ni.

    The output unit is a sigmoid S. So are the hidden units of the lecture's exercise, phi = S, phi' = y (1 - y).

    Args:
        w01: (2, 2), w_ij^(0,1) from input i to hidden unit j.
        w12: (2,), w_j1^(1,2) from hidden unit j to the output.
        x, d: (N, 2) inputs and (N,) targets.
        activation: of the hidden units.

    Raises:
        ConfigError: a shape that does not fit, or an entry that is no number from -1e6 to 1e6.
    """
    w01, w12, x, d = check(w01, w12, x, d)
    hidden = ACTIVATIONS[activation]
    net01 = x @ w01
    y, dy_dnet01 = hidden.evaluate(net01)
    net12 = y @ w12
    o, do_dnet12 = SIGMOID.evaluate(net12)
    dE_do = 2 / len(d) * (o - d)
    delta = dE_do * do_dnet12
    do_dy = do_dnet12[:, None] * w12
    terms_w12 = delta[:, None] * y
    terms_w01 = (dE_do[:, None] * do_dy * dy_dnet01)[:, None, :] * x[:, :, None]
    hessian = _hessian(
        hidden, w12, x, y=y, net01=net01, net12=net12, dE_do=dE_do, do_dnet12=do_dnet12, dy_dnet01=dy_dnet01
    )
    return Solution(
        net01=net01,
        y=y,
        net12=net12,
        o=o,
        error=float(np.mean((o - d) ** 2)),
        grad_w01=terms_w01.sum(0),
        grad_w12=terms_w12.sum(0),
        hessian=hessian,
        dE_do=dE_do,
        do_dnet12=do_dnet12,
        do_dy=do_dy,
        dy_dnet01=dy_dnet01,
        terms_w01=terms_w01,
        terms_w12=terms_w12,
    )


def _hessian(
    hidden: Activation,
    w12: np.ndarray,
    x: np.ndarray,
    *,
    y: np.ndarray,
    net01: np.ndarray,
    net12: np.ndarray,
    dE_do: np.ndarray,
    do_dnet12: np.ndarray,
    dy_dnet01: np.ndarray,
) -> np.ndarray:
    """H = sum_n [l2 a a^T + l1 d2net12], with a = dnet12/dw, l1 = dE/do o', l2 = (2/N) o'^2 + dE/do o''."""
    samples = len(x)
    l1 = dE_do * do_dnet12
    l2 = 2 / samples * do_dnet12**2 + dE_do * SIGMOID.curvature(net12)
    # dnet12/dw_ij^(0,1) = w_j1 y_j' x_i (i before j, as the weights are ordered), dnet12/dw_j1^(1,2) = y_j
    first = (x[:, :, None] * (w12 * dy_dnet01)[:, None, :]).reshape(samples, 4)
    a = np.hstack([first, y])
    H = np.einsum("n,np,nq->pq", l2, a, a)
    bend = w12 * hidden.curvature(net01)
    for j in range(2):
        ij = [j, 2 + j]  # w_1j and w_2j, the weights into hidden unit j
        H[np.ix_(ij, ij)] += np.einsum("n,n,ni,nk->ik", l1, bend[:, j], x, x)
        mixed = np.einsum("n,n,ni->i", l1, dy_dnet01[:, j], x)
        H[ij, 4 + j] += mixed
        H[4 + j, ij] += mixed
    return H


def check(w01: ArrayLike, w12: ArrayLike, x: ArrayLike, d: ArrayLike) -> tuple[np.ndarray, ...]:
    """The four as float64 arrays of the right shapes.

    Raises:
        ConfigError: names the first entry that is no number from -1e6 to 1e6, or the shape that does not fit.
    """
    w01 = _array("w01", w01, (2, 2))
    w12 = _array("w12", w12, (2,))
    x = _array("x", x, (None, 2))
    return w01, w12, x, _array("d", d, (len(x),))


def _array(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> np.ndarray:
    shape_text = " by ".join("any number" if size is None else str(size) for size in shape)
    try:
        array = np.array(values, dtype=object)
    except ValueError:  # rows of different shapes
        raise ConfigError(name, values, f"it must be {shape_text} numbers") from None
    if (
        array.ndim != len(shape)
        or any(want not in (None, got) for got, want in zip(array.shape, shape, strict=True))
        or not array.size
    ):
        given = " by ".join(map(str, array.shape)) or "one value"
        raise ConfigError(name, given, f"it must be {shape_text} numbers, at least one row")
    for index in np.ndindex(array.shape):
        where = ", ".join(str(k + 1) for k in index)
        array[index] = ENTRY.validate(f"{name}[{where}]", array[index])
    return array.astype(float)


def central_differences(
    w01: ArrayLike, w12: ArrayLike, x: ArrayLike, d: ArrayLike, *, activation: str = "sigmoid"
) -> np.ndarray:
    """dE/dw without a derivative: (E(w + h) - E(w - h)) / (2h) for each weight, (6,) in the order of `WEIGHTS`.

    h = 6e-6 max(1, |w|), the cube root of the rounding of float64: there the error of the quotient, h^2, and the
    rounding of E divided by h are alike, about 1e-11.
    """
    w01, w12, x, d = check(w01, w12, x, d)
    weights = np.concatenate([w01.ravel(), w12])
    slopes = np.empty(6)
    for k, weight in enumerate(weights):
        h = np.cbrt(np.finfo(float).eps) * max(1.0, abs(weight))
        errors = []
        for moved in (weight + h, weight - h):
            probe = weights.copy()
            probe[k] = moved
            errors.append(_error(probe, x, d, activation))
        slopes[k] = (errors[0] - errors[1]) / ((weight + h) - (weight - h))
    return slopes


def _error(weights: np.ndarray, x: np.ndarray, d: np.ndarray, activation: str) -> float:
    o = SIGMOID(ACTIVATIONS[activation](x @ weights[:4].reshape(2, 2)) @ weights[4:])
    return float(np.mean((o - d) ** 2))


def misprinted(
    w01: ArrayLike, w12: ArrayLike, x: ArrayLike, d: ArrayLike, *, activation: str = "sigmoid"
) -> np.ndarray:
    """Result of the chain with do_n/dw_j1^(1,2) in place of do_n/dy_nj for dE/dw_ij^(0,1): wrong, (2, 2)."""
    x = check(w01, w12, x, d)[2]
    s = solve(w01, w12, x, d, activation=activation)
    return x.T @ ((s.dE_do * s.do_dnet12)[:, None] * s.y * s.dy_dnet01)


def update(
    w01: ArrayLike,
    w12: ArrayLike,
    x: ArrayLike,
    d: ArrayLike,
    learning_rate: float,
    *,
    activation: str = "sigmoid",
) -> tuple[np.ndarray, np.ndarray]:
    """One step of gradient descent: w - eta dE/dw, as (w01, w12).

    Raises:
        ConfigError: as `solve`; a learning rate that is not above 0; a step that leads beyond 1e6.
    """
    w01, w12, x, d = check(w01, w12, x, d)
    eta = RATE.validate("learning_rate", learning_rate)
    s = solve(w01, w12, x, d, activation=activation)
    new = w01 - eta * s.grad_w01, w12 - eta * s.grad_w12
    if any(np.abs(weights).max() > ENTRY.high for weights in new):
        raise ConfigError("learning_rate", eta, "this step would take a weight beyond a million; take a smaller one")
    return new


def descend(
    w01: ArrayLike,
    w12: ArrayLike,
    x: ArrayLike,
    d: ArrayLike,
    learning_rate: float,
    steps: int,
    enough: float = 0.0,
    *,
    activation: str = "sigmoid",
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Many steps by the engine: (w01, w12, errors); errors[t] is E after t steps, (taken + 1,).

    Args:
        steps: at most so many.
        enough: it ends at the first step where the norm of the gradient is no larger.

    Raises:
        ConfigError: as `update`.
    """
    w01, w12, x, d = check(w01, w12, x, d)
    eta = RATE.validate("learning_rate", learning_rate)
    config = CONFIG.replace(activation=activation, learning_rate=eta, steps=steps)
    data = (x, d[:, None])
    initial = [_initial(w01, w12)]
    [trace] = train([config], data=data, initial=initial)
    small = np.flatnonzero(trace.global_grad_norm <= enough)
    if small.size and small[0] < steps:
        config = config.replace(steps=int(small[0]))
        [trace] = train([config], data=data, initial=initial)
    new = trace.weights[0][0], trace.weights[1][0][:, 0]
    if trace.diverged_at is not None or any(np.abs(weights).max() > ENTRY.high for weights in new):
        allowed = "these steps would take a weight beyond a million; take a smaller one"
        raise ConfigError("learning_rate", learning_rate, allowed)
    return *new, trace.loss


def by_engine(w01: ArrayLike, w12: ArrayLike, x: ArrayLike, d: ArrayLike, *, activation: str = "sigmoid") -> np.ndarray:
    """The six gradients as the engine computes them for any network, (6,) in the order of `WEIGHTS`."""
    w01, w12, x, d = check(w01, w12, x, d)
    config = CONFIG.replace(activation=activation)
    gradients = snapshot(config, data=(x, d[:, None]), initial=_initial(w01, w12)).weight_gradient
    return np.concatenate([part.ravel() for part in gradients])


def _initial(w01: np.ndarray, w12: np.ndarray) -> Initial:
    return [(w01, None), (w12[:, None], None)]
