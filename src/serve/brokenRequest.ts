import type { Socket } from 'node:net';
import type { RequestErrorCode } from './requestError.js';

/** By Node's code of what is wrong with a request: its status, and what to say. */
const PROBLEMS: Readonly<
  Record<string, readonly [status: string, code: RequestErrorCode, message: string]>
> = {
  ERR_HTTP_REQUEST_TIMEOUT: [
    '408 Request Timeout',
    'timeout',
    'the request did not arrive in time',
  ],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'too_large', 'the head is too long'],
};

/** Answers what is no request of HTTP, or comes too slowly, and ends its connection. */
export function answerBroken(error: Error & { readonly code?: string }, socket: Socket): void {
  const [status, code, message] = PROBLEMS[error.code ?? ''] ?? [
    '400 Bad Request',
    'invalid_request',
    'this is no request of HTTP',
  ];
  const body = JSON.stringify({ error: { code, message } });
  const head = [
    `HTTP/1.1 ${status}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
}
