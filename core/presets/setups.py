"""Named set-ups and papers to run again, each with the claim it carries; tests hold every one to it."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import RunConfig


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One set-up.

    Attributes:
        name, label: its key in SETUPS, and what a reader sees.
        description: the claim, one or two sentences.
        config: all settings.
    """

    name: str
    label: str
    description: str
    config: RunConfig


_RELU = RunConfig(activation="relu", init="he_normal")
_BLOBS = RunConfig(
    dataset="blobs",
    loss="cross_entropy",
    output_activation="softmax",
    activation="relu",
    batch_size=64,
    learning_rate=0.05,
)
_EXPLODING = _BLOBS.replace(hidden=(32,) * 20, init_scale=1.8)
_CLIPPED = _EXPLODING.replace(clip="global_norm", clip_threshold=1.0)
_LARGE = RunConfig(activation="relu", init_scale=1.6, learning_rate=0.05)
_DEEP = _BLOBS.replace(hidden=(32,) * 50, init_scale=0.14)

PRESETS: dict[str, Preset] = {
    member.name: member
    for member in (
        Preset(
            name="sigmoid",
            label="Deep sigmoid: the gradient vanishes",
            description=(
                "Each of ten sigmoid layers passes on about a quarter of the gradient. The first one typically gets "
                "1e-6 to 1e-5 of what the tenth gets, and the network learns no more than the mean of the targets."
            ),
            config=RunConfig(),
        ),
        Preset(
            name="tanh",
            label="Tanh in balance",
            description=(
                "The same depth with tanh and Glorot’s init: the gradient arrives nearly at its full size, and the "
                "network learns to tell the rings apart."
            ),
            config=RunConfig(activation="tanh", init="glorot_normal"),
        ),
        Preset(
            name="relu",
            label="ReLU with He’s init",
            description=(
                "ReLU drops half of the signal’s power, and He’s init makes up for it by twice the variance: level "
                "gradients, and every sample is learned."
            ),
            config=_RELU,
        ),
        Preset(
            name="dead",
            label="Dead ReLUs",
            description=(
                "Adam at a learning rate of 0.3 throws units so far that they are silent on every sample. Once a whole "
                "layer is, no gradient gets past it, and the loss stands still near ln 2."
            ),
            config=_RELU.replace(loss="bce", output_activation="sigmoid", optimizer="adam", learning_rate=0.3),
        ),
        Preset(
            name="underflow",
            label="Underflow in float32",
            description=(
                "Eighty sigmoid layers in float32: the gradient falls below what this dtype can hold, and the layers "
                "near the input get exactly 0. In float64 it would be tiny, but there."
            ),
            config=RunConfig(hidden=(16,) * 80, dtype="float32"),
        ),
        Preset(
            name="exploding",
            label="Exploding: the run diverges",
            description=(
                "ReLU with weights 1.27 times larger than He’s, 20 layers deep: activations and gradients both grow "
                "from layer to layer, and the run diverges within five steps."
            ),
            config=_EXPLODING,
        ),
        Preset(
            name="clipped",
            label="Exploding, rescued by clipping",
            description=(
                "The same network with the global norm clipped at 1. The gradient still explodes at initialization, "
                "but no step is longer than the learning rate, and the network learns every sample."
            ),
            config=_CLIPPED,
        ),
        Preset(
            name="large_weights",
            label="Large weights: the run diverges",
            description=(
                "Ten ReLU layers with weights slightly too large for this learning rate: on 15 of 16 seeds the run "
                "diverges, typically at step 3."
            ),
            config=_LARGE,
        ),
        Preset(
            name="max_norm",
            label="Large weights, held by max-norm",
            description=(
                "A bound of 1 on each unit’s incoming weights ends the explosion at the first step, and on 14 of 16 "
                "seeds the network learns. L1, L2 and weight decay cannot do that: they take a small share of the "
                "weights at each step, which comes too late; strong enough to stop the explosion, they also remove "
                "what could be learned."
            ),
            config=_LARGE.replace(max_norm=1.0),
        ),
        Preset(
            name="deep",
            label="Depth 50, plain",
            description=(
                "Fifty ReLU layers with small weights: signal and gradient both fade to about 1e-51. All weight "
                "gradients are equally small here, so only the gradient at the net inputs shows that it vanishes."
            ),
            config=_DEEP,
        ),
        Preset(
            name="deep_residual",
            label="Depth 50, residual",
            description=(
                "Each layer adds to what it got, so the gradient has a way around every layer: level at "
                "initialization. On 10 of 16 seeds the network classifies nine samples in ten correctly after 300 "
                "steps."
            ),
            config=_DEEP.replace(residual=True),
        ),
        Preset(
            name="deep_layer_norm",
            label="Depth 50, layer normalization",
            description=(
                "Normalizing each sample keeps the gradients of all layers within two decades at initialization. Yet "
                "the network does not learn: by then all samples look alike."
            ),
            config=_DEEP.replace(normalization="layer"),
        ),
        Preset(
            name="deep_batch_norm",
            label="Depth 50, batch normalization",
            description=(
                "Normalizing over the batch keeps samples apart, at a price: each layer multiplies the gradient by "
                "about 1.2 on its way back, and the first layer gets more than ten thousand times what the last hidden "
                "one gets."
            ),
            config=_DEEP.replace(normalization="batch"),
        ),
    )
}
