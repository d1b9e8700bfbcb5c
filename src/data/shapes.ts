import { setImmediate as nextTurn } from 'node:timers/promises';
import { throwIfAborted } from '../abort.js';
import {
  type Dataset,
  type DatasetRequest,
  type LoadOptions,
  PICTURE_BYTES,
  PICTURE_SIDE,
  type PicturesInMemory,
} from './dataset.js';
import type { Outline } from './shapeOutlines.js';
import * as outlines from './shapeOutlines.js';
import { drawPicture, type ShapeKind } from './shapePicture.js';
import { PictureRandom } from './shapeRandom.js';
import type { Texture } from './shapeTextures.js';
import * as textures from './shapeTextures.js';
import { SIZE_BY_NAME } from './sizeByName.js';

/** The classes, by label. The plainest textures are on the slimmest outlines. */
const KINDS: readonly ShapeKind[] = [
  upright('striped crescent', outlines.crescent, textures.striped),
  upright('barred arrow', outlines.arrow, textures.barred),
  upright('checkered star', outlines.star, textures.checkered),
  upright('bricked triangle', outlines.triangle, textures.bricked),
  centred('spoked ring', outlines.ring, textures.spoked),
  centred('ringed half-disc', outlines.halfDisc, textures.ringed),
  upright('dotted disc', outlines.disc, textures.dotted),
  upright('zigzag square', outlines.square, textures.zigzag),
  upright('barbed hexagon', outlines.hexagon, textures.barbed),
  upright('slanted cross', outlines.cross, textures.slanted),
];

/** Measured over the training pictures of seed 0; `test/unit/data/shapes.test.ts` checks them. */
const MEAN = [0.5, 0.5, 0.5] as const;
const STD = [0.186, 0.186, 0.186] as const;

/** Makes a picture differ from the one with the same number in the other split. */
const SPLIT_NUMBER = { train: 0, test: 1 };

/** Pictures drawn in one turn of the event loop: a few tens of milliseconds. */
const SLICE = 250;

/**
 * Generates the `shapes` data set: ten classes of textured shapes on cluttered backgrounds. Picture
 * i of a split depends on (seed, split, i) alone, so a limit takes the first of what would be there
 * anyway. Its class is i modulo 10, so that any number of pictures is balanced.
 * @throws MocoError `ERR_MOCO_ABORTED`
 */
export async function loadShapes(
  request: DatasetRequest,
  { signal }: LoadOptions = {},
): Promise<Dataset<PicturesInMemory>> {
  const whole = SIZE_BY_NAME.shapes;
  const { trainLimit = whole.train, testLimit = whole.test } = request;
  return {
    name: 'shapes',
    classes: KINDS.map(({ name }) => name),
    mean: MEAN,
    std: STD,
    train: await generate('train', trainLimit, request.seed, signal),
    test: await generate('test', testLimit, request.seed, signal),
    cropShare: 1,
    notices: [],
  };
}

async function generate(
  split: 'train' | 'test',
  count: number,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<PicturesInMemory> {
  const pixels = new Uint8Array(count * PICTURE_BYTES);
  const labels = new Int32Array(count);
  for (let start = 0; start < count; start += SLICE) {
    await nextTurn();
    throwIfAborted(signal, 'loading the data set');
    for (let index = start; index < Math.min(count, start + SLICE); index++) {
      const label = index % KINDS.length;
      labels[index] = label;
      const random = new PictureRandom(seed, SPLIT_NUMBER[split], index);
      const target = pixels.subarray(index * PICTURE_BYTES, (index + 1) * PICTURE_BYTES);
      drawPicture(KINDS[label] as ShapeKind, random, target);
    }
  }
  return { pixels, labels, count, height: PICTURE_SIDE, width: PICTURE_SIDE };
}

/** A kind of shape whose texture stays upright and may lie anywhere under the outline. */
function upright(name: string, outline: Outline, texture: Texture): ShapeKind {
  return { name, outline, texture, centred: false };
}

/** A kind of shape whose texture runs around the shape's centre. */
function centred(name: string, outline: Outline, texture: Texture): ShapeKind {
  return { name, outline, texture, centred: true };
}
