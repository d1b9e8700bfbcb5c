import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** Bytes of a picture whose every pixel follows from where it is, and from a number. */
export function gradient(width: number, height: number, number: number): Buffer {
  const pixels = Buffer.alloc(width * height * 3);
  for (let at = 0; at < pixels.length; at++) {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
    pixels[at] = (3 * x + 5 * y + 40 * (at % 3) + 17 * number) % 256;
  }
  return pixels;
}

/** A PNG of `gradient`. */
export async function pngOf(width: number, height: number, number: number): Promise<Buffer> {
  const raw = { width, height, channels: 3 } as const;
  return await sharp(gradient(width, height, number), { raw })
    .png()
    .toBuffer();
}

/** Writes files below a folder, and the folders that they lie in. */
export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

/** Writes PNGs below a folder; each name's place in the list is the number of its gradient. */
export async function writePictures(
  folder: string,
  names: readonly string[],
  side = 8,
): Promise<void> {
  for (const [number, name] of names.entries()) {
    await writeFiles(folder, { [name]: await pngOf(side, side, number) });
  }
}
