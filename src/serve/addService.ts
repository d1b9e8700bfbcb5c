import type { FastifyInstance } from 'fastify';
import { serviceLimits } from '../config/serveConfig.js';
import { Admission } from './admission.js';
import { requireToken, tokenCheck } from './bearerToken.js';
import { addDocumentation } from './documentation.js';
import { addEmbedRoute } from './embedRoute.js';
import { answerErrors, refuseOtherMethods } from './errors.js';
import { addHealthRoute } from './healthRoute.js';
import { requireFit } from './indexFit.js';
import { loadLibrary, requireLibraries } from './libraries.js';
import { createMetrics } from './metrics.js';
import { addMetricsRoute } from './metricsRoute.js';
import { addSearchRoute } from './searchRoute.js';
import type { ServiceOptions } from './serviceOptions.js';

/**
 * Adds the routes of a service.
 * @returns what lets requests in, to be drained before the encoder is disposed of
 */
export async function addService(
  fastify: FastifyInstance,
  options: ServiceOptions,
): Promise<Admission> {
  const { encoder, index, token } = options;
  if (token !== undefined) requireToken(token, 'token');
  if (index) requireFit(index, encoder.description);
  await requireLibraries();
  const limits = serviceLimits.parse(options.limits ?? {});
  const admission = new Admission(limits);
  const metrics = await createMetrics(encoder, admission);
  const authorize = token === undefined ? () => {} : tokenCheck(token);
  const service = { encoder, index, limits, admission, metrics, authorize };

  answerErrors(fastify);
  await takePictures(fastify);
  await addDocumentation(fastify, token !== undefined);
  addMetricsRoute(fastify, service); // first, since it counts the requests of those after it
  addEmbedRoute(fastify, service);
  addSearchRoute(fastify, service);
  addHealthRoute(fastify, service);
  for (const url of ['/embed', '/search']) refuseOtherMethods(fastify, url, 'POST');
  for (const url of ['/metrics', '/healthz']) refuseOtherMethods(fastify, url, 'GET');
  fastify.addHook('preClose', async () => await admission.drain());
  return admission;
}

/** Has bodies read that are pictures; schemas describe requests, and each route checks them itself. */
async function takePictures(fastify: FastifyInstance): Promise<void> {
  fastify.setValidatorCompiler(() => (value) => ({ value }));
  fastify.setSerializerCompiler(() => (value) => JSON.stringify(value));
  fastify.removeContentTypeParser('text/plain');
  for (const type of [/^image\//, 'application/octet-stream']) {
    fastify.addContentTypeParser(
      type,
      { parseAs: 'buffer' },
      async (_: unknown, body: Buffer) => body,
    );
  }
  if (fastify.hasContentTypeParser('multipart/form-data')) return;
  const { default: multipart } = await loadLibrary('@fastify/multipart');
  await fastify.register(multipart);
}
