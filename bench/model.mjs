// A model to measure with: of random weights, which make a file like any other.

import { join } from 'node:path';
import { train } from '../dist/index.js';

/**
 * Writes a model file that says what it sees of a picture.
 * @param folder that the run lies in
 * @returns its path
 */
export async function modelOf(arch, imageSize, folder) {
  const stem = imageSize < 64 ? 'cifar' : 'imagenet';
  const data = { dataset: 'shapes', trainLimit: 16, testLimit: 5, m: 16, k: 5, batchSize: 8 };
  const out = join(folder, `${arch}-${imageSize}`);
  const { files } = await train({ ...data, arch, imageSize, stem, epochs: 1, device: 'cpu', out });
  return files.model;
}
