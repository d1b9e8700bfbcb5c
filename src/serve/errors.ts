import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { RequestError, requestErrorOf } from './requestError.js';

/** Answers all errors of a service's routes as JSON; whoever runs it reads its own failures in the log. */
export function answerErrors(fastify: FastifyInstance): void {
  fastify.setErrorHandler(async (error, request, reply) => {
    const { status, options, body, code } = requestErrorOf(error);
    if (code === 'internal') request.log.error(error);
    if (!request.raw.complete) {
      await readRest(request.raw);
      reply.header('connection', 'close');
    }
    return reply
      .code(status)
      .headers(options.headers ?? {})
      .send(body);
  });
}

/** Milliseconds in which a client may send the rest of a body that is refused. */
const REST_TIME = 500;

/**
 * Reads the rest of a body, for a while: where it is left unread, the system resets the connection, and
 * the client may not see why it was refused.
 */
async function readRest(request: IncomingMessage): Promise<void> {
  request.unpipe();
  request.resume();
  if (request.destroyed) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, REST_TIME);
    request.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Answers 405 where a path is asked for with another method; OPTIONS is left to plugins such as CORS. */
export function refuseOtherMethods(fastify: FastifyInstance, url: string, allowed: string): void {
  fastify.route({
    method: METHODS.filter((method) => method !== allowed),
    url,
    schema: { hide: true },
    onRequest: async (request) => {
      const message = `${request.method} is not possible here, only ${allowed}`;
      throw new RequestError(405, 'method_not_allowed', message, { headers: { allow: allowed } });
    },
    handler: () => {}, // never reached
  });
}
