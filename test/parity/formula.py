"""Numbers that this folder and the C++ tests both compute, so that no weight or picture is stored.

A number depends only on the name of its tensor and on its row-major index (NCHW for weights and
the order named in the call for everything else), never on a library's random generator.
"""

import math

import numpy as np
import torch
from torch import Tensor

CIFAR10_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR10_STD = (0.2023, 0.1994, 0.2010)


def name_hash(name: str) -> int:
    """FNV-1a (32 bits) of a tensor's name: its seed."""
    value = 2166136261
    for byte in name.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value


def words(name: str, count: int) -> np.ndarray:
    """`count` 32-bit words (uint32): PCG's RXS-M-XS output function over a counter."""
    state = np.arange(count, dtype=np.uint32) * np.uint32(747796405) + np.uint32(name_hash(name))
    shift = (state >> np.uint32(28)) + np.uint32(4)
    word = ((state >> shift) ^ state) * np.uint32(277803737)
    return (word >> np.uint32(22)) ^ word


def unit(name: str, count: int) -> np.ndarray:
    """`count` numbers in [0, 1) (float64), multiples of 2^-24."""
    return (words(name, count) >> np.uint32(8)).astype(np.float64) / 2.0**24


def uniform(name: str, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    """Numbers in [low, high) of that shape: float64 arithmetic, rounded once to float32."""
    values = low + (high - low) * unit(name, math.prod(shape))
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def byte(name: str, shape: tuple[int, ...]) -> Tensor:
    """Bytes (uint8) of that shape: the words' top eight bits."""
    values = (words(name, math.prod(shape)) >> np.uint32(24)).astype(np.uint8)
    return torch.from_numpy(values).reshape(shape)


def normalise(pictures: Tensor) -> Tensor:
    """Bytes (B, H, W, 3) to normalised float32 (B, 3, H, W), in torchvision's float32 steps."""
    scaled = pictures.permute(0, 3, 1, 2).contiguous().to(torch.float32).div(255)
    mean = torch.tensor(CIFAR10_MEAN, dtype=torch.float32).view(3, 1, 1)
    std = torch.tensor(CIFAR10_STD, dtype=torch.float32).view(3, 1, 1)
    return scaled.sub(mean).div(std)


def pictures(name: str, batch: int, size: int = 32) -> Tensor:
    """Normalised pictures of byte noise, float32 (B, 3, size, size)."""
    return normalise(byte(name, (batch, size, size, 3)))


def probe(name: str, values: Tensor) -> Tensor:
    """Dot product (float64 scalar) of a tensor with its formula direction `probe.<name>`."""
    direction = uniform("probe." + name, tuple(values.shape), -1, 1).to(torch.float64)
    return (direction * values.to(torch.float64)).sum()
