// Runs tests with every Node that is supported: those of how programs, threads and objects end, and of
// hostile input, since that is where versions of Node differ.
//
//   npm run test:nodes
//   npm run test:nodes -- encoder     test files whose path contains "encoder"
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { nodeFolders } from './check-package/nodes.mjs';
import { root } from './run-tool.mjs';

const SUITES = ['lifecycle/processEnd', 'lifecycle/encoder', 'lifecycle/serve', 'addon/'];

const asked = process.argv.slice(2);
const wanted = asked.length > 0 ? asked : SUITES;
const files = readdirSync(join(root, 'build/test'), { recursive: true })
  .filter((file) => file.endsWith('.test.js') && wanted.some((part) => file.includes(part)))
  .map((file) => join('build/test', file));
if (files.length === 0) throw new Error(`no test file matches ${wanted.join(', ')}`);

const folder = mkdtempSync(join(tmpdir(), 'moco-nodes-'));
try {
  for (const node of nodeFolders(join(folder, 'nodes'))) {
    const words = ['--enable-source-maps', '--test', ...files];
    const { status, error } = spawnSync(join(node, 'node'), words, { cwd: root, stdio: 'inherit' });
    if (error) throw error;
    if (status !== 0) throw new Error(`tests fail with Node ${basename(node)}, see above`);
    console.log(`test:nodes: ${files.length} files of tests pass with Node ${basename(node)}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
