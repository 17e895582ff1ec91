"""Gradient descent on functions of two variables: value, gradient, Hessian, the path, the learning rate's limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from ..config import Number
from ..exercise import Solution, solve

DIVERGED_BOXES = 100  # box sizes away from the box, where a path counts as diverged
ARRIVED = 1e-3  # share of the way down that may be left
BESIDE = 2e-4  # box sizes from a minimum, where its Hessian holds although momentum swings far out
FLAT = 1e-9  # norm of a gradient that no step shows

# What a visitor may set. Within these, no step from inside the room leaves the range of float64.
RULES = {
    "condition": Number(1, 1000),
    "rotation": Number(-180, 180),
    "start": Number(-1000, 1000),
    "learning_rate": Number(0, 1e6, low_open=True),
    "momentum": Number(0, 1, high_open=True),
    "steps": Number(0, 2000, integer=True),
}

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A function E of two variables, with its derivatives in closed form.

    Attributes:
        label, formula, names: for a reader; the last two are LaTeX, one name a variable.
        value: (x, y) -> E, arrays of one shape or numbers.
        gradient, hessian: (2,) -> (2,) and (2, 2).
        box: ((low, high), (low, high)), the part to draw; a square, so that right angles look right.
        minima: its lowest points.
        start, learning_rate, steps: what shows it well.
        quadratic: whether the Hessian is the same everywhere.
        resolution: points along each variable that it takes to draw it.
        logarithmic: heights are drawn as log10(10 + E): a valley between steep walls would not show its floor.
    """

    label: str
    formula: str
    names: tuple[str, str]
    value: Callable[[np.ndarray, np.ndarray], np.ndarray]
    gradient: Callable[[np.ndarray], np.ndarray]
    hessian: Callable[[np.ndarray], np.ndarray]
    box: tuple[Point, Point]
    minima: tuple[Point, ...]
    start: Point
    learning_rate: float
    steps: int
    quadratic: bool = False
    resolution: int = 61
    logarithmic: bool = False

    @property
    def lowest(self) -> float:
        """E at its minima."""
        return float(self.value(*np.asarray(self.minima[0])))

    def nearest_minimum(self, point: np.ndarray) -> np.ndarray:
        """The lowest point that is nearest to `point`, (2,)."""
        return min(map(np.array, self.minima), key=lambda lowest: np.linalg.norm(lowest - point))


