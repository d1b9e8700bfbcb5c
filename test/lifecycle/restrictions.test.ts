import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { packageRoot } from '#moco/packageRoot.js';
import { executable } from '../support/moco.js';
import { PERMISSION } from '../support/permissionModel.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

// What Node can forbid a program: everything works all the same, or one message names the flag.

const folder = temporaryFolder();
const config = join(folder, 'config.json');
const run = (out: string, epochs: number) => join(folder, out, `16_32_0.5_0.999_5_16_${epochs}`);

before(() => writeFileSync(config, JSON.stringify({ ...TINY_RUN, epochs: 1 })));

/** Runs the command in a Node with flags, to its end. */
function restricted(flags: readonly string[], ...words: string[]) {
  const { MOCO_DEBUG: _, ...env } = process.env;
  const given = ['--no-warnings', ...flags, executable, ...words];
  return spawnSync(process.execPath, given, { cwd: folder, encoding: 'utf8', env });
}

function succeed(flags: readonly string[], ...words: string[]): void {
  const { status, stderr } = restricted(flags, ...words);
  assert.equal(status, 0, `${words.join(' ')}: ${stderr}`);
  assert.doesNotMatch(stderr, /error|defect/);
}

/** Flags that forbid nothing that is needed; together, since each command takes seconds. */
const HARMLESS = [
  '--disallow-code-generation-from-strings',
  '--frozen-intrinsics',
  '--disable-proto=throw',
];

test(`everything works with ${HARMLESS.join(', ')}`, () => {
  const out = 'harmless';
  const model = `${run(out, 1)}_model.pth`;
  const { dataset, trainLimit, testLimit, arch, device, threads } = TINY_RUN;
  const settings = { dataset, trainLimit, testLimit, arch, device, threads, modelPath: model };
  const measured = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  succeed(HARMLESS, 'train', '--config', config, '--out', out);
  succeed(HARMLESS, 'train', '--resume', run(out, 1), '--epochs', '2');
  succeed(HARMLESS, 'knn', ...measured, '--k', '5');
  succeed(HARMLESS, 'linear', ...measured, '--epochs', '1', '--out', out);
  succeed(HARMLESS, 'inspect', model);
  succeed(HARMLESS, 'convert', model, join(out, 'encoder.safetensors'));
});

const ALLOWED = [PERMISSION, '--allow-fs-read=*', `--allow-fs-write=${folder}`];

test("a run goes on under Node's permission model, which may keep its files from the disk", () => {
  const flags = [...ALLOWED, '--allow-addons'];
  succeed(flags, 'train', '--config', config, '--out', 'permitted');
  const words = [executable, 'train', '--resume', run('permitted', 1), '--epochs', '2'];
  const { status, stderr } = spawnSync(process.execPath, [...flags, ...words], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  const canFlush = Number(process.versions.node.split('.')[0]) < 24;
  assert.equal(stderr.match(/MOCO_NOT_FLUSHED/g)?.length ?? 0, canFlush ? 0 : 1);
});

/** What is forbidden, and the flag that the message names. */
const DENIED = [
  { flags: [PERMISSION, `--allow-fs-read=${packageRoot}/`], names: /--allow-fs-read/ },
  { flags: [PERMISSION, '--allow-fs-read=*'], names: /--allow-fs-write/ },
  { flags: ALLOWED, names: /--allow-addons/ },
  { flags: ['--no-addons'], names: /--no-addons/ },
];

for (const { flags, names } of DENIED) {
  test(`a run that lacks ${names.source} says so`, () => {
    const { status, stderr } = restricted(flags, 'train', '--config', config, '--out', 'denied');
    assert.equal(status === 1 || status === 2, true, stderr);
    assert.match(stderr, names);
    assert.match(stderr, /^error: .*\[ERR_MOCO_/m);
    assert.doesNotMatch(stderr, /defect/);
  });
}
