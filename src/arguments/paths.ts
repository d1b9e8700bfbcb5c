import { resolve } from 'node:path';
import { MocoError } from '../error.js';

/**
 * Where a path lies, whatever the working folder becomes later.
 * @throws MocoError `ERR_MOCO_CONFIG` where that depends on a working folder that is gone
 */
export function absolute(path: string): string {
  try {
    return resolve(path);
  } catch (cause) {
    throw new MocoError('ERR_MOCO_CONFIG', `${path}: the working folder is gone`, {
      hint: 'Change to a folder that is there, or pass the whole path.',
      cause,
    });
  }
}
