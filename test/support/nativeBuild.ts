import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENVIRONMENT } from '#moco/native/buildRecord.js';
import { packageRoot } from '#moco/packageRoot.js';

/** Puts the library that is loaded before the addon into a package whose addon is a fake. */
export function copyEnvironment(root: string): void {
  if (process.platform !== 'linux') return;
  copyFileSync(join(packageRoot, ENVIRONMENT), join(root, ENVIRONMENT));
}
