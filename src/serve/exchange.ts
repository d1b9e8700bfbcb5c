import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** What is called when a connection ends; one listener for all requests on it. */
const endings = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls a function once: when all of an answer is sent, or its connection has ended before. Node says
 * the latter to the answer that is being sent, and not to those that wait behind it where a client sends
 * several requests at once.
 */
export function onceOver(
  { raw: { socket } }: FastifyRequest,
  { raw: response }: FastifyReply,
  call: (isAnswered: boolean) => void,
): void {
  const over = () => {
    response.off('close', over);
    endingsOf(socket).delete(over);
    call(response.writableFinished);
  };
  response.once('close', over);
  if (socket.destroyed) over();
  else endingsOf(socket).add(over);
}

function endingsOf(socket: Socket): Set<() => void> {
  let calls = endings.get(socket);
  if (calls === undefined) {
    calls = new Set();
    endings.set(socket, calls);
    const all = calls;
    socket.once('close', () => {
      for (const end of all) end();
    });
  }
  return calls;
}
