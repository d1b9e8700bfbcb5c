import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { clientGone } from './admission.js';
import { onceOver } from './exchange.js';
import { RequestError } from './requestError.js';
import type { RequestWork } from './requestWork.js';
import type { Service } from './service.js';

type Handle = (
  request: FastifyRequest,
  reply: FastifyReply,
  signal: AbortSignal,
) => Promise<FastifyReply>;

/** What a route that computes does, and what OpenAPI says of it. */
interface WorkRoute {
  readonly url: string;
  readonly schema: FastifySchema;
  readonly handle: Handle;
}

/**
 * Adds a route that computes: its requests bear the token, and have a place in the service until they
 * are answered. Their work ends early where the client goes away, or it takes too long.
 */
export function addWorkRoute(
  fastify: FastifyInstance,
  { authorize, admission, limits }: Service,
  { url, schema, handle }: WorkRoute,
): void {
  const works = new WeakMap<FastifyRequest, RequestWork>();
  fastify.route({
    method: 'POST',
    ...{ url, schema },
    bodyLimit: limits.maxBody * 1e6,
    onRequest: async (request, reply) => {
      authorize(request.headers.authorization);
      refuseEncoding(request.headers['content-encoding']);
      const work = admission.enter();
      works.set(request, work);
      work.signal.addEventListener('abort', () => {
        if (reply.raw.headersSent) reply.raw.destroy(); // a client that does not read its answer
      });
      onceOver(request, reply, (isAnswered) => {
        if (!isAnswered) work.end(clientGone());
        work.close();
      });
    },
    handler: async (request, reply) => {
      const work = works.get(request) as RequestWork;
      return await work.run((signal) => handle(request, reply, signal));
    },
  });
}

function refuseEncoding(encoding = 'identity'): void {
  if (encoding === 'identity') return;
  const message = `a body with Content-Encoding: ${encoding} is not read`;
  throw new RequestError(415, 'unsupported_media_type', message, {
    hint: 'Send it as it is: pictures are compressed already.',
  });
}
