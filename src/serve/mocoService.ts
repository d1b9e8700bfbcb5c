import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import * as check from '../arguments/check.js';
import { isPlainObject } from '../arguments/shown.js';
import { serviceLimits } from '../config/serveConfig.js';
import { addService } from './addService.js';
import type { ServiceOptions } from './serviceOptions.js';

const has = (...methods: string[]) => {
  const isMethod = (value: object, name: string) =>
    typeof (value as Record<string, unknown>)[name] === 'function';
  return z.custom(
    (value) =>
      typeof value === 'object' && value !== null && methods.every((name) => isMethod(value, name)),
    `an object with ${methods.join(', ')}`,
  );
};

const OPTIONS = {
  encoder: has('embedStream', 'statistics'),
  index: has('search').optional(),
  token: check.text,
  limits: z.custom(isPlainObject, 'an object with limits').pipe(serviceLimits.partial()).optional(),
};

const ARGUMENTS = {
  host: has('register', 'route', 'addHook'),
  // Fastify hands its own options over, too, such as `prefix`.
  options: z.looseObject(OPTIONS, 'an object with an encoder'),
};

/**
 * The routes of `moco serve` as a plugin: `fastify.register(mocoService, { encoder, prefix: '/moco' })`.
 * When that Fastify is closed, requests that were begun are finished first.
 * @param host a Fastify 5 instance
 * @throws MocoError `ERR_MOCO_CONFIG` for wrong arguments, and where a library is not installed
 */
export async function mocoService(host: object, options: ServiceOptions): Promise<void> {
  check.requireArguments('mocoService', ARGUMENTS, { host, options });
  await addService(host as FastifyInstance, options);
}
