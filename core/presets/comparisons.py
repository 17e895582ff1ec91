"""Ready comparisons: each carries one claim of the lecture, and tests hold it to that over eight seeds."""

from __future__ import annotations

from dataclasses import dataclass

from ..comparison.arms import Arm, Comparison, recommended_arms
from ..config import RunConfig


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One click: what it is called, what it shows in one or two sentences, and the comparison."""

    label: str
    claim: str
    comparison: Comparison


SEEDS = 8

_BLOBS = RunConfig(dataset="blobs", loss="cross_entropy", output_activation="softmax")
_CLIPPING = _BLOBS.replace(activation="relu", hidden=(32,) * 20, init_scale=1.8, batch_size=64, learning_rate=0.05)
_EXPLOSION = RunConfig(activation="relu", init_scale=1.6, learning_rate=0.05)
_GROWTH = _BLOBS.replace(activation="tanh", hidden=(32,) * 4, steps=600, optimizer="adam")
_DEEP = _BLOBS.replace(activation="relu", hidden=(32,) * 50, init_scale=0.14, batch_size=64, learning_rate=0.05)


COMPARISON_PRESETS: dict[str, Preset] = {
    "activations": Preset(
        label="Which activation vanishes?",
        claim=(
            "Each with the init made for it: the sigmoid’s slope is at most 1/4, so ten layers typically leave the "
            "first one 1e-6 to 1e-5 of the gradient and nothing is learned; tanh with Glorot and ReLU with He pass it "
            "on and reach accuracy 1."
        ),
        comparison=Comparison(
            RunConfig(init="glorot_normal"),
            "activation",
            (*recommended_arms("activation")[:2], Arm("ReLU", {"activation": "relu", "init": "he_normal"})),
            SEEDS,
        ),
    ),
    "init_scale": Preset(
        label="Init scale: from vanishing to exploding",
        claim=(
            "The factor per layer grows in proportion to the scale of the weights. With ReLU the gradient vanishes at "
            "0.5 and fades at 1, is level at 1.4142 (the square root of 2: He’s init), and at 2 nearly every run "
            "diverges within a few steps. Look at the delta norm: the weights’ own gradients also hold the signal, "
            "which fades the other way."
        ),
        comparison=Comparison(
            RunConfig(activation="relu"),
            "init_scale",
            tuple(Arm(f"init scale {scale:g}", {"init_scale": scale}) for scale in (0.5, 1.0, 1.4142, 2.0)),
            SEEDS,
        ),
    ),
    "clipping": Preset(
        label="Clipping tames an explosion",
        claim=(
            "Without clipping this network diverges within ten steps; each of the four rules holds its first steps "
            "small enough, binds on part of the steps only, and lets it learn to accuracy 1."
        ),
        comparison=Comparison(
            _CLIPPING,
            "clip",
            tuple(
                Arm(name, {"clip": clip, "clip_threshold": threshold})
                for name, clip, threshold in (
                    ("no clipping", "none", 1.0),
                    ("by value 0.1", "value", 0.1),
                    ("by global norm 1", "global_norm", 1.0),
                    ("by layer norm 1", "per_layer_norm", 1.0),
                    ("adaptive 0.1", "adaptive", 0.1),
                )
            ),
            SEEDS,
        ),
    ),
    "regularization": Preset(
        label="Regularization that holds an explosion",
        claim="Without help most runs diverge at step 3. Max-norm 1 shrinks the weights at once and trains on 14 of 16 "
        "seeds. Penalties and decay act by a share of the weights at each step: weak ones come too late, and strong "
        "ones still do on many seeds, or shrink the weights until nothing can be learned.",
        comparison=Comparison(
            _EXPLOSION,
            None,
            (
                Arm("none"),
                Arm("max-norm 1", {"max_norm": 1.0}),
                Arm("L1 0.001", {"l1": 0.001}),
                Arm("L2 0.001", {"l2": 0.001}),
                Arm("L2 1", {"l2": 1.0}),
                Arm("weight decay 0.1", {"weight_decay": 0.1}),
                Arm("weight decay 10", {"weight_decay": 10.0}),
            ),
            SEEDS,
        ),
    ),
    "weight_growth": Preset(
        label="What keeps weights small",
        claim=(
            "Trained by Adam, the weights grow by two fifths without regularization. L1, L2 and weight decay hold them "
            "back, max-norm holds them where they were; all five still classify every sample. Under plain SGD, L2 and "
            "a weight decay of twice its value would be the same."
        ),
        comparison=Comparison(
            _GROWTH,
            None,
            (
                Arm("none"),
                Arm("L1 0.001", {"l1": 0.001}),
                Arm("L2 0.001", {"l2": 0.001}),
                Arm("weight decay 0.1", {"weight_decay": 0.1}),
                Arm("max-norm 1", {"max_norm": 1.0}),
            ),
            SEEDS,
        ),
    ),
    "he_glorot": Preset(
        label="He against Glorot at 10 and 30 layers",
        claim=(
            "ReLU lets half of the signal’s power through, and He’s init makes up for it by twice the variance. "
            "Glorot’s loses a third of the gradient norm in each layer: with 10 hidden layers it still learns, more "
            "slowly; with 30 its loss stands still where He reaches accuracy 1. Look at the delta norm: it shows what "
            "each layer takes."
        ),
        comparison=Comparison(
            RunConfig(activation="relu"),
            None,
            tuple(
                Arm(f"{name} {depth} layers", {"init": init, "depth": depth})
                for depth in (10, 30)
                for name, init in (("Glorot", "glorot_normal"), ("He", "he_normal"))
            ),
            SEEDS,
        ),
    ),
    "depth_50": Preset(
        label="Fifty layers: residual and normalization",
        claim=(
            "With weights this small the plain network’s gradient is about 1e-51 in every layer. A residual connection "
            "carries it through and trains, on most seeds. Layer normalization starts level, but its gradient fades "
            "meanwhile and hardly any seed learns in these steps; batch normalization makes it explode at the first "
            "layer."
        ),
        comparison=Comparison(
            _DEEP,
            None,
            (
                Arm("plain"),
                Arm("residual", {"residual": True}),
                Arm("layer normalization", {"normalization": "layer"}),
                Arm("batch normalization", {"normalization": "batch"}),
            ),
            SEEDS,
        ),
    ),
    "optimizers": Preset(
        label="Optimizers on a vanishing network",
        claim=(
            "Adam and RMSprop divide the gradient by its own size and so move every layer’s weights where SGD leaves "
            "them where they are. The gradient still vanishes, and the deep sigmoid network does not learn its task: "
            "Adam reaches about 70 % of the samples, where tanh reaches all."
        ),
        comparison=Comparison(RunConfig(), "optimizer", (), SEEDS),
    ),
}
