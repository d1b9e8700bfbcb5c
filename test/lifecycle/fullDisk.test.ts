import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encoderLayout } from '../support/resnetLayout.js';
import { writeZeros } from '../support/safetensorsFile.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Arguments for a namespace in which a small disk can be mounted; it goes when its processes end.
 */
const NAMESPACE = ['--map-root-user', '--mount'];
const canMount =
  spawnSync('unshare', [...NAMESPACE, 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
const skip = canMount ? false : 'this system lets nobody mount a disk';

const folder = temporaryFolder();

/** What keeps a run from writing, in JavaScript, what ends that, and what is said of it. */
interface Spoiler {
  readonly spoil: string;
  readonly mend: string;
  readonly hint: RegExp;
}

/** A disk that is full but for so many bytes. */
function fullBut(free: number): Spoiler {
  return {
    spoil: `
      const { bavail, bsize } = await statfs(out);
      await writeFile(filler, Buffer.alloc(bavail * bsize - ${free}));
    `,
    mend: 'await rm(filler);',
    hint: /free some space/i,
  };
}

/** A limit on the size of files that a run meets with its next checkpoint. */
const SIZE_LIMIT: Spoiler = {
  spoil: "execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=100000000:']);",
  mend: "execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited:']);",
  hint: /ulimit -f/,
};

/**
 * Trains on a disk of its own. After the first epoch the program spoils it; when the run has ended,
 * it mends that, looks for the checkpoint and goes on to the end.
 */
function trainOnSmallDisk({ spoil, mend, hint }: Spoiler): object {
  const program = `
    import { execFileSync } from 'node:child_process';
    import { statfs, rm, writeFile } from 'node:fs/promises';
    import { inspectFile, train } from 'moco-node';
    const out = ${JSON.stringify(folder)};
    const config = { ...${JSON.stringify({ ...TINY_RUN, width: 1, epochs: 3 })}, out };
    const filler = out + '/filler';
    const fill = async () => { ${spoil} };
    let before;
    const onEvent = async (event) => {
      if (event.type === 'evaluation') before ??= event.epoch;
      if (event.type === 'checkpoint' && event.epoch === 1) await fill();
    };
    const { code: error, hint } = await train(config, { onEvent }).catch((error) => error);
    ${mend}
    const directory = out + '/16_32_0.5_0.999_5_16_3';
    const [cause, way] = hint.split('\\n');
    const saysHow = ${hint}.test(cause) && way.endsWith('with: moco train --resume ' + directory);
    const { checksums, epoch } = await inspectFile(directory + '/checkpoint.safetensors');
    if (checksums.verified !== checksums.tensors) throw new Error('unverified tensors');
    if (epoch !== before) throw new Error('the checkpoint is of epoch ' + epoch);
    const { epochs } = await train(config, { resume: true });
    console.log(JSON.stringify({ error, saysHow, before, epochs }));
  `;
  return JSON.parse(runOnDisk('1g', program));
}

/** The run ended, said how to go on, had its checkpoint of the first epoch, and went on to the end. */
const FULL = { error: 'ERR_MOCO_OUTPUT', saysHow: true, before: 1, epochs: 3 };

/** Runs an ES module with a disk of that size mounted on the folder. @returns what it prints */
function runOnDisk(size: string, program: string): string {
  const words = ['--input-type=module', '--eval', program];
  const script = `mount -t tmpfs -o size=${size} none "$0" && exec "$@"`;
  const child = spawnSync(
    'unshare',
    [...NAMESPACE, 'sh', '-c', script, folder, process.execPath, ...words],
    { cwd: root, encoding: 'utf8' },
  );
  assert.equal(child.status, 0, child.stderr);
  return child.stdout;
}

test('a disk that is full when logs are written ends the run, and the checkpoint is good', {
  skip,
}, () => {
  assert.deepEqual(trainOnSmallDisk(fullBut(0)), FULL);
});

test('a disk that is full when a checkpoint is written ends the run, and the one before is good', {
  skip,
}, () => {
  // Enough for logs, table and a model of 46 MB, too little for a checkpoint of 184 MB.
  assert.deepEqual(trainOnSmallDisk(fullBut(100e6)), FULL);
});

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;

test('a checkpoint that would exceed the size limit ends the run, and the one before is good', {
  skip: skip || (hasPrlimit ? false : 'there is no `prlimit` to set a limit with'),
}, () => {
  assert.deepEqual(trainOnSmallDisk(SIZE_LIMIT), FULL);
});

/** How a function of moco ends that would download its data set first: from nowhere. */
function endOnSmallDisk(call: string): { code: string; message: string; left: string[] } {
  const program = `
    import { readdir } from 'node:fs/promises';
    import { createTrainer, linear } from 'moco-node';
    const out = ${JSON.stringify(folder)};
    process.env.MOCO_CIFAR10_URL = 'http://127.0.0.1:1/nothing';
    const where = { dataset: 'cifar10', dataRoot: out + '/data', device: 'cpu', out };
    const { code, message } = await (${call}).catch((error) => error);
    console.log(JSON.stringify({ code, message, left: await readdir(out) }));
  `;
  return JSON.parse(runOnDisk('100m', program));
}

test('a run that the disk has no room for is refused before its data set is downloaded', {
  skip,
}, () => {
  const { code, message, left } = endOnSmallDisk(`createTrainer({ ...where, arch: 'resnet18' })`);
  assert.equal(code, 'ERR_MOCO_OUTPUT');
  assert.match(message, /^cannot write .*: the run needs 6\d\d MB there, 1\d\d MB are free$/);
  assert.deepEqual(left, []);
});

test('a linear evaluation that the disk has no room for is refused before its data set is downloaded', {
  skip,
}, async (context) => {
  const modelPath = join(temporaryFolder(context), 'model.safetensors');
  await writeZeros(modelPath, encoderLayout('resnet50'));
  const script = `linear({ ...where, modelPath: ${JSON.stringify(modelPath)} })`;
  const { code, message, left } = endOnSmallDisk(script);
  assert.equal(code, 'ERR_MOCO_OUTPUT');
  assert.match(message, /^cannot write .*: the run needs 2\d\d MB there, 1\d\d MB are free$/);
  assert.deepEqual(left, []);
});
