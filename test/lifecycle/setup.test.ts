import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { FileLock } from '#moco/disk/lock.js';
import { thisHolder } from '#moco/disk/lockHolder.js';
import { packageRoot } from '#moco/packageRoot.js';
import { deadProcess } from '../support/deadProcess.js';

/** A small clone: our scripts and packages, with one source file of its own. */
function smallClone(t: TestContext): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'moco-clone-')));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const path of ['scripts', 'bin', 'package.json', 'package-lock.json', 'tsconfig.json']) {
    cpSync(join(packageRoot, path), join(root, path), { recursive: true });
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(root, 'node_modules'));
  mkdirSync(join(root, 'src/disk'), { recursive: true });
  // Set-ups need it before anything is compiled.
  for (const file of ['lock.js', 'lockHolder.js']) {
    cpSync(join(packageRoot, 'src/disk', file), join(root, 'src/disk', file));
  }
  writeFileSync(join(root, 'src/index.ts'), 'export const answer: number = 42;\n');
  return root;
}

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function start(root: string, args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, args, { cwd: root });
  const [stdout, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { exitCode, stdout, stderr };
}

function setUp(root: string): Promise<Ended> {
  return start(root, ['scripts/setup.mjs', '--no-addon']);
}

test('a set-up compiles what is new, says so on standard error only, and then has nothing to do', async (t) => {
  const root = smallClone(t);
  assert.deepEqual(await setUp(root), {
    exitCode: 0,
    stdout: '',
    stderr: 'TypeScript: compiling\n',
  });
  assert.match(readFileSync(join(root, 'dist/index.js'), 'utf8'), /answer = 42/);
  assert.deepEqual(await setUp(root), { exitCode: 0, stdout: '', stderr: '' });
});

test('a changed source is compiled again', async (t) => {
  const root = smallClone(t);
  await setUp(root);
  writeFileSync(join(root, 'src/index.ts'), 'export const answer = 43;\n');
  await setUp(root);
  assert.match(readFileSync(join(root, 'dist/index.js'), 'utf8'), /answer = 43/);
});

test('what a deleted source was compiled to goes with it', async (t) => {
  const root = smallClone(t);
  writeFileSync(join(root, 'src/old.ts'), 'export const old = true;\n');
  await setUp(root);
  assert.ok(existsSync(join(root, 'dist/old.js')));
  rmSync(join(root, 'src/old.ts'));
  await setUp(root);
  for (const name of ['old.js', 'old.js.map', 'old.d.ts']) {
    assert.ok(!existsSync(join(root, 'dist', name)), name);
  }
  assert.ok(existsSync(join(root, 'dist/index.js')));
});

test('a source that does not compile fails the set-up, until it does', async (t) => {
  const root = smallClone(t);
  writeFileSync(join(root, 'src/index.ts'), 'export const answer: string = 42;\n');
  for (let attempt = 1; attempt <= 2; attempt++) {
    const { exitCode, stderr } = await setUp(root);
    assert.equal(exitCode, 1);
    assert.match(stderr, /error TS2322[\s\S]*src\/ does not compile/);
  }
  assert.ok(!existsSync(join(root, 'build/setup.lock')), 'the lock is released');
});

test('a set-up waits for another one of the same clone', async (t) => {
  const root = smallClone(t);
  mkdirSync(join(root, 'build'));
  const lock = await FileLock.wait(join(root, 'build/setup.lock'));
  const child = spawn(process.execPath, ['scripts/setup.mjs', '--no-addon'], { cwd: root });
  const [chunk] = await once(child.stderr, 'data');
  assert.match(String(chunk), /waiting for another set-up/);
  assert.ok(!existsSync(join(root, 'dist')));
  lock.release();
  child.stderr.resume();
  assert.deepEqual(await once(child, 'close'), [0, null]);
  assert.ok(existsSync(join(root, 'dist/index.js')));
});

test('the lock of a set-up that was killed is taken over', async (t) => {
  const root = smallClone(t);
  mkdirSync(join(root, 'build'));
  const holder = { ...thisHolder(), pid: deadProcess() };
  writeFileSync(join(root, 'build/setup.lock'), JSON.stringify(holder));
  const { exitCode, stderr } = await setUp(root);
  assert.equal(exitCode, 0);
  assert.doesNotMatch(stderr, /waiting/);
});

test('packages that do not match package-lock.json are installed', async (t) => {
  const root = smallClone(t);
  const file = join(root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  lock.packages['node_modules/commander'].version = '0.0.1';
  writeFileSync(file, JSON.stringify(lock));
  // This stands in for npm, since the test is about when npm is called.
  writeFileSync(join(root, 'npm-cli.js'), 'console.log(process.argv.slice(2).join(" "))');
  const child = spawn(process.execPath, ['scripts/setup.mjs', '--no-addon'], {
    cwd: root,
    env: { ...process.env, npm_execpath: join(root, 'npm-cli.js') },
  });
  child.stdout.resume();
  assert.match(await text(child.stderr), /packages: installing\nci --include=dev/);
});

for (const [version, isNewEnough] of [
  ['18.20.4', false],
  ['20.18.3', false],
  ['20.19.0', true],
  ['22.0.0', true],
  ['24.1.0', true],
] as const) {
  test(`Node ${version} is ${isNewEnough ? 'new enough' : 'too old, and the error says so'}`, async () => {
    const script = join(packageRoot, 'scripts/setup/node-version.mjs');
    const { checkNodeVersion } = await import(script);
    if (isNewEnough) return checkNodeVersion(version);
    assert.throws(() => checkNodeVersion(version), {
      message: `moco needs Node 20.19 or newer; this is Node ${version}.`,
      hint: /^Debian.*apt-get install.*\nFedora.*dnf install.*\nmacOS.*brew install.*\n.*nvm install/,
    });
  });
}

test('moco that is not compiled yet says how to set it up', async (t) => {
  const root = smallClone(t);
  const { exitCode, stdout, stderr } = await start(root, ['bin/moco.js', '--help']);
  assert.equal(exitCode, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /is not set up yet/);
  assert.match(stderr, new RegExp(`npm run setup --prefix ${root}`));
});

test("moco's exit code is what its command line returns", async (t) => {
  const root = smallClone(t);
  mkdirSync(join(root, 'src/cli'));
  writeFileSync(
    join(root, 'src/cli/main.ts'),
    'export const main = async (argv: string[]) => (console.log(argv.join()), 7);\n',
  );
  await setUp(root);
  const { exitCode, stdout } = await start(root, ['bin/moco.js', 'train', '--json']);
  assert.deepEqual([exitCode, stdout], [7, 'train,--json\n']);
});