@lru_cache(maxsize=64)
def grid(surface: Surface, resolution: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values over a surface's box: x and y (resolution,), E (resolution, resolution) with a row for each y."""
    x, y = (np.linspace(low, high, resolution) for low, high in surface.box)
    values = surface.value(*np.meshgrid(x, y))
    for array in (x, y, values):
        array.flags.writeable = False  # it is kept, and shared
    return x, y, values


# -- the functions ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def bowl(condition: float = 10.0, rotation: float = 30.0) -> Surface:
    r"""A quadratic bowl, E = 1/2 w^T H w, whose Hessian has the eigenvalues 1 and `condition`.

    Args:
        condition: largest over smallest eigenvalue, 1 to 1,000.
        rotation: degrees from the first axis to the direction of the eigenvalue 1.

    Raises:
        ConfigError: either one not allowed.
    """
    condition = RULES["condition"].validate("condition", condition)
    angle = math.radians(RULES["rotation"].validate("rotation", rotation))
    along = np.array([math.cos(angle), math.sin(angle)])
    across = np.array([-math.sin(angle), math.cos(angle)])
    hessian = np.outer(along, along) + condition * np.outer(across, across)

    def value(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 0.5 * (hessian[0, 0] * x * x + 2 * hessian[0, 1] * x * y + hessian[1, 1] * y * y)

    return Surface(
        label="quadratic bowl",
        formula=r"E(w) = \tfrac{1}{2}\, w^{\mathsf T} H w,\quad \nabla E = H w",
        names=("w_{1}", "w_{2}"),
        value=value,
        gradient=lambda point: hessian @ point,
        hessian=lambda point: hessian.copy(),
        box=((-3.0, 3.0), (-3.0, 3.0)),
        minima=((0.0, 0.0),),
        start=(-2.4, 1.2),
        learning_rate=0.1,
        steps=50,
        quadratic=True,
    )


@cache
def saddle() -> Surface:
    """A saddle at the origin between two minima: E = x^2 / 2 - y^2 / 2 + y^4 / 4, lowest at y = -1 and 1."""
    return Surface(
        label="saddle",
        formula=r"E(w) = \tfrac{1}{2} w_{1}^2 - \tfrac{1}{2} w_{2}^2 + \tfrac{1}{4} w_{2}^4,\quad "
        r"\nabla E = (w_{1},\; w_{2}^3 - w_{2})",
        names=("w_{1}", "w_{2}"),
        value=lambda x, y: 0.5 * x**2 - 0.5 * y**2 + 0.25 * y**4,
        gradient=lambda point: np.array([point[0], point[1] ** 3 - point[1]]),
        hessian=lambda point: np.array([[1.0, 0.0], [0.0, 3 * point[1] ** 2 - 1]]),
        box=((-1.8, 1.8), (-1.8, 1.8)),
        minima=((0.0, -1.0), (0.0, 1.0)),
        start=(-1.5, 0.001),
        learning_rate=0.2,
        steps=80,
    )


@cache
def rosenbrock() -> Surface:
    """Rosenbrock's curved valley, E = (1 - x)^2 + 100 (y - x^2)^2, lowest at (1, 1). Source: Rosenbrock 1960."""

    def gradient(point: np.ndarray) -> np.ndarray:
        x, y = point
        return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    def hessian(point: np.ndarray) -> np.ndarray:
        x, y = point
        return np.array([[2 - 400 * (y - 3 * x * x), -400 * x], [-400 * x, 200.0]])

    return Surface(
        label="Rosenbrock’s valley",
        formula=r"E(w) = (1 - w_{1})^2 + 100\,(w_{2} - w_{1}^2)^2",
        names=("w_{1}", "w_{2}"),
        value=lambda x, y: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
        gradient=gradient,
        hessian=hessian,
        box=((-2.0, 2.0), (-1.0, 3.0)),
        minima=((1.0, 1.0),),
        start=(-1.2, 1.0),
        learning_rate=0.001,
        steps=1000,
        resolution=101,
        logarithmic=True,
    )


# The slice of the network's error: these weights answer the four samples without error, so that E = 0 is in the slice.
SLICE_X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [-1.0, 0.5]])
SLICE_W01 = np.array([[3.0, -2.0], [-1.0, 2.0]])
SLICE_W12 = np.array([3.0, -2.0])


@cache
def slice_targets() -> np.ndarray:
    """(4,) what the network of the slice answers at its lowest point."""
    return solve(SLICE_W01, SLICE_W12, SLICE_X, np.zeros(4)).o


@cache
def network_error() -> Surface:
    """The error of the 2-2-1 network over w_11^(0,1) and w_11^(1,2), its other four weights held fixed.

    Derivatives are the entries of `core.exercise.solve` that belong to the two weights.
    """

    def solved(x: float, y: float) -> Solution:
        w01 = SLICE_W01.copy()
        w12 = SLICE_W12.copy()
        w01[0, 0] = x
        w12[0] = y
        return solve(w01, w12, SLICE_X, slice_targets())

    def gradient(point: np.ndarray) -> np.ndarray:
        solution = solved(*point)
        return np.array([solution.grad_w01[0, 0], solution.grad_w12[0]])

    def hessian(point: np.ndarray) -> np.ndarray:
        both = [0, 4]  # w_11^(0,1) and w_11^(1,2) in the order of the parameters
        return solved(*point).hessian[np.ix_(both, both)]

    return Surface(
        label="2-2-1 network’s error",
        formula=r"E = \tfrac{1}{N} \sum_n (o_n - d_n)^2 \text{ of the 2-2-1 network over two of its six weights}",
        names=("w_{11}^{(0,1)}", "w_{11}^{(1,2)}"),
        value=np.vectorize(lambda x, y: solved(x, y).error, otypes=[float]),
        gradient=gradient,
        hessian=hessian,
        box=((-4.0, 8.0), (-4.0, 8.0)),
        minima=((float(SLICE_W01[0, 0]), float(SLICE_W12[0])),),
        start=(-2.0, -1.0),
        learning_rate=5.0,
        steps=200,
    )


SURFACES: dict[str, Callable[..., Surface]] = {
    "bowl": bowl,
    "saddle": saddle,
    "rosenbrock": rosenbrock,
    "network": network_error,
}


