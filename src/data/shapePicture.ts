import { PICTURE_SIDE as SIDE } from './dataset.js';
import { Canvas, type Colour, forEachPixel } from './shapeCanvas.js';
import type { Outline } from './shapeOutlines.js';
import type { PictureRandom } from './shapeRandom.js';
import { coverage, type Texture } from './shapeTextures.js';

/** What a class looks like. */
export interface ShapeKind {
  readonly name: string;
  readonly outline: Outline;
  readonly texture: Texture;
  /** Whether the texture runs around the shape's centre, and so may be turned by any angle. */
  readonly centred: boolean;
}

/** The strongest tint: how far a channel may be off, on the 0…255 scale. */
const TINT = 8;

/** Brightness of clutter, from darkest to brightest, on the 0…255 scale. */
const CLUTTER_BRIGHTNESS = [30, 225] as const;

const canvas = new Canvas();

/**
 * Paints one picture: a shape of the given kind on a cluttered background, in uneven light. All but
 * the kind is random: colours, which of the texture's two is the brighter, size, place and turn of
 * the shape, scale, turn, phase and bend of the texture, clutter, light, noise. So neither colour
 * nor brightness tells the class. Tints are weak, so that two views of a picture have little but
 * the kind in common: what is particular to a picture is what contrastive learning finds first.
 *
 * @param pixels takes the 32 × 32 × 3 bytes
 */
export function drawPicture(kind: ShapeKind, random: PictureRandom, pixels: Uint8Array): void {
  paintBackground(random);
  for (let left = random.integer(8, 14); left > 0; left--) {
    if (random.chance(0.5)) paintBlob(random);
    else paintLine(random);
  }
  paintShape(kind, random);
  for (let left = 3; left > 0; left--) paintLight(random);
  develop(random, pixels);
}

/** A colour of the given brightness (0…255) with a random tint. */
function tinted(random: PictureRandom, brightness: number): Colour {
  const red = random.uniform(-TINT, TINT);
  const green = random.uniform(-TINT, TINT);
  const blue = random.uniform(-TINT, TINT);
  const tilt = (red + green + blue) / 3;
  return [brightness + red - tilt, brightness + green - tilt, brightness + blue - tilt];
}

/** A soft gradient between two colours, in a random direction. */
function paintBackground(random: PictureRandom): void {
  const from = tinted(random, random.uniform(80, 175));
  const to = tinted(random, random.uniform(80, 175));
  const [alongX, alongY] = random.direction();
  forEachPixel(SIDE / 2, SIDE / 2, SIDE, (x, y, dx, dy) => {
    canvas.blend(x, y, mixed(from, to, (alongX * dx + alongY * dy) / SIDE + 0.5), 1);
  });
}

/** A small soft-edged disc of one colour. */
function paintBlob(random: PictureRandom): void {
  const colour = tinted(random, random.uniform(...CLUTTER_BRIGHTNESS));
  const radius = random.uniform(1.5, 4.5);
  forEachPixel(random.uniform(0, SIDE), random.uniform(0, SIDE), radius + 1, (x, y, dx, dy) => {
    canvas.blend(x, y, colour, coverage(radius - Math.sqrt(dx * dx + dy * dy), 2));
  });
}

/** A thin straight line of one colour. */
function paintLine(random: PictureRandom): void {
  const colour = tinted(random, random.uniform(...CLUTTER_BRIGHTNESS));
  const [alongX, alongY] = random.direction();
  const half = random.uniform(4, 12);
  const thickness = random.uniform(0.4, 1.1);
  forEachPixel(random.uniform(0, SIDE), random.uniform(0, SIDE), half + 1, (x, y, dx, dy) => {
    const along = Math.abs(dx * alongX + dy * alongY);
    const across = Math.abs(dy * alongX - dx * alongY);
    canvas.blend(x, y, colour, coverage(Math.min(half - along, thickness - across), 1));
  });
}

/** The textured shape that tells the class. */
function paintShape(kind: ShapeKind, random: PictureRandom): void {
  const radius = random.uniform(13, 18);
  const centreX = SIDE / 2 + random.uniform(-7, 7);
  const centreY = SIDE / 2 + random.uniform(-7, 7);
  const [turnX, turnY] = random.direction();
  const colourAt = randomTexture(kind, random);
  forEachPixel(centreX, centreY, radius + 1, (x, y, dx, dy) => {
    const across = (dx * turnX + dy * turnY) / radius;
    const down = (dy * turnX - dx * turnY) / radius;
    const share = coverage(kind.outline(across, down), 1 / radius);
    if (share > 0) canvas.blend(x, y, colourAt(dx, dy), share);
  });
}

/** A kind's texture in random colours, scale, turn, phase and bend; by pixels from the centre. */
function randomTexture(kind: ShapeKind, random: PictureRandom): (dx: number, dy: number) => Colour {
  // An upright texture stays within 27° of upright: what is horizontal and what is vertical differ.
  const [turnX, turnY] = kind.centred ? random.direction() : upright(random);
  const period = random.uniform(4, 7.5);
  const spread = kind.centred ? 1 : 50;
  const shiftU = random.uniform(-spread, spread);
  const shiftV = random.uniform(-spread, spread);
  const bendU = randomBend(random);
  const bendV = randomBend(random);
  const middle = random.uniform(90, 165);
  const contrast = random.uniform(50, 75) * (random.chance(0.5) ? 1 : -1);
  const first = tinted(random, middle - contrast);
  const second = tinted(random, middle + contrast);
  return (dx, dy) => {
    const u = (dx * turnX + dy * turnY) / period + shiftU + bendU(dx, dy);
    const v = (dy * turnX - dx * turnY) / period + shiftV + bendV(dx, dy);
    return mixed(first, second, kind.texture(u, v, 1 / period));
  };
}

/** A direction within 27° of the horizontal, to the right. */
function upright(random: PictureRandom): [number, number] {
  const slope = random.uniform(-0.5, 0.5);
  const length = Math.sqrt(1 + slope * slope);
  return [1 / length, slope / length];
}

/** How far a texture is bent away from straight, in periods: quadratic in the distance. */
function randomBend(random: PictureRandom): (dx: number, dy: number) => number {
  const half = SIDE / 2;
  const xx = random.uniform(-1, 1) / (half * half);
  const xy = random.uniform(-1, 1) / (half * half);
  const yy = random.uniform(-1, 1) / (half * half);
  return (dx, dy) => xx * dx * dx + xy * dx * dy + yy * dy * dy;
}

/** A wide patch of light or shade over all that is there. */
function paintLight(random: PictureRandom): void {
  const colour = tinted(random, random.uniform(-50, 50));
  const radius = random.uniform(10, 18);
  forEachPixel(random.uniform(0, SIDE), random.uniform(0, SIDE), radius, (x, y, dx, dy) => {
    const inside = Math.max(0, 1 - (dx * dx + dy * dy) / (radius * radius));
    canvas.lighten(x, y, colour, inside * inside);
  });
}

function mixed(first: Colour, second: Colour, share: number): Colour {
  return [
    first[0] + (second[0] - first[0]) * share,
    first[1] + (second[1] - first[1]) * share,
    first[2] + (second[2] - first[2]) * share,
  ];
}

/** Turns the canvas into bytes, with the grain of a camera. */
function develop(random: PictureRandom, pixels: Uint8Array): void {
  const grain = random.uniform(4, 14) / 128;
  const noise = (byte: number) => ((byte & 255) - 127.5) * grain;
  canvas.develop(pixels, () => {
    const bits = random.bits();
    return [noise(bits), noise(bits >>> 8), noise(bits >>> 16)];
  });
}
