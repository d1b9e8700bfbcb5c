#!/usr/bin/env node
// Builds the addon and the C++ tests of an unpacked bundle, whose packages and TypeScript are ready.
//
//   node bench/gpu/build.mjs
import { thisHost } from '../../dist/native/host.js';
import { packageRoot } from '../../dist/native/packageRoot.js';
import { streamReport } from '../../dist/native/report.js';
import { setUpNative } from '../../dist/native/setup.js';

await setUpNative(packageRoot, true, thisHost(), streamReport(process.stderr));
