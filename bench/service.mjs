#!/usr/bin/env node
// What an encoder in a program costs beside the forward pass, and what the program's event loop notices.
//
//   node bench/service.mjs [--arch resnet18] [--image-size 32] [--seconds 10] [--requests 2000]
//
// latency: a picture alone, from the call to its row, and how much of that is the forward pass.
// throughput: 32 callers with a picture each, and how much of the time is the forward pass.
// event loop: its delay (99th percentile) while nothing goes on, while files are embedded by 32 callers,
// and while a trainer trains.
// memory: of the process, after warm-up and after `--requests` more requests of each kind.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { loadEncoder, train } from '../dist/index.js';
import { median, positiveInteger, runBench } from './harness.mjs';
import { modelOf } from './model.mjs';

const CALLERS = 32;

function readOptions() {
  const numbers = { 'image-size': '32', seconds: '10', requests: '2000' };
  const options = Object.entries(numbers).map(([name, value]) => [
    name,
    { type: 'string', default: value },
  ]);
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: 'resnet18' },
      precision: { type: 'string', default: 'auto' },
      ...Object.fromEntries(options),
    },
  });
  for (const name of Object.keys(numbers)) values[name] = positiveInteger(name, values[name]);
  return values;
}

function noise(side) {
  const data = new Uint8Array(side * side * 3);
  for (let at = 0; at < data.length; at += 65536) {
    crypto.getRandomValues(data.subarray(at, at + 65536));
  }
  return { data, width: side, height: side, channels: 3 };
}

/** Milliseconds of a picture alone, and of its forward pass. */
async function latency(encoder, picture, seconds) {
  const rounds = [];
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end) {
    const before = encoder.statistics().seconds;
    const start = performance.now();
    await encoder.embed(picture);
    const whole = performance.now() - start;
    rounds.push({ whole, forward: 1000 * (encoder.statistics().seconds - before) });
  }
  return rounds.slice(Math.ceil(rounds.length / 10));
}

/** Keeps so many callers busy, each with one picture after the other, until `isOver`. */
async function callers(encoder, pictureOf, isOver) {
  let number = 0;
  const caller = async () => {
    while (!isOver()) await encoder.embed(pictureOf(number++));
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return number;
}

async function throughput(encoder, picture, seconds) {
  const end = performance.now() + 1000 * seconds;
  const before = encoder.statistics();
  const start = performance.now();
  const pictures = await callers(
    encoder,
    () => picture,
    () => performance.now() > end,
  );
  const taken = (performance.now() - start) / 1000;
  const { seconds: forward, batches } = encoder.statistics();
  return {
    rate: pictures / taken,
    share: (forward - before.seconds) / taken,
    batch: pictures / (batches - before.batches),
  };
}

/**
 * The 99th percentile of the event loop's delay while something goes on, in milliseconds.
 * @param work is given a function that forgets the delays until then
 */
async function delayWhile(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work(() => delay.reset());
  delay.disable();
  return `p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, most ${(delay.max / 1e6).toFixed(1)} ms`;
}

async function writeJpegs(folder, side) {
  const pictures = Array.from({ length: 64 }, async (_, number) => {
    const { data, ...raw } = noise(side);
    const path = join(folder, `${number}.jpg`);
    await writeFile(path, await sharp(data, { raw }).jpeg().toBuffer());
    return path;
  });
  return await Promise.all(pictures);
}

async function reportDelays(encoder, files, folder, seconds) {
  const idle = await delayWhile(() => sleep(1000 * seconds));
  const end = () => performance.now() + 1000 * seconds;
  const embedding = await delayWhile(async () => {
    const over = end();
    await callers(
      encoder,
      (number) => files[number % files.length],
      () => performance.now() > over,
    );
  });
  const training = await delayWhile(async (begin) => {
    const data = { dataset: 'shapes', trainLimit: 10_000, testLimit: 100, m: 256, k: 5 };
    const config = {
      ...data,
      arch: 'resnet18',
      batchSize: 64,
      device: 'cpu',
      out: join(folder, 'run'),
    };
    const over = new AbortController();
    const onEvent = ({ type, epoch, step }) => {
      if (type !== 'step' || epoch !== 1 || step !== 1) return;
      begin(); // the data set was made on the event loop
      setTimeout(() => over.abort(), 1000 * seconds);
    };
    await train(config, { signal: over.signal, onEvent }).catch((error) => {
      if (error.code !== 'ERR_MOCO_ABORTED') throw error;
    });
  });
  console.log(`event loop   idle: ${idle}`);
  console.log(`             ${CALLERS} callers with files: ${embedding}`);
  console.log(`             training: ${training}`);
}

async function reportMemory(encoder, picture, requests) {
  const run = async (count) => {
    let left = count;
    await callers(
      encoder,
      () => picture,
      () => left-- <= 0,
    );
  };
  await run(requests);
  const before = process.memoryUsage().rss;
  await run(requests);
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  console.log(`memory       ${grown.toFixed(1)} MiB more after ${requests} more requests`);
}

await runBench(async () => {
  const options = readOptions();
  const { arch, precision, seconds, requests } = options;
  const folder = await mkdtemp(join(tmpdir(), 'moco-service-'));
  try {
    const model = await modelOf(arch, options['image-size'], folder);
    const encoder = await loadEncoder(model, { device: 'cpu', precision });
    const { side, deviceName, computeThreads } = encoder.description;
    console.log(`${arch}, ${side} × ${side}, ${encoder.description.precision}, ${deviceName}`);
    console.log(`${computeThreads} threads, Node ${process.version}`);
    const alone = await latency(encoder, noise(side), seconds);
    const whole = median(alone.map((round) => round.whole));
    const beside = median(alone.map((round) => round.whole / round.forward - 1));
    console.log(
      `latency      ${whole.toFixed(2)} ms, ${(100 * beside).toFixed(1)} % more than the forward pass`,
    );
    const { rate, share, batch } = await throughput(encoder, noise(side), seconds);
    console.log(
      `throughput   ${rate.toFixed(0)} pictures/s of ${CALLERS} callers, in batches of ${batch.toFixed(1)}; ` +
        `${(100 * share).toFixed(1)} % of the time is the forward pass`,
    );
    const files = await writeJpegs(folder, 2 * side);
    await reportDelays(encoder, files, folder, seconds);
    await reportMemory(encoder, noise(side), requests);
    await encoder.dispose();
  } finally {
    await rm(folder, { recursive: true });
  }
});
