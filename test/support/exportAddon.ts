import { readFile, writeFile } from 'node:fs/promises';
import type { NativeAddon } from '#moco/native/addon.js';

type Addon = Pick<NativeAddon, 'convertTensors' | 'readTensors' | 'writeTorchScript'>;

/**
 * What an export needs of the addon, for files of row-major fp32: it writes what it is told in place
 * of weights.
 */
export const exportAddon: Addon = {
  async readTensors({ path, tensors }) {
    const { buffer, byteOffset } = await readFile(path);
    return tensors.map(({ shape, storage, firstElement }) => {
      const begin = byteOffset + storage.offset + 4 * firstElement;
      const length = shape.reduce((product, size) => product * size, 1);
      return new Float32Array(buffer.slice(begin, begin + 4 * length));
    });
  },
  async writeTorchScript({ path, methods, description }, tensors) {
    const names = tensors.map(({ name }) => name);
    await writeFile(path, JSON.stringify({ methods, description, names }));
  },
  async convertTensors({ tensors }, { path, ...target }) {
    const names = tensors.map(({ name }) => name);
    await writeFile(path, JSON.stringify({ ...target, names }));
  },
};
