"""Views of whole published pipelines, with given parameters, by Pillow, as checksums."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import formula
from augment_fixtures import checksum, source_pictures
from reference_augment import SIZE, ViewParameters, view

CASES = 60
"""Of each pipeline."""


@dataclass(frozen=True)
class Pipeline:
    """What the parameters of a view are drawn from."""

    name: str
    area: tuple[float, float]
    strengths: tuple[float, float, float, float]
    """Of brightness, contrast, saturation and hue."""
    blur: float
    solarise: float
    bicubic: bool
    size: int = SIZE


PIPELINES = (
    Pipeline("moco_v2", (0.2, 1), (0.4, 0.4, 0.4, 0.1), blur=0.5, solarise=0, bicubic=False),
    Pipeline("byol_first", (0.08, 1), (0.4, 0.4, 0.2, 0.1), blur=1, solarise=0, bicubic=True),
    Pipeline("byol_second", (0.08, 1), (0.4, 0.4, 0.2, 0.1), blur=0.1, solarise=0.2, bicubic=True),
    Pipeline(
        "small", (0.08, 0.4), (0.8, 0.8, 0.8, 0.2), blur=0.5, solarise=0.2, bicubic=True, size=16
    ),
)
"""MoCo v2 (Chen et al. 2020), both of BYOL (Grill et al. 2020, table 6), and small views."""


def pipeline_fixture() -> dict[str, Tensor]:
    """`pipelines`: parameters of views of `augment`'s pictures, and a checksum of each view."""
    pictures = source_pictures()
    parameters = [drawn(pipeline, case) for pipeline in PIPELINES for case in range(CASES)]
    sources = [(5 * case + case // 8) % len(pictures) for case in range(len(parameters))]
    views = [view(pictures[s], p) for s, p in zip(sources, parameters, strict=True)]
    return {
        "picture": torch.tensor(sources),
        "box": torch.tensor([p.box for p in parameters]),
        "flip": torch.tensor([int(p.flip) for p in parameters]),
        "jitter": torch.tensor([int(p.jitter) for p in parameters]),
        "order": torch.tensor([p.order for p in parameters]),
        "factors": torch.tensor([p.factors for p in parameters], dtype=torch.float64),
        "greyscale": torch.tensor([int(p.greyscale) for p in parameters]),
        "sigma": torch.tensor([p.sigma or 0 for p in parameters], dtype=torch.float64),
        "solarise": torch.tensor([int(p.solarise) for p in parameters]),
        "size": torch.tensor([p.size for p in parameters]),
        "bicubic": torch.tensor([int(p.bicubic) for p in parameters]),
        "crc32": torch.tensor([checksum(v) for v in views]),
    }


def drawn(pipeline: Pipeline, case: int) -> ViewParameters:
    """The parameters of one view."""

    def draw(name: str, low: float = 0, high: float = 1) -> float:
        sequence = formula.unit(f"pipeline.{pipeline.name}.{name}", CASES)
        return low + (high - low) * sequence[case].item()

    *factors, hue = pipeline.strengths
    jitter = [draw(f"factor{i}", 1 - s, 1 + s) for i, s in enumerate(factors)]
    jitter.append(draw("hue", -hue, hue))
    sigma = draw("sigma", 0.1, 2)
    return ViewParameters(
        box=box(pipeline.area, draw),
        flip=draw("flip") < 0.5,
        jitter=draw("jitter") < 0.8,
        order=list(itertools.permutations(range(4)))[case % 24],
        factors=tuple(float(np.float32(factor)) for factor in jitter),
        greyscale=draw("greyscale") < 0.2,
        sigma=sigma if draw("blur") < pipeline.blur else None,
        solarise=draw("solarise") < pipeline.solarise,
        size=pipeline.size,
        bicubic=pipeline.bicubic,
    )


def box(area: tuple[float, float], draw) -> tuple[int, int, int, int]:
    """A random resized crop's box (top, left, height, width), or all of it where that won't fit."""
    pixels = SIZE * SIZE * draw("area", *area)
    ratio = math.exp(draw("ratio", math.log(3 / 4), math.log(4 / 3)))
    height, width = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
    if height > SIZE or width > SIZE:
        return 0, 0, SIZE, SIZE
    top = int(draw("top", 0, SIZE - height + 1))
    left = int(draw("left", 0, SIZE - width + 1))
    return top, left, height, width
