// Called by `npm pack`, after TypeScript was compiled: writes down what a published package has no
// time to find out at every start, the fingerprint of what its addon is built from.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SOURCES_FILE } from '../dist/native/setUpRecord.js';
import { publishedFingerprint } from '../dist/setup/fingerprints.js';
import { root } from './run-tool.mjs';

const sources = publishedFingerprint(root);
writeFileSync(join(root, SOURCES_FILE), `${JSON.stringify({ sources })}\n`);
