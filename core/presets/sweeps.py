"""Ready sweeps: each carries one claim, and is run by one click."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import RunConfig
from ..sweeps.maps import Axis, SweepMap


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One click: what it is called, what it shows in one or two sentences, the map, and what to show of it."""

    label: str
    claim: str
    map: SweepMap
    show: str


_START = RunConfig(dataset="gaussian", samples=16, hidden=(32,) * 30, steps=0)  # the initialization alone
_BLOBS = RunConfig(
    dataset="circles", samples=64, hidden=(16,) * 6, loss="bce", output_activation="sigmoid", steps=100,
    record_every=100,
)  # fmt: skip

SWEEP_PRESETS: dict[str, Preset] = {
    "order_and_chaos": Preset(
        label="Order and chaos: tanh",
        claim=(
            "Small weights make a deep tanh network orderly: inputs become alike and the gradient vanishes. Large "
            "ones make it chaotic, and the gradient explodes. Only along the line between does it stay level, and "
            "theory knows that line without training anything. Near bias std 0 the variance converges so slowly that "
            "thirty layers do not reach its limit: there the measured line lies farther out."
        ),
        map=SweepMap(_START, ("tanh",), Axis("init_scale"), Axis("bias_std")),
        show="gradient factor",
    ),
    "depth": Preset(
        label="Depth × init scale",
        claim=(
            "Depth magnifies what one layer does. With these biases tanh has one good scale, 1.3, and explodes "
            "beyond; sigmoid vanishes at every scale below 10. ReLU vanishes below √2; above, its signal grows from "
            "layer to layer as its gradient does on the way back, which leaves the weights’ gradients level."
        ),
        map=SweepMap(
            _START.replace(bias_std=0.2),
            ("sigmoid", "tanh", "relu"),
            Axis("init_scale", 0.25, 16, 19, True),
            Axis("depth"),
        ),
        show="first over last",
    ),
    "learning_rate": Preset(
        label="Learning rate × init scale",
        claim="The learning rate that works depends on the init: too small a scale and nothing is learned at any rate, "
        "too large and only small steps survive.",
        map=SweepMap(_BLOBS, ("relu",), Axis("init_scale", 0.25, 4, 17, True), Axis("learning_rate")),
        show="final loss",
    ),
    "clipping": Preset(
        label="Clip threshold × learning rate",
        claim=(
            "With exploding gradients, what counts is threshold times learning rate, the length of a clipped step: "
            "along the diagonal, training is much the same. At its right end a rate that would diverge unclipped still "
            "learns; below, steps are too short."
        ),
        map=SweepMap(
            _BLOBS.replace(init_scale=2.2, clip="global_norm"), ("relu",), Axis("learning_rate"), Axis("clip_threshold")
        ),
        show="final loss",
    ),
    "width": Preset(
        label="Width × depth",
        claim="He’s init keeps the mean square of the gradient level at any depth, but a narrow deep ReLU network "
        "strays far from that mean: it may die altogether before it has learned anything.",
        map=SweepMap(
            _BLOBS.replace(init="he_normal", learning_rate=0.05),
            ("relu",),
            Axis("width", 2, 64, 11, True),
            Axis("depth", 2, 32, 11),
            2,
        ),  # fmt: skip
        show="final accuracy",
    ),
}
