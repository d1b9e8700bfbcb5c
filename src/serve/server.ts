import type { AddressInfo } from 'node:net';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type ServeConfig, serviceLimits } from '../config/serveConfig.js';
import { MocoError } from '../error.js';
import { addService } from './addService.js';
import type { Admission } from './admission.js';
import { answerBroken } from './brokenRequest.js';
import { loadLibrary } from './libraries.js';
import { RequestError, requestErrorOf } from './requestError.js';
import type { ServiceOptions } from './serviceOptions.js';

/** A server that answers requests. */
export interface Listening {
  readonly url: string;
  readonly notices: readonly string[];
  /** Finishes the requests that were begun, and lets none in any more. */
  close(): Promise<void>;
}

/** A connection that is silent for so much longer than any work takes is closed. */
const SILENT_SECONDS = 5;

/** In which clients take the last answers. */
const LAST_SECONDS = 1;

/**
 * Starts a server of its own for a service, which expects the worst of its clients.
 * @param onFailure called with failures of the service's own
 * @throws MocoError `ERR_MOCO_CONFIG` where it cannot listen
 */
export async function startServer(
  config: ServeConfig,
  service: Omit<ServiceOptions, 'limits'>,
  onFailure: (failure: unknown) => void = () => {},
): Promise<Listening> {
  const app = await createServer(config);
  app.addHook('onError', async (_request, _reply, error) => {
    if (requestErrorOf(error).code === 'internal') onFailure(error);
  });
  const limits = serviceLimits.strip().parse(config);
  let admission: Admission | undefined;
  await app.register(async (routes) => {
    admission = await addService(routes, { ...service, limits });
  });
  await listen(app, config);
  return {
    url: urlOf(app.server.address() as AddressInfo),
    notices: isOpen(config.host) && service.token === undefined ? [OPEN] : [],
    close: async () => {
      await admission?.drain();
      // Those that have sent half a request would be waited for without end.
      const last = setTimeout(() => app.server.closeAllConnections(), LAST_SECONDS * 1000);
      await app.close();
      clearTimeout(last);
    },
  };
}

async function createServer(config: ServeConfig): Promise<FastifyInstance> {
  const { fastify } = await loadLibrary('fastify');
  const { maxConnections, headTimeout, bodyTimeout, workTimeout } = config;
  const app = fastify({
    requestTimeout: bodyTimeout * 1000,
    connectionTimeout: (workTimeout + SILENT_SECONDS) * 1000,
    http: {
      headersTimeout: Math.min(headTimeout, bodyTimeout) * 1000,
      connectionsCheckingInterval: 500,
    },
    return503OnClosing: false, // the service answers that itself
    clientErrorHandler: answerBroken,
    frameworkErrors: (error, _, reply: FastifyReply) => {
      const { status, body } = requestErrorOf(error);
      reply.code(status).send(body);
    },
  });
  app.server.maxConnections = maxConnections;
  app.setNotFoundHandler((request, reply) => reply.code(404).send(notFound(request.url).body));
  return app;
}

function notFound(url: string): RequestError {
  return new RequestError(404, 'not_found', `${url.slice(0, 100)} is not there`, {
    hint: 'GET /docs lists what there is.',
  });
}

const OPEN =
  'other machines reach this service, and no token is asked of them: set MOCO_TOKEN or --token-file';

function isOpen(host: string): boolean {
  return host !== 'localhost' && host !== '::1' && !host.startsWith('127.');
}

async function listen(app: FastifyInstance, { host, port }: ServeConfig): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (cause instanceof MocoError || code === undefined) throw cause;
    throw new MocoError('ERR_MOCO_CONFIG', `cannot listen on ${host}, port ${port}: ${message}`, {
      hint:
        code === 'EADDRINUSE'
          ? 'Something else listens there. Choose another port: --port 0 takes a free one.'
          : 'Choose an address of this machine (--host), and a port that you may use (--port).',
      cause,
    });
  }
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
