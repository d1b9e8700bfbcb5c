"""Augmentation bytes: 240 views with given parameters, and exhaustive colour tables, by Pillow."""

import itertools
import math
import zlib

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import formula
from reference_augment import SIZE, ViewParameters, hue_shifted, view

CASES = 240
CASES_IN_FULL = 24
HUE_SHIFTS = (0, 1, 25, 231)
BLEND_FACTORS = (0.6, 0.625, 0.9, 1.0, 1.1, 1.25, 1.4)

EDGE_BOXES = (
    (0, 0, 32, 32),
    (0, 0, 1, 1),
    (31, 31, 1, 1),
    (0, 0, 1, 32),
    (16, 0, 1, 32),
    (0, 31, 32, 1),
    (0, 0, 31, 32),
    (1, 0, 31, 32),
    (0, 0, 32, 31),
    (0, 1, 32, 31),
    (1, 1, 31, 31),
    (3, 5, 2, 3),
    (10, 10, 7, 13),
    (0, 0, 16, 16),
    (8, 8, 16, 16),
    (2, 1, 30, 31),
    (23, 23, 9, 9),
    (0, 22, 8, 10),
    (5, 0, 27, 24),
    (12, 7, 17, 23),
)
EDGE_FACTORS = (0.6, 1.0, 1.4)
EDGE_HUES = (-0.1, 0.1, 0.0, 1 / 255, -1 / 255, 0.003, -0.003)


