import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dice, mutated } from './mutations.js';

/** A request as its bytes. */
export type Bytes = Buffer;

/** What a client does to a connection, with requests that would be right. */
type Hostility = (socket: Socket, dice: Dice, requests: readonly Bytes[]) => Promise<void> | void;

const noise = (dice: Dice, length: number) =>
  Buffer.from(Array.from({ length }, () => dice.below(256)));

/** A request whose head says another length than its body has. */
function lying(request: Bytes, dice: Dice): Bytes {
  const length = dice.of(['0', '1', '99999', '-1', '1e3', '4294967296', '0x10', ' ', '5, 7']);
  const text = request.toString('latin1');
  return Buffer.from(text.replace(/content-length: \d+/, `content-length: ${length}`), 'latin1');
}

/** A request with more in its head: names, values, doubled lengths, encodings. */
function withHeader(request: Bytes, dice: Dice): Bytes {
  const header = dice.of([
    'transfer-encoding: chunked',
    'transfer-encoding: gzip, chunked',
    'content-encoding: br',
    'content-length: 7',
    'expect: 100-continue',
    'expect: a miracle',
    'upgrade: websocket\r\nconnection: upgrade',
    `x-${'a'.repeat(dice.below(20_000))}: b`,
    'accept: ;;,,*',
    'range: bytes=0-',
    'authorization: Bearer \u00ff\u0001',
    'content-type: multipart/form-data; boundary=',
    'host: [::1',
    ' : ',
  ]);
  const end = request.indexOf('\r\n\r\n');
  const parts = [request.subarray(0, end), Buffer.from(`\r\n${header}`), request.subarray(end)];
  return Buffer.concat(parts);
}

/** A request for something else, or in another way. */
function elsewhere(request: Bytes, dice: Dice): Bytes {
  const target = dice.of([
    ...['/', '/embed', '/search?k=-1', '/embed?k=1', '/embed?normalize=true&normalize=false'],
    ...['/embed?width=1e9&height=1e9', '/embed?width=65535&height=65535&channels=4', '/%', '/..'],
    ...['/embed/../../../etc/passwd', '/embed?output=__proto__', 'http://a/', '*', '/docs\0'],
    ...['/openapi.json', '/metrics', '/healthz', `/${'a'.repeat(dice.below(9000))}`],
  ]);
  const method = dice.of([
    'GET',
    'POST',
    'HEAD',
    'OPTIONS',
    'PUT',
    'DELETE',
    'TRACE',
    'CONNECT',
    'X',
  ]);
  const rest = request.subarray(request.indexOf(' HTTP/'));
  return Buffer.concat([Buffer.from(`${method} ${target}`), rest]);
}

/** A body of chunks whose sizes are not those of the chunks. */
function brokenChunks(dice: Dice): Bytes {
  const sizes = ['5', 'ffffffffffffffff', '-1', 'g', '0', '1;a=b', '  4'];
  const chunks = Array.from({ length: 1 + dice.below(4) }, () => `${dice.of(sizes)}\r\nabcde\r\n`);
  const type = dice.of(['image/png', 'application/json', 'multipart/form-data; boundary=x']);
  const head = `POST /embed HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-type: ${type}`;
  return Buffer.from(`${head}\r\n\r\n${chunks.join('')}`);
}

/** A form or JSON of many small or deep things. */
function bomb(dice: Dice): Bytes {
  const count = dice.below(20_000);
  const part = '--x\r\ncontent-disposition: form-data; name=a; filename=b\r\n\r\n\r\n';
  const [type, body] = dice.of([
    ['multipart/form-data; boundary=x', `${part.repeat(count % 3000)}--x--\r\n`],
    [
      'multipart/form-data; boundary=x',
      '--x\r\ncontent-disposition: form-data; name=__proto__\r\n\r\n1\r\n--x--',
    ],
    ['application/json', `${'['.repeat(count)}${']'.repeat(count)}`],
    ['application/json', `{"pictures":${'['.repeat(count)}`],
    ['application/json', `{"pictures":[${'"",'.repeat(count)}""]}`],
    ['application/json', '{"__proto__":{"a":1},"pictures":["AAAA"]}'],
    ['application/json', `{"pictures":["${'A'.repeat(count * 20)}"]}`],
    [
      'application/json',
      '{"pictures":[{"data":"AAAA","width":65535,"height":65535,"channels":3}]}',
    ],
  ] as const);
  const head = `POST /embed HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\n`;
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

const HOSTILITIES: Readonly<Record<string, Hostility>> = {
  noise: (socket, dice) => void socket.write(noise(dice, 1 + dice.below(4000))),
  damaged: (socket, dice, requests) => void socket.write(mutated(dice.of(requests), dice)),
  damagedBody(socket, dice, requests) {
    const request = dice.of(requests);
    const start = request.indexOf('\r\n\r\n') + 4;
    const body = mutated(Buffer.from(request.subarray(start)), dice);
    socket.write(Buffer.concat([request.subarray(0, start), body]));
  },
  cut(socket, dice, requests) {
    const request = dice.of(requests);
    socket.write(request.subarray(0, dice.below(request.length)));
    if (dice.below(2) === 0) socket.destroy();
    else socket.end();
  },
  goneAfterwards(socket, dice, requests) {
    socket.write(dice.of(requests), () => socket.destroy());
  },
  lying: (socket, dice, requests) => void socket.write(lying(dice.of(requests), dice)),
  oddHeader: (socket, dice, requests) => void socket.write(withHeader(dice.of(requests), dice)),
  elsewhere: (socket, dice, requests) => void socket.write(elsewhere(dice.of(requests), dice)),
  brokenChunks: (socket, dice) => void socket.write(brokenChunks(dice)),
  bomb: (socket, dice) => void socket.write(bomb(dice)),
  pipelined(socket, dice, requests) {
    for (let count = 1 + dice.below(8); count > 0; count--) socket.write(dice.of(requests));
  },
  unread(socket, dice, requests) {
    socket.pause();
    for (let count = 1 + dice.below(8); count > 0; count--) socket.write(dice.of(requests));
  },
  async slow(socket, dice, requests) {
    const request = dice.of(requests);
    for (let at = 0; at < request.length && socket.writable; at += 1 + dice.below(40)) {
      socket.write(request.subarray(at, at + 1 + dice.below(40)));
      await sleep(5 + dice.below(20));
    }
  },
};

/** What came of a client's hostility. */
export interface Encounter {
  readonly hostility: string;
  /** All that the service has answered, as text. */
  readonly answer: string;
}

/**
 * Treats a service badly, in one of many ways, on a connection of its own.
 * @param patience milliseconds after which the client goes away
 */
export async function meet(
  port: number,
  dice: Dice,
  requests: readonly Bytes[],
  patience: number,
): Promise<Encounter> {
  const hostility = dice.of(Object.keys(HOSTILITIES));
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {}); // cut by the service, which it may
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  const closed = once(socket, 'close');
  const leave = setTimeout(() => socket.destroy(), patience);
  await Promise.race([once(socket, 'connect'), closed]);
  await HOSTILITIES[hostility]?.(socket, dice, requests);
  await closed;
  clearTimeout(leave);
  return { hostility, answer: Buffer.concat(chunks).toString('latin1') };
}
