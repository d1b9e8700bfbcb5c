import { MocoError } from '../error.js';
import { loadSharp } from '../pictures/sharp.js';

/** What the service is built on: optional, since whoever only trains needs none of it. */
const LIBRARIES = {
  fastify: () => import('fastify'),
  '@fastify/multipart': () => import('@fastify/multipart'),
  '@fastify/swagger': () => import('@fastify/swagger'),
  'prom-client': () => import('prom-client'),
} as const;

type Libraries = typeof LIBRARIES;

/**
 * A library of the service, which is loaded when it is needed first.
 * @throws MocoError `ERR_MOCO_CONFIG` where it is not installed, or cannot be loaded
 */
export async function loadLibrary<Name extends keyof Libraries>(
  name: Name,
): Promise<Awaited<ReturnType<Libraries[Name]>>> {
  try {
    return (await LIBRARIES[name]()) as Awaited<ReturnType<Libraries[Name]>>;
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';
    const [reason] = String((cause as Error).message).split('\n');
    const state = isMissing ? 'is not installed' : `cannot be loaded: ${reason}`;
    throw new MocoError('ERR_MOCO_CONFIG', `the service needs ${name}, which ${state}`, {
      hint: `Install what it needs beside moco: npm install ${Object.keys(LIBRARIES).join(' ')} sharp`,
      cause,
    });
  }
}

/** Loads all libraries of the service. @throws MocoError as `loadLibrary` and `loadSharp` */
export async function requireLibraries(): Promise<void> {
  await loadSharp();
  for (const name of Object.keys(LIBRARIES)) await loadLibrary(name as keyof Libraries);
}
