import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '#moco/packageRoot.js';

/** What a module of `bench/` exports; these are JavaScript and have no types. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export async function benchScript(path: string): Promise<any> {
  return await import(pathToFileURL(join(packageRoot, 'bench', path)).href);
}
