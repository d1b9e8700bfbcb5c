#!/usr/bin/env node
import { packageRoot } from '../../dist/packageRoot.js';
// Builds the addon and the C++ tests of an unpacked bundle, whose packages and TypeScript are ready.
//
//   node bench/gpu/build.mjs
import { thisHost } from '../../dist/setup/host.js';
import { streamReport } from '../../dist/setup/report.js';
import { setUpNative } from '../../dist/setup/setUpNative.js';

await setUpNative(packageRoot, true, thisHost(), streamReport(process.stderr));
