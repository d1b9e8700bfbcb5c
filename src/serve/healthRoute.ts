import { basename } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { version } from '../version.js';
import { healthAnswer, openApiSchema } from './schemas.js';
import type { Service } from './service.js';

/** `GET /healthz`: whether the service takes requests, and with what it computes. */
export function addHealthRoute(fastify: FastifyInstance, service: Service): void {
  const { admission, encoder, index } = service;
  const { model, dims, device, precision } = encoder.description;
  const facts = {
    version,
    model: {
      file: basename(model.path),
      arch: model.arch,
      imageSize: model.input.imageSize,
      dims: dims.features,
    },
    ...{ device, precision },
    index: index ? { size: index.size, metric: index.metric } : null,
  };
  const content = { 'application/json': { schema: openApiSchema(healthAnswer) } };
  const response = {
    200: { description: 'The service takes requests', content },
    503: { description: 'The service shuts down', content },
  };
  const schema = { summary: 'Tells whether the service takes requests', response };
  fastify.get('/healthz', { schema }, async (_, reply) => {
    const status = admission.isDraining ? 'draining' : 'ready';
    return reply.code(admission.isDraining ? 503 : 200).send({ status, ...facts });
  });
}
