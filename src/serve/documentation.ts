import type { FastifyInstance } from 'fastify';
import { version } from '../version.js';
import { loadLibrary } from './libraries.js';
import { documentationPage, type OpenApiDocument } from './page.js';

/** What the page may load: nothing, apart from the style in it. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/**
 * `GET /openapi.json` and `GET /docs`, about all routes that are added afterwards. Where the program
 * around the service has @fastify/swagger already, that has them, and nothing is added.
 */
export async function addDocumentation(fastify: FastifyInstance, hasToken: boolean): Promise<void> {
  if (fastify.hasDecorator('swagger')) return;
  const { default: swagger } = await loadLibrary('@fastify/swagger');
  await fastify.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'moco', version, description: 'Features of pictures, and similar pictures.' },
      ...(hasToken && {
        components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
        security: [{ token: [] }],
      }),
    },
  });
  const hidden = { schema: { hide: true } };
  fastify.get('/openapi.json', hidden, async () => fastify.swagger());
  fastify.get('/docs', hidden, async (_, reply) => {
    const page = documentationPage(fastify.swagger() as OpenApiDocument, 'openapi.json');
    return reply.headers({ 'content-security-policy': PAGE_POLICY }).type('text/html').send(page);
  });
}
