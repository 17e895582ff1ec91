"""Remedies for a model that is trained elsewhere, each as a line of code in the framework that recorded it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .suggestions import Suggestion

Framework = Literal["torch", "keras", "jax"]


@dataclass(frozen=True, kw_only=True)
class CodeSuggestion:
    """One thing to try.

    Attributes:
        label: in words.
        torch, keras, jax: a line of code in each framework.
    """

    label: str
    torch: str
    keras: str
    jax: str


CODE_SUGGESTIONS: dict[str, CodeSuggestion] = {
    "he_init": CodeSuggestion(
        label="He initialization, with ReLU",
        torch="nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')",
        keras="keras.layers.Dense(units, activation='relu', kernel_initializer='he_normal')",
        jax="flax.linen.Dense(features, kernel_init=flax.linen.initializers.he_normal())",
    ),
    "residual": CodeSuggestion(
        label="Residual connections",
        torch="x = x + self.block(x)",
        keras="x = keras.layers.Add()([x, block(x)])",
        jax="x = x + block(x)",
    ),
    "layer_norm": CodeSuggestion(
        label="Layer normalization before each block",
        torch="x = x + self.block(self.norm(x))  # self.norm = nn.LayerNorm(units)",
        keras="x = keras.layers.Add()([x, block(keras.layers.LayerNormalization()(x))])",
        jax="x = x + block(flax.linen.LayerNorm()(x))",
    ),
    "smaller_init": CodeSuggestion(
        label="Smaller initial weights",
        torch="nn.init.normal_(layer.weight, std=1 / layer.in_features**0.5)",
        keras="keras.layers.Dense(units, kernel_initializer='lecun_normal')",
        jax="flax.linen.Dense(features, kernel_init=flax.linen.initializers.lecun_normal())",
    ),
    "clip": CodeSuggestion(
        label="Gradient clipping",
        torch="torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # before optimizer.step()",
        keras="keras.optimizers.Adam(1e-3, global_clipnorm=1.0)",
        jax="optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))",
    ),
    "looser_clip": CodeSuggestion(
        label="A threshold near the 90th percentile of the norm",
        torch="torch.nn.utils.clip_grad_norm_(model.parameters(), {threshold})",
        keras="keras.optimizers.Adam(1e-3, global_clipnorm={threshold})",
        jax="optax.clip_by_global_norm({threshold})",
    ),
    "lower_rate": CodeSuggestion(
        label="A lower learning rate",
        torch="for group in optimizer.param_groups: group['lr'] /= 10",
        keras="model.optimizer.learning_rate = model.optimizer.learning_rate / 10",
        jax="optax.adam(learning_rate / 10)",
    ),
    "higher_rate": CodeSuggestion(
        label="A higher learning rate",
        torch="for group in optimizer.param_groups: group['lr'] *= 10",
        keras="model.optimizer.learning_rate = model.optimizer.learning_rate * 10",
        jax="optax.adam(learning_rate * 10)",
    ),
    "warm_up": CodeSuggestion(
        label="A warm-up of the learning rate",
        torch="scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=1000)",
        keras="keras.optimizers.schedules.CosineDecay(1e-5, steps, warmup_target=1e-3, warmup_steps=1000)",
        jax="optax.warmup_cosine_decay_schedule(1e-5, 1e-3, 1000, steps)",
    ),
    "scaler": CodeSuggestion(
        label="A loss scale",
        torch="scaler = torch.amp.GradScaler(init_scale=2.0**16)  # scaler.scale(loss).backward()",
        keras="keras.mixed_precision.LossScaleOptimizer(optimizer)",
        jax="grads = jax.tree.map(lambda g: g / 2**16, jax.grad(lambda p: 2**16 * loss(p))(params))",
    ),
    "bfloat16": CodeSuggestion(
        label="bfloat16, which has the range of float32",
        torch="with torch.autocast('cuda', dtype=torch.bfloat16):",
        keras="keras.mixed_precision.set_global_policy('mixed_bfloat16')",
        jax="params = jax.tree.map(lambda p: p.astype(jax.numpy.bfloat16), params)",
    ),
    "master_weights": CodeSuggestion(
        label="Weights in float32, and half precision in the forward pass only",
        torch="model.float()  # and: with torch.autocast('cuda', dtype=torch.float16):",
        keras="keras.mixed_precision.set_global_policy('mixed_float16')",
        jax="params = jax.tree.map(lambda p: p.astype(jax.numpy.float32), params)",
    ),
    "all_parameters": CodeSuggestion(
        label="An optimizer made of the whole model",
        torch="optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)  # after the last layer was made",
        keras="model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss)  # after the last layer was made",
        jax="opt_state = optimizer.init(params)  # of all parameters, and without optax.masked",
    ),
    "find_cut": CodeSuggestion(
        label="Search for what cuts the graph",
        torch="grep -n 'detach()\\|no_grad\\|\\.data\\|\\.item()' *.py",
        keras="grep -n 'stop_gradient\\|trainable' *.py",
        jax="grep -n 'stop_gradient' *.py",
    ),
    "unfreeze": CodeSuggestion(
        label="Train them too",
        torch="for p in model.parameters(): p.requires_grad_(True)  # before the optimizer is made",
        keras="model.trainable = True  # before compile",
        jax="optimizer  # without optax.masked or optax.set_to_zero for these parameters",
    ),
    "leaky_relu": CodeSuggestion(
        label="An activation that is not flat",
        torch="nn.LeakyReLU(0.01)  # for nn.ReLU()",
        keras="keras.layers.LeakyReLU(negative_slope=0.01)",
        jax="jax.nn.leaky_relu(x)",
    ),
    "update_scale": CodeSuggestion(
        label="Let the scaler find its scale",
        torch="scaler.step(optimizer); scaler.update()",
        keras="keras.mixed_precision.LossScaleOptimizer(optimizer, dynamic_growth_steps=2000)",
        jax="scale = jax.numpy.where(finite, scale, scale / 2)",
    ),
}


def suggest(framework: str, *names: str, **numbers: str) -> tuple[Suggestion, ...]:
    """Suggestions with their line of code; in PyTorch where the framework is not known.

    Args:
        framework: a Framework, or another text.
        names: keys of CODE_SUGGESTIONS.
        numbers: what the code has in braces.
    """
    language = framework if framework in ("torch", "keras", "jax") else "torch"
    made = []
    for name in names:
        suggestion = CODE_SUGGESTIONS[name]
        code = getattr(suggestion, language)
        for key, number in numbers.items():
            code = code.replace(f"{{{key}}}", number)
        made.append(Suggestion(label=suggestion.label, changes={}, code=code))
    return tuple(made)
