import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LOADER } from '#moco/native/buildRecord.js';
import { CLONE_BUILD } from '#moco/native/setUpRecord.js';
import { packageRoot } from '#moco/packageRoot.js';

/** Where a clone in a folder has its addon. */
export function addonFolder(root: string): string {
  return join(root, CLONE_BUILD, 'Release');
}

/** Puts the library that is loaded before the addon into a clone whose addon is a fake. */
export function copyLoader(root: string): void {
  const target = join(addonFolder(root), LOADER);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(addonFolder(packageRoot), LOADER), target);
}
