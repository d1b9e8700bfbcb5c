"""Resized crops of every relation of sizes, by Pillow, as checksums."""

import itertools
import zlib

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import formula

SIDE = 512
"""Of the picture that all crops are taken of."""

SMALL = 33
"""Crops up to this side are resized to all sides up to it."""

LARGE = (
    # top, left, height, width of the crop; height, width of the result
    (0, 0, 256, 256, 224, 224),
    (3, 5, 256, 231, 224, 224),
    (0, 0, 255, 225, 224, 224),
    (17, 0, 190, 251, 224, 224),
    (8, 9, 72, 71, 64, 64),
    (0, 0, 72, 40, 64, 64),
    (1, 2, 144, 129, 128, 128),
    (0, 0, 512, 512, 224, 224),
    (0, 0, 512, 512, 32, 32),
    (5, 0, 507, 512, 33, 31),
    (0, 0, 512, 1, 224, 224),
    (511, 0, 1, 512, 224, 224),
    (0, 0, 512, 512, 1, 1),
    (100, 100, 97, 300, 96, 192),
    (0, 0, 224, 224, 224, 224),
    (40, 30, 448, 112, 224, 224),
)


def resize_fixture() -> dict[str, Tensor]:
    """`resize`: of every case the sizes, and a checksum of what Pillow makes of `source_picture`."""
    image = Image.fromarray(source_picture().numpy())
    cases = small_cases() + list(LARGE)
    return {
        "case": torch.tensor(cases),
        "crc32": torch.tensor([checksum(resized(image, case)) for case in cases]),
        "bicubic_crc32": torch.tensor(
            [checksum(resized(image, case, Image.Resampling.BICUBIC)) for case in cases]
        ),
    }


def small_cases() -> list[tuple[int, ...]]:
    """Every length to every length, along each axis, with another one along the other axis."""
    sides = range(1, SMALL + 1)
    return [
        (given, made, given, SMALL + 1 - given, made, 1 + (given + made) % SMALL)
        for given, made in itertools.product(sides, sides)
    ]


def resized(
    image: Image.Image,
    case: tuple[int, ...],
    by: Image.Resampling = Image.Resampling.BILINEAR,
) -> Image.Image:
    """The crop, cut out first and then resized."""
    top, left, height, width, to_height, to_width = case
    crop = image.crop((left, top, left + width, top + height))
    return crop.resize((to_width, to_height), by)


def source_picture() -> Tensor:
    """Noise (512, 512, 3) of bytes, a third of them black or white, where roundings add up."""
    noise = formula.byte("resize.noise", (SIDE, SIDE, 3))
    return torch.where(noise < 43, 0, torch.where(noise > 212, 255, noise)).to(torch.uint8)


def checksum(image: Image.Image) -> int:
    """CRC-32 (zlib's) of the pixels in row-major order, channels interleaved."""
    return zlib.crc32(np.ascontiguousarray(image).tobytes())
