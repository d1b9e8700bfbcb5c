#!/usr/bin/env node
// Single kernels beside what the GPU can do at most (bench/kernels); for bench/gpu.sh.
//
//   node bench/gpu/kernels.mjs --out DIR --name NAME --kind ceilings|batch_norm|convolutions|folded
//                              [--batch 256] [--device cuda] [--smoke]
//
// Writes NAME.json and NAME.md after every row. Exit code 1 where a layer failed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { CLONE_BUILD } from '../../dist/native/setUpRecord.js';
import { packageRoot } from '../../dist/packageRoot.js';
import { kernelTables } from './kernelTables.mjs';

const text = (fallback) => ({ type: 'string', default: fallback });
const { values: options } = parseArgs({
  options: {
    ...{ out: text(), name: text(), kind: text(), batch: text('256') },
    device: text('cuda'),
    smoke: { type: 'boolean', default: false },
  },
});
const { out, name, kind, batch, device, smoke } = options;

function write(rows) {
  const setting = { kind, arch, batch: Number(batch) };
  const json = JSON.stringify({ setting, rows }, null, 1);
  writeFileSync(join(out, `${name}.json`), `${json}\n`);
  writeFileSync(join(out, `${name}.md`), kernelTables(kind, `${arch}, batch ${batch}`, rows));
}

const [arch, rounds] = smoke ? ['resnet18', 2] : ['resnet50', 5];
const program = join(packageRoot, CLONE_BUILD, 'Release/kernels_bench');
const child = spawn(program, [kind, device, arch, batch, `${rounds}`], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const closed = once(child, 'close');
const rows = [];
for await (const line of createInterface({ input: child.stdout })) {
  console.log(line);
  rows.push(JSON.parse(line));
  write(rows);
}
const [exitCode, signal] = await closed;
if (exitCode !== 0) console.error(`kernels_bench ended with ${signal ?? `exit code ${exitCode}`}`);
process.exitCode = exitCode === 0 && rows.every(({ failure }) => !failure) ? 0 : 1;
