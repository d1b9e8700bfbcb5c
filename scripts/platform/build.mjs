import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot as root } from '../../dist/packageRoot.js';
import { buildAddon, productsOf } from '../../dist/setup/build.js';
import { fingerprints, publishedFingerprint } from '../../dist/setup/fingerprints.js';

/**
 * Builds the addon for a host, where something changed; returns the folder that it is in.
 * @param tests whether the C++ tests are built, too
 */
export async function buildPlatform(host, libtorch, { tests }, report) {
  const folder = join(root, `build/platform/${host.platform}-${host.arch}`);
  mkdirSync(join(root, 'build/platform'), { recursive: true });
  const request = {
    ...{ root, folder, log: `${folder}.log`, libtorch, nvcc: undefined },
    ...{ sources: publishedFingerprint(root), tests: tests ? fingerprints(root).tests : null },
  };
  await buildAddon(request, host, report);
  return productsOf(folder);
}
