// Makes the platform package for Linux on one architecture: the addon, built against the pinned
// LibTorch, with its record, for set-ups that then need no compiler.
//
//   npm run package:platform                    for this machine's architecture
//   npm run package:platform -- --arch arm64    cross-compiled where this machine is another
//
// Writes build/packages/moco-node-linux-<arch>/, and its tarball beside it.
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { streamReport } from '../dist/setup/report.js';
import { buildPlatform } from './platform/build.mjs';
import { hostFor } from './platform/host.mjs';
import { pinnedLibtorch } from './platform/libtorch.mjs';
import { pack, writePackage } from './platform/package.mjs';

const { values } = parseArgs({ options: { arch: { type: 'string', default: process.arch } } });
const report = streamReport(process.stderr);
const host = hostFor(values.arch);
const libtorch = await pinnedLibtorch(host, report);
const products = await buildPlatform(host, libtorch, { tests: false }, report);
const { folder, needed } = writePackage(products, libtorch, host);
const tarball = pack(folder);
const megabytes = (statSync(tarball).size / 1e6).toFixed(2);
const versions = Object.entries(needed).map((entry) => entry.join('_'));
report.line(`${tarball}: ${megabytes} MB, needs ${versions.join(', ')}`);
