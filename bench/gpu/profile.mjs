#!/usr/bin/env node
// Where the time of one training step goes, by operator, without a CUDA graph; for bench/gpu.sh.
//
//   node bench/gpu/profile.mjs --out DIR [--device cuda] [--smoke]
//
// Writes profile.json and profile.md.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { profileStep } from '../../dist/index.js';
import { table } from './markdown.mjs';

const SHOWN = 40; // operators in the table; the file of JSON has all

const { values: options } = parseArgs({
  options: {
    out: { type: 'string' },
    device: { type: 'string', default: 'cuda' },
    smoke: { type: 'boolean', default: false },
  },
});
const tiny = { arch: 'resnet18', batchSize: 4, m: 64, bank: 64, queries: 8, k: 4, seconds: 0 };
const size = options.smoke ? tiny : { batchSize: 256, precision: 'bf16' };
const result = await profileStep({ device: options.device, rounds: 1, ...size });
const json = JSON.stringify(result, null, 2);
writeFileSync(join(options.out, 'profile.json'), `${json}\n`);
writeFileSync(join(options.out, 'profile.md'), result.profiles.map(profileTable).join('\n'));

function profileTable({ precision, steps, secondsPerStep, operators }) {
  const rows = operators
    .slice(0, SHOWN)
    .map((operator) => [
      ...[operator.phase, operator.name, operator.callsPerStep.toFixed(1)],
      ...[(1e3 * operator.secondsPerStep).toFixed(3), `${(100 * operator.share).toFixed(1)} %`],
    ]);
  const { arch, batchSize } = result.config;
  return [
    `# One step by operator, ${arch}, batch ${batchSize}, ${precision}\n`,
    `${(1e3 * secondsPerStep).toFixed(2)} ms a step, over ${steps} steps. Every operator is waited for, so the step ` +
      'is slower than in training, the more so the more operators it has.\n',
    table(['phase', 'operator', '× a step', 'ms a step', 'of the step'], rows),
    '',
  ].join('\n');
}
