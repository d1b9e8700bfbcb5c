"""Makes pictures of every format and mode beside this file, and what Pillow says of their pixels.

    python test/pictures/make_pictures.py        # needs Pillow and numpy

expected.json: by file, `pixels` (16 × 16 × 3 in base64: 8-bit sRGB on white, turned by EXIF, first
frame) and `tolerance` (the largest difference that is no error: decoders of lossy formats may round
differently, and print colours have no one conversion).
"""

import base64
import json
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).resolve().parent
FILES = HERE / "files"
SIDE = 16

y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.int64)
# Smooth, so that lossy formats keep it; of different colours in all four corners.
RGB = np.stack([16 * x, 16 * y, 255 - 8 * (x + y)], -1).clip(0, 255).astype(np.uint8)
GREY = (8 * (x + y)).astype(np.uint8)
GREY16 = (257 * GREY.astype(np.uint16)).astype(np.uint16)
ALPHA = (17 * x).clip(0, 255).astype(np.uint8)
# White paper to the left, black ink to the right: what all conversions agree about, nearly.
PRINT = Image.fromarray(np.dstack([0 * x, 0 * x, 0 * x, 255 * (x >= 8)]).astype(np.uint8), "CMYK")
PRINT_RGB = np.repeat((255 * (x < 8)).astype(np.uint8)[..., None], 3, -1)

expected = {}


def on_white(rgb, alpha):
    a = alpha[..., None].astype(np.float64) / 255
    return np.rint(rgb * a + 255 * (1 - a)).astype(np.uint8)


def three(grey):
    return np.repeat(grey[..., None], 3, -1)


def note(name, pixels, tolerance):
    assert pixels.shape == (SIDE, SIDE, 3) and pixels.dtype == np.uint8, name
    expected[name] = {"pixels": base64.b64encode(pixels.tobytes()).decode(), "tolerance": tolerance}


def save(name, image, pixels, tolerance=0, **options):
    image.save(FILES / name, **options)
    note(name, pixels, tolerance)


def decoded(name):
    with Image.open(FILES / name) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def png16(name, samples, colour_type):
    """Pillow writes no 16-bit PNG of several channels: (H, W, C) of uint16, big-endian."""
    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (FILES / name).write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def main():
    FILES.mkdir(exist_ok=True)
    rgb = Image.fromarray(RGB)
    grey = Image.fromarray(GREY)
    other = Image.fromarray(255 - RGB)

    save("rgb.png", rgb, RGB)
    save("grey.png", grey, three(GREY))
    bits = np.where(GREY > 120, 255, 0).astype(np.uint8)
    save("bits.png", Image.fromarray(bits).convert("1"), three(bits))
    save("grey16.png", Image.fromarray(GREY16), three(GREY))
    png16("rgb16.png", 257 * RGB.astype(np.uint16), 2)
    note("rgb16.png", RGB, 0)
    rgba16 = 257 * np.dstack([RGB, ALPHA]).astype(np.uint16)
    png16("rgba16.png", rgba16, 6)
    note("rgba16.png", on_white(RGB, ALPHA), 1)
    palette = rgb.quantize(64)
    in_palette = np.asarray(palette.convert("RGB"))
    save("palette.png", palette, in_palette)
    hidden = np.where(np.asarray(palette) == 0, 0, 255).astype(np.uint8)
    save("palette_alpha.png", palette, on_white(in_palette, hidden), transparency=0)
    save("rgba.png", Image.fromarray(np.dstack([RGB, ALPHA])), on_white(RGB, ALPHA), 1)
    save("la.png", Image.fromarray(np.dstack([GREY, ALPHA])), on_white(three(GREY), ALPHA), 1)
    save("capital.PNG", rgb, RGB)

    save("rgb.tif", rgb, RGB, compression="tiff_lzw")
    save("grey16.tiff", Image.fromarray(GREY16), three(GREY))
    save("pages.tif", rgb, RGB, save_all=True, append_images=[other])
    save("cmyk.tif", PRINT, PRINT_RGB, 45)

    for name, options in [("rgb.jpg", {}), ("progressive.jpeg", {"progressive": True})]:
        save(name, rgb, RGB, quality=95, **options)
        note(name, decoded(name), 3)
    save("grey.jpg", grey, three(GREY), quality=95)
    note("grey.jpg", decoded("grey.jpg"), 2)
    save("cmyk.jpg", PRINT, PRINT_RGB, 45, quality=95)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        name = f"exif{orientation}.jpg"
        save(name, rgb, RGB, quality=95, exif=exif.tobytes())
        note(name, decoded(name), 3)

    save("lossless.webp", rgb, RGB, lossless=True)
    save("rgba.webp", Image.fromarray(np.dstack([RGB, ALPHA])), on_white(RGB, ALPHA), 1,
         lossless=True, exact=True)
    save("animated.webp", rgb, RGB, save_all=True, append_images=[other], lossless=True)
    save("animated.gif", palette, in_palette, save_all=True, append_images=[other.quantize(64)])
    save("rgb.avif", rgb, RGB, quality=95, subsampling="4:4:4")
    note("rgb.avif", decoded("rgb.avif"), 4)

    # Named as another format: the content decides.
    (FILES / "png_named.jpg").write_bytes((FILES / "rgb.png").read_bytes())
    note("png_named.jpg", RGB, 0)

    text = json.dumps(expected, indent=1)
    (HERE / "expected.json").write_text(text + "\n")


main()