# -- descent ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Path:
    """A descent.

    Attributes:
        points, values: (steps + 1, 2), and E there, (steps + 1,).
        diverged_at: the step at which it was given up, or None.
        learning_rate, momentum: with which it was made.
    """

    points: np.ndarray
    values: np.ndarray
    diverged_at: int | None
    learning_rate: float
    momentum: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """End of a descent.

    Attributes:
        kind: "diverges", "swings" (up for now: below a quadratic's limit, momentum takes it down again), "arrives",
            "stuck" (no gradient, and yet not at a minimum) or "underway".
        step: of which that is said.
        done: share of the way from the start down to the minimum.
        turning: share of the steps that turn back on the one before (their angle is above 90 degrees).
    """

    kind: str
    step: int
    done: float
    turning: float


def descend(
    surface: Surface, start: Sequence[float], learning_rate: float, momentum: float = 0.0, steps: int = 100
) -> Path:
    """The path of v <- momentum v + grad E(w), w <- w - learning_rate v from v = 0; ends where it leaves for good.

    Raises:
        ConfigError: a setting that is not allowed.
    """
    start = [RULES["start"].validate("start", coordinate) for coordinate in start]
    learning_rate = RULES["learning_rate"].validate("learning_rate", learning_rate)
    momentum = RULES["momentum"].validate("momentum", momentum)
    steps = RULES["steps"].validate("steps", steps)
    lows, highs = np.array(surface.box).T
    room = DIVERGED_BOXES * (highs - lows)
    point = np.array(start)
    velocity = np.zeros(2)
    diverged_at = None
    points = [point]
    for step in range(1, steps + 1):
        velocity = momentum * velocity + surface.gradient(point)
        point = point - learning_rate * velocity
        points.append(point)
        if not ((lows - room <= point) & (point <= highs + room)).all():
            diverged_at = step
            break
    path = np.array(points)
    return Path(
        points=path,
        values=np.array([float(surface.value(*p)) for p in path]),
        diverged_at=diverged_at,
        learning_rate=learning_rate,
        momentum=momentum,
    )


def classify(surface: Surface, path: Path) -> Outcome:
    """Classify the end of a descent on `surface`."""
    gap = path.values - surface.lowest
    done = float(1 - gap[-1] / gap[0]) if gap[0] > 0 else 1.0
    moves = np.diff(path.points, axis=0)
    back = (moves[1:] * moves[:-1]).sum(axis=1) < 0
    turning = float(back.mean()) if back.size else 0.0
    last = len(path.points) - 1
    if path.diverged_at is not None:
        return Outcome(kind="diverges", step=last, done=done, turning=turning)
    if surface.quadratic and gap[-1] > gap[0]:
        limit = stability_limit(surface.hessian(path.points[-1]), path.momentum)
        if path.learning_rate != limit:
            return Outcome(
                kind="diverges" if path.learning_rate > limit else "swings", step=last, done=done, turning=turning
            )
    outside = np.flatnonzero(gap > ARRIVED * gap[0])
    arrived = int(outside[-1]) + 1 if outside.size else 0
    if arrived <= last:
        return Outcome(kind="arrives", step=arrived, done=done, turning=turning)
    if np.linalg.norm(surface.gradient(path.points[-1])) < FLAT:
        return Outcome(kind="stuck", step=last, done=done, turning=turning)
    return Outcome(kind="underway", step=last, done=done, turning=turning)


def stability_limit(hessian: np.ndarray, momentum: float = 0.0) -> float:
    """The learning rate above which descent leaves a minimum with this Hessian: 2 (1 + momentum) / lambda_max.

    Infinite where no eigenvalue is positive. Source: Polyak 1964 for the heavy ball.
    """
    largest = float(np.linalg.eigvalsh(hessian)[-1])
    return 2 * (1 + momentum) / largest if largest > 0 else math.inf


def start_near(surface: Surface, minimum: np.ndarray, momentum: float = 0.0) -> tuple[Point, int]:
    """A start beside a minimum, in its steepest direction, and steps that show there which side of the limit a rate is.

    At 0.95 of the limit each step leaves max(0.9, sqrt(momentum)) of the distance: the steps are twice as many as that
    takes to arrive.
    """
    steepest = np.linalg.eigh(surface.hessian(minimum))[1][:, 1]
    (low, high), _ = surface.box
    start = np.round(minimum + BESIDE * (high - low) * steepest, 6)
    steps = 2 * math.log(ARRIVED) / math.log(max(0.9, math.sqrt(momentum)) ** 2)
    return (float(start[0]), float(start[1])), min(math.ceil(steps), int(RULES["steps"].high))
