"""PyTorch models whose gradients are worth recording, small enough to train on a processor in seconds."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


def deep_mlp(hidden: int, units: int, activation: type[nn.Module], inputs: int = 2, outputs: int = 1) -> nn.Sequential:
    """Linear, activation, Linear, ... with `hidden` hidden layers."""
    widths = [inputs, *[units] * hidden]
    layers = [m for a, b in zip(widths, widths[1:], strict=False) for m in (nn.Linear(a, b), activation())]
    return nn.Sequential(*layers, nn.Linear(units, outputs))


class SequenceModel(nn.Module):
    """A stacked LSTM that reads a sequence and answers at its end."""

    def __init__(self, inputs: int, units: int, layers: int):
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, layers, batch_first=True)
        self.head = nn.Linear(units, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Attention(nn.Module):
    """Causal self-attention with several heads."""

    def __init__(self, units: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(units, 3 * units)
        self.out = nn.Linear(units, units)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, units = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, units // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, units))


class Block(nn.Module):
    """A transformer's block; the layer norms stand before the branches or after the sums."""

    def __init__(self, units: int, heads: int, norm_first: bool):
        super().__init__()
        self.norm_first = norm_first
        self.attention = Attention(units, heads)
        self.norm1 = nn.LayerNorm(units)
        self.mlp = nn.Sequential(nn.Linear(units, 4 * units), nn.ReLU(), nn.Linear(4 * units, units))
        self.norm2 = nn.LayerNorm(units)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.norm_first:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.mlp(x))


class Transformer(nn.Module):
    """A language model of characters."""

    def __init__(self, *, tokens: int, units: int, layers: int, heads: int, length: int, norm_first: bool):
        super().__init__()
        self.token_embedding = nn.Embedding(tokens, units)
        self.position_embedding = nn.Embedding(length, units)
        self.blocks = nn.ModuleList(Block(units, heads, norm_first) for _ in range(layers))
        self.final_norm = nn.LayerNorm(units) if norm_first else nn.Identity()
        self.head = nn.Linear(units, tokens)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.token_embedding(x) + self.position_embedding.weight[: x.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.final_norm(x))


class ConvBlock(nn.Module):
    """Two convolutions, with or without a way around them."""

    def __init__(self, channels: int, *, residual: bool, normalized: bool, stride: int = 1, inputs: int | None = None):
        super().__init__()
        inputs = inputs or channels
        self.residual = residual
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1)
        self.norm1 = nn.BatchNorm2d(channels) if normalized else nn.Identity()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(channels) if normalized else nn.Identity()
        same = stride == 1 and inputs == channels
        self.shortcut = nn.Identity() if same or not residual else nn.Conv2d(inputs, channels, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        return functional.relu(branch + self.shortcut(x) if self.residual else branch)


def small_resnet(blocks: int, channels: int, residual: bool) -> nn.Sequential:
    """A convolution, `blocks` blocks of two, and a linear layer, for pictures of 8 x 8 pixels; no normalization."""
    body = [ConvBlock(channels, residual=residual, normalized=False) for _ in range(blocks)]
    stem = [nn.Conv2d(1, channels, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * channels, 10))


def resnet18(channels: int = 64) -> nn.Sequential:
    """ResNet-18 for pictures of 32 x 32 pixels (He et al. 2016)."""
    body, inputs = [], channels
    for stage in range(4):
        width = channels * 2**stage
        for block in range(2):
            stride = 2 if stage and not block else 1
            body.append(ConvBlock(width, residual=True, normalized=True, stride=stride, inputs=inputs))
            inputs = width
    stem = [nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))


def relu_cnn() -> nn.Sequential:
    """Four convolutions with ReLU and a linear layer, for pictures of 8 x 8 pixels."""
    widths = (1, 16, 16, 32, 32)
    layers = [m for a, b in zip(widths, widths[1:], strict=False) for m in (nn.Conv2d(a, b, 3, padding=1), nn.ReLU())]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 64, 64), nn.ReLU(), nn.Linear(64, 10))
