import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * The folder of a package that another one depends on, wherever the package manager has put it.
 * @param name of the dependency
 * @param root the folder of the package that needs it
 * @throws Node's `MODULE_NOT_FOUND` where it is not installed
 */
export function packageFolder(name: string, root: string): string {
  return dirname(createRequire(join(root, 'package.json')).resolve(`${name}/package.json`));
}
