import { packageRoot, versionOf } from './packageRoot.js';

/** This package's version, as in package.json. */
export const version = versionOf(packageRoot);
