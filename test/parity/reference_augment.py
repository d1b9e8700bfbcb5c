"""The reference's training view, drawn parameters given, by Pillow: what torchvision does to PIL.

Everything happens on 8-bit values; greyscale comes last and normalisation is not part of it.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance

SIZE = 32


@dataclass(frozen=True)
class ViewParameters:
    """All random draws of one view."""

    box: tuple[int, int, int, int]
    """Top, left, height, width of the crop."""
    flip: bool
    jitter: bool
    order: tuple[int, int, int, int]
    """Order of the jitter's operations: 0 brightness, 1 contrast, 2 saturation, 3 hue."""
    factors: tuple[float, float, float, float]
    """Brightness, contrast and saturation factor, and hue as a part of the circle."""
    greyscale: bool


def view(picture: np.ndarray, parameters: ViewParameters) -> np.ndarray:
    """Picture (H, W, 3) of bytes to view (32, 32, 3) of bytes."""
    image = cropped(Image.fromarray(picture), parameters.box)
    if parameters.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if parameters.jitter:
        for operation in parameters.order:
            image = jittered(image, operation, parameters.factors[operation])
    if parameters.greyscale:
        image = greyscale(image)
    return np.asarray(image)


def cropped(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """The box (top, left, height, width), cut out first and then enlarged to 32x32."""
    top, left, height, width = box
    crop = image.crop((left, top, left + width, top + height))
    return crop.resize((SIZE, SIZE), Image.Resampling.BILINEAR)


def jittered(image: Image.Image, operation: int, factor: float) -> Image.Image:
    """One of the four operations of the colour jitter."""
    match operation:
        case 0:
            return ImageEnhance.Brightness(image).enhance(factor)
        case 1:
            return ImageEnhance.Contrast(image).enhance(factor)
        case 2:
            return ImageEnhance.Color(image).enhance(factor)
        case 3:
            return hue_shifted(image, hue_steps(factor))
    raise ValueError(f"no operation {operation}")


def hue_steps(factor: float) -> int:
    """Part of the circle to steps of an 8-bit hue, towards zero."""
    return int(factor * 255)


def hue_shifted(image: Image.Image, steps: int) -> Image.Image:
    """Through 8-bit HSV and back, also where the shift is zero: the way there loses colours."""
    hue, saturation, value = image.convert("HSV").split()
    shifted = (np.asarray(hue).astype(np.int32) + steps).astype(np.uint8)
    return Image.merge("HSV", (Image.fromarray(shifted), saturation, value)).convert("RGB")


def greyscale(image: Image.Image) -> Image.Image:
    """Luma in all three channels."""
    luma = image.convert("L")
    return Image.merge("RGB", (luma, luma, luma))
