"""Example recordings of real PyTorch models, shipped with the package; benchmarks/recordings/examples.py makes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...errors import ConfigError
from ..reading import read_recording
from ..recording import Recording

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Example:
    """One recording to open at once.

    Attributes:
        label: in a menu.
        claim: the model and the case that it shows, in a sentence.
    """

    label: str
    claim: str


EXAMPLES: dict[str, Example] = {
    "vanishing_mlp": Example(
        label="50-layer MLP that vanishes",
        claim="50 hidden layers of 32 sigmoid units with PyTorch’s own initial weights, trained by SGD on two circles.",
    ),
    "exploding_lstm": Example(
        label="LSTM whose gradient explodes",
        claim="Three LSTM layers of 48 units with large weights, which add two marked numbers of 80.",
    ),
    "transformer_post_ln": Example(
        label="Transformer, post-LN",
        claim="12 blocks with layer norms after the sums (post-LN), trained by Adam without a warm-up.",
    ),
    "transformer_pre_ln": Example(
        label="Transformer, pre-LN",
        claim="The same 12 blocks with layer norms before the branches (pre-LN), trained by Adam without a warm-up.",
    ),
    "resnet_plain": Example(
        label="ResNet without its residuals",
        claim="31 convolutions without normalization and without residual connections, on handwritten digits.",
    ),
    "resnet_residual": Example(
        label="ResNet with residuals",
        claim="The same 31 convolutions with residual connections around every two, on handwritten digits.",
    ),
    "float16_underflow": Example(
        label="float16 that underflows",
        claim="14 tanh layers with small weights, trained in float16 without a loss scale.",
    ),
    "dead_cnn": Example(
        label="CNN whose ReLUs die",
        claim="Four convolutions with ReLU, trained on handwritten digits with a learning rate that is too large.",
    ),
}


@lru_cache(maxsize=len(EXAMPLES))
def load_example(name: str) -> Recording:
    """The recording of an example, a key of EXAMPLES.

    Raises:
        ConfigError: there is no such example.
    """
    if name not in EXAMPLES:  # never a path to another file
        raise ConfigError("example", name, "it must be one of " + ", ".join(EXAMPLES))
    return read_recording((FOLDER / f"{name}.jsonl.gz").read_bytes(), f"{name}.jsonl.gz")
