import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { FileLock } from '#moco/disk/lock.js';
import {
  ADDON,
  BUILD_RECORD,
  LOADER,
  readBuildRecord,
  writeBuildRecord,
} from '#moco/native/buildRecord.js';
import { findAddon } from '#moco/native/load.js';
import { SOURCES_FILE } from '#moco/native/setUpRecord.js';
import { packageRoot } from '#moco/packageRoot.js';
import { temporaryFolder } from '../support/temporaryFolder.js';

const SOURCES = 'abcdef0123456789';

/** A package as it is installed, and its platform package, with the addon of this clone. */
interface Installed {
  /** The project that it is installed in. */
  readonly project: string;
  readonly env: NodeJS.ProcessEnv;
}

function installed(t: TestContext): Installed {
  const project = temporaryFolder(t);
  const root = join(project, 'node_modules/moco-node');
  for (const path of ['bin', 'dist', 'recipes', 'package.json']) {
    cpSync(join(packageRoot, path), join(root, path), { recursive: true });
  }
  writeFileSync(join(root, SOURCES_FILE), JSON.stringify({ sources: SOURCES }));
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'));
  const built = findAddon(packageRoot, process);
  const platform = join(project, `node_modules/moco-node-${process.platform}-${process.arch}`);
  mkdirSync(platform);
  writeFileSync(join(platform, 'package.json'), '{}');
  for (const name of [ADDON, LOADER]) cpSync(join(built.folder, name), join(platform, name));
  writeBuildRecord(platform, { ...built.record, sources: SOURCES, tests: null });
  assert.ok(readBuildRecord(platform), BUILD_RECORD);
  const { MOCO_NO_SETUP: _, ...env } = process.env;
  const own = { LIBTORCH: built.libtorch.prefix, MOCO_CACHE: join(project, 'cache') };
  return { project, env: { ...env, ...own } };
}

const TINY = [
  ...['bench', '--arch', 'resnet18', '--batch-size', '2', '--rounds', '1', '--seconds', '0.1'],
];

function moco({ project, env }: Installed, words: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const command = [join(project, 'node_modules/moco-node/bin/moco.js'), ...words];
  const options = { cwd: project, env: { ...env, ...more }, encoding: 'utf8' } as const;
  return spawnSync(process.execPath, command, options);
}

/** What a program of the project prints. */
function program({ project, env }: Installed, source: string, more: NodeJS.ProcessEnv = {}) {
  const words = ['--input-type=module', '--eval', source];
  const options = { cwd: project, env: { ...env, ...more }, encoding: 'utf8' } as const;
  const { stdout, stderr } = spawnSync(process.execPath, words, options);
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

for (const [way, words, more] of [
  ['--no-setup', ['--no-setup'], {}],
  ['MOCO_NO_SETUP=1', [], { MOCO_NO_SETUP: '1' }],
] as const) {
  test(`${way} makes a command that misses the addon an error with the command to type`, (t) => {
    const { status, stdout, stderr } = moco(installed(t), [...TINY, ...words], more);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^error: The native addon is not there: .* \[ERR_MOCO_NATIVE_MISSING\]\n/);
    assert.match(stderr, /^hint: Set it up: npx moco setup \(in a program: await setup\(\)\)$/m);
  });
}

test('a wrong setting is told before anything is set up', (t) => {
  const { status, stderr } = moco(installed(t), ['train', '--epochs', 'many']);
  assert.equal(status, 2);
  assert.doesNotMatch(stderr, /setting moco up/);
});

test('a command that misses the addon sets moco up first, says so, and then says no more of it', (t) => {
  const package_ = installed(t);
  const first = moco(package_, [...TINY, '--json']);
  assert.equal(first.status, 0, first.stderr);
  assert.match(
    first.stderr,
    /^The native addon is not there: it was not set up yet\.\nsetting moco up, once/,
  );
  assert.match(first.stderr, /^addon: taken from .*moco-node-/m);
  assert.ok(JSON.parse(first.stdout), 'standard output has the result alone');
  assert.equal(moco(package_, [...TINY, '--json']).stderr, '');
});

test('moco setup ends with what moco computes with, and --list shows it', (t) => {
  const package_ = installed(t);
  const { status, stdout, stderr } = moco(package_, ['setup'], { MOCO_NO_SETUP: '1' });
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /^moco is set up: LibTorch 2\.\d+\.\d+ \(C.*\) in .*\n +the addon in .*addon-/,
  );
  const list = JSON.parse(moco(package_, ['setup', '--list', '--json']).stdout);
  const kinds = list.map(({ kind, isUsed }: { kind: string; isUsed: boolean }) => [kind, isUsed]);
  assert.deepEqual(kinds, [
    ['addon', true],
    ['record', true],
  ]);
  assert.match(moco(package_, ['setup', '--prune']).stdout, /^0 removed, 0 MiB\n$/);
});

const SETUP = `
  import { setup } from 'moco-node';
  const events = [];
  try {
    const { changed } = await setup({ onEvent: ({ type }) => events.push(type) });
    console.log(JSON.stringify({ changed, events }));
  } catch ({ code, hint }) {
    console.log(JSON.stringify({ code, hint, events }));
  }`;

test('setup() in a program tells what it does, and does nothing the second time', (t) => {
  const package_ = installed(t);
  const { changed, events } = program(package_, SETUP);
  assert.deepEqual([changed, events[0], events[1]], [true, 'start', 'note']);
  assert.deepEqual(program(package_, SETUP), { changed: false, events: [] });
  assert.deepEqual(program(package_, SETUP, { MOCO_NO_SETUP: '1' }), {
    changed: false,
    events: [],
  });
});

test('MOCO_NO_SETUP=1 makes setup() an error where there is something to do', (t) => {
  assert.deepEqual(program(installed(t), SETUP, { MOCO_NO_SETUP: '1' }), {
    code: 'ERR_MOCO_NATIVE_MISSING',
    hint: 'Set it up: npx moco setup (in a program: await setup())',
    events: [],
  });
});

test('without a set-up a call ends in an error with the command to type', (t) => {
  const call = `
    import { train } from 'moco-node';
    await train({ dataset: 'shapes' }).catch(({ code, hint }) => console.log(JSON.stringify({ code, hint })));`;
  assert.equal(program(installed(t), call).code, 'ERR_MOCO_NATIVE_MISSING');
});

test('a set-up waits for another one in the same cache, and a signal ends the waiting', async (t) => {
  const { project, env } = installed(t);
  mkdirSync(join(project, 'cache'));
  using _lock = await FileLock.wait(join(project, 'cache/set-up.lock'));
  const words = [join(project, 'node_modules/moco-node/bin/moco.js'), 'setup'];
  const child = spawn(process.execPath, words, {
    cwd: project,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = text(child.stderr);
  const closed = once(child, 'close');
  const [line] = await once(child.stderr, 'data');
  assert.match(String(line), /^waiting for another set-up to end \(its lock: .*set-up\.lock\)/);
  child.kill('SIGTERM');
  assert.deepEqual(await closed, [143, null]);
  assert.match(await said, /the set-up was stopped/);
});
