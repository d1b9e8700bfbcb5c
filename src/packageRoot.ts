import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of this package; the compiled code is in its `dist`. */
export const packageRoot = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/**
 * Whether a package's folder is a clone of the repository, which builds in itself: what is published
 * has no tests.
 */
export function isClone(root: string): boolean {
  return existsSync(join(root, 'native/test'));
}

/** The version in a package's package.json. */
export function versionOf(root: string): string {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
}
