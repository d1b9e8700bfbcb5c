"""A training view, drawn parameters given, by Pillow: what torchvision does to PIL.

Everything happens on 8-bit values, and normalisation is not part of it. The reference's views end
with greyscale; other recipes blur and solarise after it.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

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
    sigma: float | None = None
    """Standard deviation of the blur, if there is one."""
    solarise: bool = False
    size: int = SIZE
    """Height and width of the view."""
    bicubic: bool = False
    """How the crop is resized; else bilinearly."""


def view(picture: np.ndarray, parameters: ViewParameters) -> np.ndarray:
    """Picture (H, W, 3) of bytes to view (size, size, 3) of bytes."""
    image = cropped(Image.fromarray(picture), parameters)
    if parameters.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if parameters.jitter:
        for operation in parameters.order:
            image = jittered(image, operation, parameters.factors[operation])
    if parameters.greyscale:
        image = greyscale(image)
    if parameters.sigma is not None:
        image = image.filter(ImageFilter.GaussianBlur(parameters.sigma))
    if parameters.solarise:
        image = ImageOps.solarize(image)
    return np.asarray(image)


def cropped(image: Image.Image, parameters: ViewParameters) -> Image.Image:
    """The box, cut out first and then resized."""
    top, left, height, width = parameters.box
    crop = image.crop((left, top, left + width, top + height))
    filters = Image.Resampling
    by = filters.BICUBIC if parameters.bicubic else filters.BILINEAR
    return crop.resize((parameters.size, parameters.size), by)


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
