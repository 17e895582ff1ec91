"""Names of every registry as types, so that an editor completes them; a test keeps them equal to the registries."""

from typing import Literal

DatasetName = Literal[
    "circles",
    "moons",
    "xor",
    "spirals",
    "blobs",
    "sine",
    "gaussian",
    "iris",
    "wine",
    "breast_cancer",
    "digits",
    "diabetes",
    "custom",
]
ActivationName = Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus"]
OutputActivationName = Literal[
    "linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softmax"
]
NormalizationName = Literal["none", "layer", "batch"]
InitName = Literal[
    "normal",
    "uniform",
    "fixed_normal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "torch_default",
    "orthogonal",
]
LossName = Literal["mse", "bce", "cross_entropy"]
OptimizerName = Literal["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"]
ClipName = Literal["none", "value", "global_norm", "per_layer_norm", "adaptive"]
ScalingName = Literal["standard", "none"]
ScheduleName = Literal["constant", "step", "cosine"]
ClassWeightName = Literal["none", "balanced"]
DtypeName = Literal["float64", "float32"]
TaskName = Literal["regression", "two-class", "multi-class"]
SeverityName = Literal["bad", "warning", "note", "good"]
