#!/usr/bin/env node
// Clients of a service, as a worker (see bench/worker.py): a line of input is a form in which pictures
// are sent and a number of seconds, or of requests with an r, such as `jpeg 10` or `raw 1000r`; the
// answer tells how many requests were answered, in how many seconds, and how long each took.
//
//   node bench/serve-client.mjs --url http://127.0.0.1:8000 --clients 32 --side 32
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const text = { type: 'string' };
const { values } = parseArgs({ options: { url: text, clients: text, side: text } });
const [clients, side] = [Number(values.clients), Number(values.side)];
const agent = new Agent({ keepAlive: true, maxSockets: clients });

/** Random pixels, never zeros: arithmetic on zeros is faster. */
const pixels = crypto.getRandomValues(Buffer.alloc(side * side * 3));
const raw = { width: side, height: side, channels: 3 };
const FORMS = {
  jpeg: {
    type: 'image/jpeg',
    path: '/embed',
    body: await sharp(pixels, { raw }).jpeg().toBuffer(),
  },
  raw: {
    type: 'application/octet-stream',
    path: `/embed?width=${side}&height=${side}`,
    body: pixels,
  },
};

/** Sends a picture, and waits for all of its features. */
function send({ type, path, body }) {
  return new Promise((resolve, reject) => {
    const headers = {
      ...{ 'content-type': type, 'content-length': body.length },
      accept: 'application/octet-stream',
    };
    const sent = request(values.url + path, { method: 'POST', agent, headers }, (response) => {
      const { statusCode } = response;
      if (statusCode !== 200) reject(new Error(`the service answered ${statusCode}`));
      response.resume().on('end', resolve).on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}

/** Has every client send one request after the other. */
async function sendAll(form, isOver) {
  const times = [];
  const started = performance.now();
  const client = async () => {
    while (!isOver(times.length, (performance.now() - started) / 1000)) {
      const sent = performance.now();
      await send(form);
      times.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - started) / 1000;
  times.sort((a, b) => a - b);
  const quantile = (share) => times[Math.floor(share * (times.length - 1))];
  return { requests: times.length, seconds, p50: quantile(0.5), p99: quantile(0.99) };
}

console.log(JSON.stringify({}));
for await (const line of createInterface({ input: process.stdin })) {
  const [form, amount] = line.split(' ');
  const limit = Number.parseFloat(amount);
  const isOver = amount.endsWith('r') ? (count) => count >= limit : (_, time) => time >= limit;
  try {
    console.log(JSON.stringify(await sendAll(FORMS[form], isOver)));
  } catch (error) {
    console.log(JSON.stringify({ failure: error.message }));
  }
}
