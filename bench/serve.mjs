#!/usr/bin/env node
// What a service answers per second, against what the machine computes without one: the extraction of
// `moco bench`, of the same network, precision and threads, in the same minutes.
//
//   node bench/serve.mjs --model-path M [--clients 32] [--rounds 5] [--seconds 10]
//
// Clients are one process, and send one picture of the encoder's own size in each request, over kept
// connections; features come back as fp32. All of it runs on the same cores: HTTP on both sides, and the
// decoding of JPEG or, as `raw`, none.
import { parseArgs } from 'node:util';
import { commands, parseConfig } from '../dist/index.js';
import { loadAddon } from '../dist/native/load.js';
import { positiveInteger, runBench } from './harness.mjs';
import { startServed } from './served.mjs';

const FORMS = ['jpeg', 'raw'];

await runBench(async () => {
  const number = (initial) => ({ type: 'string', default: initial });
  const { values } = parseArgs({
    options: {
      'model-path': { type: 'string' },
      ...{ clients: number('32'), rounds: number('5'), seconds: number('10') },
    },
  });
  const [clients, rounds, seconds] = ['clients', 'rounds', 'seconds'].map((name) =>
    positiveInteger(name, values[name]),
  );
  const served = await startServed({ modelPath: values['model-path'], clients });
  const { arch, stem, width, input } = served.encoder.model;
  const { precision, computeThreads } = served.encoder;
  const { imageSize } = input;
  const config = { arch, stem, width, imageSize, precision, threads: computeThreads };
  const native = await loadAddon().createBenchmark({
    ...parseConfig(commands.bench, config),
    storedSize: imageSize,
  });
  try {
    const environment = `${arch}, ${imageSize} × ${imageSize}, ${precision}, ${computeThreads} threads`;
    console.log(`${environment}, ${clients} clients, ${loadAddon().hardware().cpuName}`);
    const shares = Object.fromEntries(FORMS.map((form) => [form, []]));
    for (let round = 0; round <= rounds; round++) {
      const rate = 1 / (await native.extraction(seconds)).secondsPerPicture;
      const parts = [`moco bench ${rate.toFixed(1)} pictures/s`];
      for (const form of FORMS) {
        const { requests, seconds: taken, p50, p99 } = await served.ask(`${form} ${seconds}`);
        const share = requests / taken / rate;
        if (round > 0) shares[form].push(share); // round 0 warms up
        const times = `p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`;
        parts.push(
          `${form} ${(requests / taken).toFixed(1)}/s = ${(100 * share).toFixed(1)} % (${times})`,
        );
      }
      console.log(parts.join('; '));
    }
    for (const [form, list] of Object.entries(shares)) {
      const sorted = list.sort((a, b) => a - b);
      const percent = (share) => `${(100 * share).toFixed(1)} %`;
      const median = percent(sorted[Math.floor(sorted.length / 2)]);
      console.log(
        `${form}: ${median} of moco bench (${percent(sorted[0])} … ${percent(sorted.at(-1))})`,
      );
    }
  } finally {
    await native.dispose();
    await served.quit();
  }
});
