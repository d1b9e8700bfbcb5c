import { PICTURE_BYTES, PICTURE_SIDE as SIDE } from './dataset.js';

const PIXELS = SIDE * SIDE;

/** Red, green and blue on the 0…255 scale, not rounded. */
export type Colour = readonly [number, number, number];

/** A picture while it is painted. Coordinates are in pixels from the top left corner. */
export class Canvas {
  /** 32 × 32 × 3 values, 0…255, neither rounded nor clipped. */
  readonly #values = new Float32Array(PICTURE_BYTES);

  /** Puts `colour` over a share (0…1) of the pixel in column `x`, row `y`. */
  blend(x: number, y: number, colour: Colour, share: number): void {
    for (let channel = 0; channel < 3; channel++) {
      const at = (y * SIDE + x) * 3 + channel;
      const under = this.#values[at] as number;
      this.#values[at] = under + ((colour[channel] as number) - under) * share;
    }
  }

  /** Adds `strength` × `colour` to the pixel in column `x`, row `y`: light where positive. */
  lighten(x: number, y: number, colour: Colour, strength: number): void {
    for (let channel = 0; channel < 3; channel++) {
      const at = (y * SIDE + x) * 3 + channel;
      this.#values[at] = (this.#values[at] as number) + (colour[channel] as number) * strength;
    }
  }

  /**
   * Writes the picture as 32 × 32 × 3 bytes.
   * @param noise gives what to add to each value, asked for pixel by pixel
   */
  develop(pixels: Uint8Array, noise: () => Colour): void {
    for (let at = 0; at < PIXELS; at++) {
      const added = noise();
      for (let channel = 0; channel < 3; channel++) {
        const index = at * 3 + channel;
        const value = (this.#values[index] as number) + (added[channel] as number) + 0.5;
        pixels[index] = Math.min(255, Math.max(0, value));
      }
    }
  }
}

/**
 * Calls `paint` for every pixel of the canvas whose middle may be within `reach` of a centre, with
 * its column and row and how far its middle is from the centre.
 */
export function forEachPixel(
  centreX: number,
  centreY: number,
  reach: number,
  paint: (x: number, y: number, dx: number, dy: number) => void,
): void {
  const left = Math.max(0, Math.floor(centreX - reach));
  const right = Math.min(SIDE - 1, Math.ceil(centreX + reach));
  const top = Math.max(0, Math.floor(centreY - reach));
  const bottom = Math.min(SIDE - 1, Math.ceil(centreY + reach));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) paint(x, y, x + 0.5 - centreX, y + 0.5 - centreY);
  }
}
