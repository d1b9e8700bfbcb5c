import { fileURLToPath } from 'node:url';

/** The folder of this package; the compiled code is in its `dist`. */
export const packageRoot = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
