"""Runs that went wrong, by what diagnose finds in them: several test files share them."""

from core import RunConfig

RELU = RunConfig(activation="relu", init="he_normal")
TANH = RunConfig(activation="tanh", init="glorot_normal")
SHORT_TANH = TANH.replace(hidden=(32,) * 5, optimizer="adam", learning_rate=0.3)
BLOBS = RunConfig(
    dataset="blobs",
    loss="cross_entropy",
    output_activation="softmax",
    activation="relu",
    batch_size=64,
    learning_rate=0.05,
)
DEEP = BLOBS.replace(hidden=(32,) * 50, init_scale=0.14)
SHALLOW = BLOBS.replace(hidden=(32,) * 4, init="he_normal")

XOR = RunConfig(dataset="xor", samples=64, init="glorot_normal", steps=1000, record_every=10)
RAW = RunConfig(samples=150, scaling="none", hidden=(32,) * 2, activation="relu", init="he_normal", steps=100)

TROUBLES: dict[str, tuple[RunConfig, ...]] = {
    "unreachable_targets": (
        TANH.replace(dataset="sine", hidden=(16,) * 2, output_activation="sigmoid"),
        RAW.replace(dataset="diabetes", output_activation="tanh"),
        RELU.replace(dataset="sine", hidden=(16,) * 3, output_activation="relu", learning_rate=0.02),
        RELU.replace(dataset="diabetes", samples=150, hidden=(16,) * 2, output_activation="sigmoid", steps=100),
    ),
    "unscaled_data": (
        RAW.replace(dataset="wine", loss="cross_entropy", output_activation="softmax"),
        RAW.replace(dataset="breast_cancer", activation="tanh", loss="bce", output_activation="sigmoid"),
        RAW.replace(dataset="diabetes"),  # targets up to 346
    ),
    "degenerate_normalization": (
        TANH.replace(hidden=(16,) * 3, normalization="batch", batch_size=1, steps=50),
        BLOBS.replace(init="he_normal", hidden=(16,) * 3, normalization="batch", batch_size=1, residual=True, steps=50),
        TANH.replace(hidden=(16, 1, 16), normalization="layer", steps=50),
        RELU.replace(dataset="sine", hidden=(1,), normalization="layer", steps=50),
    ),
    "identical_units": (
        RunConfig(hidden=(10,), init_scale=0.0, steps=50),
        RunConfig(hidden=(10,) * 4, activation="leaky_relu", init_scale=0.0, steps=50),
        BLOBS.replace(hidden=(10,) * 2, activation="tanh", init_scale=0.0, steps=50),
        RunConfig(hidden=(10,), activation="relu", init_scale=0.0, steps=50),
    ),
    "dead_output": (
        TANH.replace(hidden=(16,) * 2, output_activation="relu", learning_rate=2.0, steps=100),
        RELU.replace(hidden=(16,) * 2, output_activation="relu", optimizer="adam", learning_rate=0.3, steps=100),
        RunConfig(
            dataset="moons",
            hidden=(8,),
            activation="softplus",
            output_activation="relu",
            optimizer="rmsprop",
            learning_rate=1.0,
            steps=100,
        ),
        RELU.replace(hidden=(32,) * 3, output_activation="relu", seed=8),  # from the start, by its draw
    ),
    "stuck": (
        RunConfig(hidden=(), learning_rate=0.1, loss="bce", output_activation="sigmoid"),  # no line divides two rings
        XOR.replace(hidden=(), learning_rate=0.1),
        RunConfig(hidden=(1,), activation="tanh", init="glorot_normal", learning_rate=0.3, steps=1000, record_every=10),
        RunConfig(dataset="spirals", hidden=(), learning_rate=0.1, optimizer="momentum"),
    ),
    "diverged": (
        RunConfig(activation="relu", init_scale=1.6, learning_rate=0.05),
        RELU.replace(learning_rate=0.3),
        RELU.replace(optimizer="momentum", learning_rate=0.2),
        RELU.replace(init_scale=1e80),  # at step 0
        RELU.replace(init_scale=1e4, dtype="float32"),
        RunConfig(dataset="diabetes", samples=200, hidden=(), learning_rate=3.0),
        RunConfig(dataset="sine", activation="linear", hidden=(16,) * 3, learning_rate=0.5),
        BLOBS.replace(hidden=(32,) * 20, init_scale=1.8),
        RunConfig(activation="tanh", residual=True, hidden=(32,) * 20, learning_rate=0.05),
        RunConfig(dataset="sine", activation="tanh", residual=True, normalization="batch", hidden=(32,) * 30),
    ),
    "underflow": (
        RunConfig(hidden=(16,) * 80, dtype="float32", steps=100),
        DEEP.replace(dtype="float32", learning_rate=0.02, steps=100),  # the signal itself
    ),
    "exploding": (
        RunConfig(activation="tanh", init_scale=3.0, hidden=(32,) * 20),
        RunConfig(activation="relu", init_scale=1.8, hidden=(32,) * 20, learning_rate=1e-4),
        RunConfig(dataset="moons", activation="selu", init_scale=2.0, hidden=(24,) * 15, learning_rate=1e-3),
        RunConfig(init_scale=20.0),
        RunConfig(activation="tanh", init="fixed_normal"),
        RunConfig(dataset="sine", activation="tanh", hidden=(32,) * 30, normalization="batch"),
        DEEP.replace(normalization="batch"),
    ),
    "vanishing": (
        RunConfig(),
        TANH.replace(bias_std=3.0),
        RunConfig(activation="gelu", hidden=(32,) * 20),
        RunConfig(activation="elu", init_scale=0.3, learning_rate=1.0),
        RunConfig(optimizer="adam", learning_rate=0.05),
        RunConfig(dataset="moons", activation="softplus", hidden=(16,) * 20),
        RunConfig(dataset="sine", activation="tanh", init_scale=0.5, hidden=(32,) * 20),
        BLOBS.replace(activation="sigmoid", hidden=(32,) * 5),
        DEEP,
        DEEP.replace(normalization="layer"),  # level in row 0
    ),
    "dead": (
        RELU.replace(hidden=(32,) * 5, optimizer="adam", learning_rate=1.0),
        RELU.replace(hidden=(3,) * 15),  # from the start
        RELU.replace(loss="bce", output_activation="sigmoid", optimizer="adam", learning_rate=0.3),
        BLOBS.replace(init="he_normal", hidden=(3,) * 20, learning_rate=0.02),
    ),
    "saturated": (
        RunConfig(init_scale=20.0, hidden=(32,) * 5),
        SHORT_TANH,
        SHORT_TANH.replace(dataset="spirals"),
        RunConfig(activation="tanh", init="fixed_normal"),
    ),
    "large_steps": (
        SHORT_TANH,
        RunConfig(
            dataset="sine",
            activation="tanh",
            init="glorot_normal",
            hidden=(32,) * 3,
            optimizer="adam",
            learning_rate=0.3,
        ),
    ),
    "penalty": (
        TANH.replace(learning_rate=0.02, l2=0.1),
        TANH.replace(learning_rate=0.02, weight_decay=0.1),
        TANH.replace(optimizer="adam", learning_rate=0.002, weight_decay=10.0),
        RELU.replace(l2=0.1),
        SHALLOW.replace(l1=0.1),
        SHALLOW.replace(l2=0.1),
        TANH.replace(hidden=(32,) * 4, weight_decay=1.0, batch_size=32, learning_rate=0.05),  # in single batches hidden
    ),
    "clipping": (
        RELU.replace(clip="global_norm", clip_threshold=0.01),
        TANH.replace(clip="value", clip_threshold=1e-4),
        TANH.replace(clip="per_layer_norm", clip_threshold=0.005),
        SHALLOW.replace(clip="adaptive", clip_threshold=0.001),
    ),
    "small_steps": (
        RELU.replace(learning_rate=1e-5),
        TANH.replace(learning_rate=1e-5),
        TANH.replace(optimizer="adam", learning_rate=1e-6),
        SHALLOW.replace(learning_rate=1e-5),
    ),
}

# Runs with none of these.
HEALTHY = (
    RELU,
    TANH,
    SHALLOW,
    RunConfig(activation="selu", init="lecun_normal", hidden=(32,) * 5),
    TANH.replace(dataset="diabetes", hidden=(16,)),
    RunConfig(dataset="diabetes", hidden=()),
    RELU.replace(l2=1e-4, clip="global_norm", clip_threshold=10.0),
)
