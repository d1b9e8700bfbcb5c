import { MocoError } from '../error.js';
import type { NativeAddon } from './addon.js';

/**
 * Throws where a GPU is asked for and there is none, before anything is downloaded for it.
 * @throws MocoError `ERR_MOCO_DEVICE`
 */
export function requireDevice(device: string, addon: NativeAddon): void {
  const { cudaUnavailable } = addon.hardware();
  if (!device.startsWith('cuda') || cudaUnavailable === '') return;
  const message = `device "${device}" cannot be used: ${cudaUnavailable}`;
  throw new MocoError('ERR_MOCO_DEVICE', message, {
    hint: 'Choose --device cpu, or install what is missing and run the set-up again.',
  });
}