def augment_fixture() -> dict[str, Tensor]:
    """`augment`: pictures, parameters, and what Pillow makes of them."""
    pictures = source_pictures()
    sources = [(5 * case + case // 24) % len(pictures) for case in range(CASES)]
    parameters = [view_parameters(case) for case in range(CASES)]
    views = [view(pictures[s], p) for s, p in zip(sources, parameters, strict=True)]
    return {
        "pictures": torch.from_numpy(pictures),
        "picture": torch.tensor(sources),
        "box": torch.tensor([p.box for p in parameters]),
        "flip": torch.tensor([int(p.flip) for p in parameters]),
        "jitter": torch.tensor([int(p.jitter) for p in parameters]),
        "order": torch.tensor([p.order for p in parameters]),
        "factors": torch.tensor([p.factors for p in parameters], dtype=torch.float64),
        "greyscale": torch.tensor([int(p.greyscale) for p in parameters]),
        "views": torch.from_numpy(np.stack(views[:CASES_IN_FULL])),
        "crc32": torch.tensor([checksum(v) for v in views]),
        "normalised": normalisation_table(),
    }


def view_parameters(case: int) -> ViewParameters:
    """The draws of one case: from the training distribution, or edge cases in turn."""
    orders = list(itertools.permutations(range(4)))
    factors = [draw(f"augment.factor{channel}", case, 0.6, 1.4) for channel in range(3)]
    factors.append(draw("augment.hue", case, -0.1, 0.1))
    turn = case // 7
    match case % 7:
        case 0 | 1 | 2 as channel:
            factors[channel] = EDGE_FACTORS[turn % len(EDGE_FACTORS)]
        case 3:
            factors[3] = EDGE_HUES[turn % len(EDGE_HUES)]
    return ViewParameters(
        box=EDGE_BOXES[(case // 5) % len(EDGE_BOXES)] if case % 5 == 0 else drawn_box(case),
        flip=draw("augment.flip", case, 0, 1) < 0.5,
        jitter=draw("augment.jitter", case, 0, 1) < 0.8,
        order=orders[case % len(orders)],
        factors=tuple(float(np.float32(factor)) for factor in factors),
        greyscale=draw("augment.greyscale", case, 0, 1) < 0.2,
    )


def drawn_box(case: int) -> tuple[int, int, int, int]:
    """A random resized crop's box (top, left, height, width), or all of it where that won't fit."""
    area = SIZE * SIZE * draw("augment.area", case, 0.08, 1)
    ratio = math.exp(draw("augment.ratio", case, math.log(3 / 4), math.log(4 / 3)))
    height, width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
    if height > SIZE or width > SIZE:
        return 0, 0, SIZE, SIZE
    top = int(draw("augment.top", case, 0, SIZE - height + 1))
    left = int(draw("augment.left", case, 0, SIZE - width + 1))
    return top, left, height, width


def draw(name: str, case: int, low: float, high: float) -> float:
    """The case's number of a sequence."""
    return low + (high - low) * formula.unit(name, CASES)[case].item()


def source_pictures() -> np.ndarray:
    """Eight pictures (8, 32, 32, 3) of bytes: three of noise and five smooth or flat ones."""
    noise = formula.byte("augment.noise", (3, SIZE, SIZE, 3)).numpy()
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    gradient = np.stack((8 * x, 8 * y, 255 - 4 * (x + y)), axis=2)
    disc = np.clip(255 - ((x - 14) ** 2 + (y - 18) ** 2), 0, 255)
    glow = np.stack((disc, disc // 2, 255 - disc), axis=2)
    dark = np.stack((x, y, (x + y) // 2), axis=2)
    greyish = np.stack((4 * x + 2 * y, 4 * x + 2 * y + 1, 4 * x + 2 * y + 3), axis=2)
    halves = np.where((x < SIZE // 2)[..., None], 255, 0) * np.ones(3, dtype=np.int64)
    smooth = np.stack((gradient, glow, dark, greyish, halves)).astype(np.uint8)
    return np.concatenate((noise, smooth))


def normalisation_table() -> Tensor:
    """What each byte becomes in each channel (3, 256), float32."""
    values = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 256, 1).expand(1, 1, 256, 3)
    return formula.normalise(values).reshape(3, 256)


def colour_fixture() -> dict[str, Tensor]:
    """`colour`: hue, luma and blend over all their 8-bit inputs, as checksums, and a sample."""
    sample = sample_colours()
    every = all_colours()
    return {
        "hue_shift": torch.tensor(HUE_SHIFTS),
        "hue_crc32": torch.tensor([checksum(hue_shifted(every, s)) for s in HUE_SHIFTS]),
        "luma_crc32": torch.tensor(checksum(every.convert("L"))),
        "sample": pixels(sample),
        "sample_hue": torch.stack([pixels(hue_shifted(sample, s)) for s in HUE_SHIFTS]),
        "sample_luma": pixels(sample.convert("L")),
        "blend_factor": torch.tensor(BLEND_FACTORS, dtype=torch.float32).to(torch.float64),
        "blend_crc32": torch.tensor([checksum(all_blends(f)) for f in BLEND_FACTORS]),
    }


def all_colours() -> Image.Image:
    """All 2^24 colours, row-major: pixel i is red i >> 16, green i >> 8 & 255, blue i & 255."""
    index = np.arange(1 << 24, dtype=np.uint32).reshape(4096, 4096)
    return Image.fromarray(np.stack((index >> 16, index >> 8, index), axis=2).astype(np.uint8))


def sample_colours() -> Image.Image:
    """4,096 colours in one row: a grid of 8x8x8, greys among them, and formula colours."""
    steps = np.arange(8) * 255 // 7
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    drawn = formula.byte("colours", (4096 - len(grid), 3)).numpy()
    return Image.fromarray(np.concatenate((grid.astype(np.uint8), drawn))[None])


def all_blends(factor: float) -> Image.Image:
    """All pairs of bytes: pixel (a, b), row a, is a + factor * (b - a)."""
    b, a = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    return Image.blend(Image.fromarray(a), Image.fromarray(b), factor)


def pixels(image: Image.Image) -> Tensor:
    """Pixels of an image of one row: (W, channels), or (W,) of one channel."""
    return torch.from_numpy(np.array(image)[0])


def checksum(data: np.ndarray | Image.Image) -> int:
    """CRC-32 (zlib's) of bytes in row-major order, channels interleaved."""
    return zlib.crc32(np.ascontiguousarray(data).tobytes())
