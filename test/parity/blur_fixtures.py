"""Gaussian blurs of many widths, on pictures of many sizes, by Pillow, as checksums."""

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from resize_fixtures import checksum, source_picture

SIZES = ((1, 1), (1, 9), (5, 1), (2, 3), (8, 8), (13, 7), (16, 16), (32, 32), (33, 65), (96, 96))
"""Height and width of what is blurred: the upper left part of `source_picture`."""

SIGMAS = (0.1, 0.25, 0.4, 0.5, 0.7, 0.8, 1.0, 1.2, 1.4, 1.414, 1.5, 1.75, 2.0, 2.4, 2.45, 3.0, 5.5, 10.0)
"""Those around √2, √6 … are where the box gets another whole pixel."""

DRAWN = 200
"""Widths between 0.1 and 2, the usual ones, on one picture."""

DRAWN_SIZE = (32, 32)


def blur_fixture() -> dict[str, Tensor]:
    """`blur`: of every case the picture's size, the width and a checksum of what Pillow makes."""
    drawn = np.linspace(0.1, 2.0, DRAWN)
    cases = [(*size, sigma) for size in SIZES for sigma in SIGMAS]
    cases += [(*DRAWN_SIZE, float(sigma)) for sigma in drawn]
    picture = source_picture().numpy()
    return {
        "size": torch.tensor([case[:2] for case in cases]),
        "sigma": torch.tensor([case[2] for case in cases], dtype=torch.float64),
        "crc32": torch.tensor([checksum(blurred(picture, *case)) for case in cases]),
    }


def blurred(picture: np.ndarray, height: int, width: int, sigma: float) -> Image.Image:
    """The upper left part of a picture, blurred."""
    part = Image.fromarray(np.ascontiguousarray(picture[:height, :width]))
    return part.filter(ImageFilter.GaussianBlur(sigma))
