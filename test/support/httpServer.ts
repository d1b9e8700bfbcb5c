import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a client asked for. */
export interface Asked {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

/** An HTTP server on this machine that records what it is asked for. */
export interface FakeServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: Asked[];
}

type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void;

/** Starts a server; the handler gets the number of the request, from 0. */
export async function serve(handler: Handler): Promise<FakeServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const { range, 'if-range': ifRange } = request.headers;
    asked.push({ range, ifRange: ifRange as string | undefined });
    handler(request, response, asked.length - 1);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/file.bin`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Answers as a web server does that has a file: with the range that is asked for, or all of it. */
export function sendFile(
  file: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
  etag?: string,
): void {
  if (etag !== undefined) response.setHeader('etag', etag);
  const { range, 'if-range': ifRange } = request.headers;
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) {
    response.writeHead(200, { 'content-length': file.length }).end(file);
  } else if (start >= file.length) {
    response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
  } else {
    const span = `bytes ${start}-${file.length - 1}/${file.length}`;
    response.writeHead(206, { 'content-range': span, 'content-length': file.length - start });
    response.end(file.subarray(start));
  }
}
