import type { FastifyInstance } from 'fastify';
import { onceOver } from './exchange.js';
import type { Service } from './service.js';

/** `GET /metrics`, for Prometheus; and the counting of all requests of the service. */
export function addMetricsRoute(fastify: FastifyInstance, { metrics, authorize }: Service): void {
  fastify.addHook('onRequest', async (request, reply) => {
    const started = performance.now();
    onceOver(request, reply, (isAnswered) => {
      const { method, routeOptions } = request;
      metrics.count({
        ...{ method, route: routeOptions.url ?? 'unknown' },
        status: isAnswered ? reply.raw.statusCode : 499,
        seconds: (performance.now() - started) / 1000,
      });
    });
  });
  const text = { 'text/plain': { schema: { type: 'string' } } };
  const schema = {
    summary: 'Numbers for Prometheus',
    response: { 200: { description: 'Requests, batches, queue, process', content: text } },
  };
  fastify.get('/metrics', {
    schema,
    onRequest: async ({ headers }) => authorize(headers.authorization),
    handler: async (_, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  });
}
