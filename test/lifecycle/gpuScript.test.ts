import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { packageRoot } from '#moco/packageRoot.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

/** Stands for part.mjs: writes its arguments as a result, and does what the file `behaviour` says. */
const FAKE_PART = `
import { readFileSync, writeFileSync } from 'node:fs';
const args = process.argv.slice(2);
const out = args[args.indexOf('--out') + 1];
writeFileSync(out + '/result.json', JSON.stringify(args));
writeFileSync(out + '/report.md', 'the report of ' + args[0]);
const behaviour = readFileSync(new URL('../../behaviour', import.meta.url), 'utf8');
if (behaviour === 'fails at ' + args[0]) process.exit(1);
if (behaviour === 'goes on') {
  process.on('SIGTERM', () => {
    writeFileSync(out + '/report.md', 'stopped');
    process.exit(1);
  });
  setInterval(() => {}, 1000);
  console.log('started');
}
`;

/** A package of bench/gpu.sh and a part that is not real. */
function gpuScript(t: TestContext, behaviour: string) {
  const root = temporaryFolder(t);
  mkdirSync(join(root, 'bench/gpu'), { recursive: true });
  cpSync(join(packageRoot, 'bench/gpu.sh'), join(root, 'bench/gpu.sh'));
  writeFileSync(join(root, 'bench/gpu/part.mjs'), FAKE_PART);
  writeFileSync(join(root, 'behaviour'), behaviour);
  const out = join(root, 'results');
  const start = (...args: string[]) => {
    const path = `${dirname(process.execPath)}:${process.env.PATH}`;
    return spawn(join(root, 'bench/gpu.sh'), ['--out', out, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: path },
    });
  };
  const run = async (...args: string[]) => (await once(start(...args), 'close'))[0] as number;
  return { out, start, run };
}

/** A file of a part's archive. */
function archived(out: string, part: string, file: string): string {
  const folder = join(out, 'unpacked');
  execFileSync('python3', ['-m', 'tarfile', '-e', join(out, `${part}.tar.xz`), folder]);
  return readFileSync(join(folder, part, file), 'utf8');
}

/** Bare machines with a GPU that it is for run Linux, and its tools are those of Linux. */
const onLinux = { skip: process.platform !== 'linux' };

test(
  'all parts run, each leaves an archive and its tables, and a failure is told',
  onLinux,
  async (t) => {
    const { out, run } = gpuScript(t, 'fails at kernels');
    assert.equal(await run('--seconds', '100', '--smoke'), 1);
    assert.deepEqual(readdirSync(out).sort(), [
      ...[
        'check.md',
        'check.tar.xz',
        'compare.md',
        'compare.tar.xz',
        'kernels.md',
        'kernels.tar.xz',
      ],
    ]);
    assert.equal(readFileSync(join(out, 'kernels.md'), 'utf8'), 'the report of kernels');
    const args = JSON.parse(archived(out, 'compare', 'result.json')) as string[];
    assert.deepEqual(args.slice(0, 5), [
      'compare',
      '--out',
      join(out, 'compare'),
      '--smoke',
      '--seconds',
    ]);
    const seconds = Number(args[5]);
    assert.ok(seconds > 50 && seconds <= 90, `each part has its own time, here ${seconds} s`);
  },
);

test('a part is given its own options', onLinux, async (t) => {
  const { out, run } = gpuScript(t, 'ends');
  assert.equal(await run('train', '--minutes', '3', '--', '--epochs', '7'), 0);
  assert.deepEqual(readdirSync(out).sort(), ['train.md', 'train.tar.xz']);
  const args = JSON.parse(archived(out, 'train', 'result.json')) as string[];
  assert.deepEqual(args.slice(-5), ['--minutes', '3', '--', '--epochs', '7']);
});

test(
  'a part that is stopped leaves what it has measured, and no other begins',
  onLinux,
  async (t) => {
    const { out, start } = gpuScript(t, 'goes on');
    const script = start();
    await once(createInterface({ input: script.stdout }), 'line');
    const closed = once(script, 'close');
    script.kill('SIGTERM');
    assert.deepEqual(await closed, [143, null]);
    assert.deepEqual(readdirSync(out).sort(), ['check.md', 'check.tar.xz']);
    assert.equal(archived(out, 'check', 'report.md'), 'stopped');
    assert.match(archived(out, 'check', 'result.json'), /^\["check",/);
  },
);

test('an unknown part is refused before anything is made', onLinux, async (t) => {
  const { out, run } = gpuScript(t, 'ends');
  assert.equal(await run('everything'), 2);
  assert.ok(!existsSync(out));
});
