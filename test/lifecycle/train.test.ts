import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A run that does not end by itself. */
const ENDLESS = { ...TINY_RUN, epochs: 100_000 };

const folder = temporaryFolder();

/** Runs a program that uses the package. `config` is there, and `inTheMiddle(config, call)`. */
function program(out: string, code: string) {
  const prelude = `
    import { createTrainer, train } from 'moco-node';
    const config = ${JSON.stringify({ ...ENDLESS, out: join(folder, out) })};
    // Calls back a moment after a step was reported, when the next step is being computed.
    const inTheMiddle = (config, call) =>
      train(config, { onEvent: ({ type }) => { if (type === 'step') setTimeout(call, 5); } });
  `;
  const words = ['--input-type=module', '--eval', prelude + code];
  const child = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  const { status, signal, stdout, stderr } = child;
  return { status, signal, stdout, stderr };
}

test('process.exit() in the middle of a step ends with its exit code', () => {
  const ended = program('exit', 'await inTheMiddle(config, () => process.exit(7));');
  assert.deepEqual(ended, { status: 7, signal: null, stdout: '', stderr: '' });
});

test('an error that nobody catches ends the process as anywhere else', () => {
  const { status, signal, stderr } = program(
    'throw',
    `await inTheMiddle(config, () => { throw new Error('mine'); });`,
  );
  assert.deepEqual({ status, signal }, { status: 1, signal: null });
  assert.match(stderr, /Error: mine/);
});

test('a worker that is terminated in the middle of a step takes nothing with it', () => {
  const worker = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { train } from 'moco-node';
    await train(workerData, { onEvent: ({ type }) => parentPort.postMessage(type) });
  `;
  const ended = program(
    'worker',
    `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    for (const round of [1, 2]) {
      const worker = new Worker(${JSON.stringify(worker)}, {
        eval: true,
        workerData: { ...config, out: config.out + round },
      });
      worker.on('error', (error) => { throw error; });
      while ((await once(worker, 'message'))[0] !== 'step');
      await new Promise((resolve) => setTimeout(resolve, 5));
      await worker.terminate();
    }
    const { epochs } = await train({ ...config, epochs: 1, out: config.out + '-after' });
    console.log(epochs);
    `,
  );
  assert.deepEqual(ended, { status: 0, signal: null, stdout: '1\n', stderr: '' });
});

for (const [how, code] of [
  ['by process.exit()', 'process.exit(3)'],
  ['by an error', "throw new Error('mine')"],
  ['by a rejection', "Promise.reject(new Error('mine'))"],
] as const) {
  test(`a worker that ends ${how} in the middle of its run takes nothing with it`, () => {
    const worker = `
      import { workerData } from 'node:worker_threads';
      import { train } from 'moco-node';
      const end = () => { ${code}; };
      await train(workerData, { onEvent: ({ type }) => { if (type === 'step') setTimeout(end, 5); } });
    `;
    const ended = program(
      `worker-${code.slice(0, 5)}`,
      `
      import { Worker } from 'node:worker_threads';
      const ends = [];
      for (let round = 0; round < 5; round++) {
        const workerData = { ...config, out: config.out + round };
        const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData });
        worker.on('error', (error) => ends.push(error.message));
        ends.push(await new Promise((resolve) => worker.on('exit', resolve)));
      }
      const { epochs } = await train({ ...config, epochs: 1, out: config.out + '-after' });
      console.log(JSON.stringify({ ends, epochs }));
      `,
    );
    const { stdout, ...end } = ended;
    assert.deepEqual(end, { status: 0, signal: null, stderr: '' });
    const round = how === 'by process.exit()' ? [3] : ['mine', 1];
    assert.deepEqual(JSON.parse(stdout), { ends: Array(5).fill(round).flat(), epochs: 1 });
  });
}

test('a trainer that is disposed of in the middle of a step ends its run', () => {
  const ended = program(
    'dispose',
    `
    const trainer = await createTrainer(config);
    try {
      for await (const { type } of trainer.run()) {
        if (type === 'step') setTimeout(() => trainer.dispose(), 5);
      }
    } catch (error) {
      console.log(error.code);
    }
    await trainer.dispose();
    `,
  );
  assert.deepEqual(ended, { status: 0, signal: null, stdout: 'ERR_MOCO_DISPOSED\n', stderr: '' });
});

test('a trainer that is left behind does not keep the process alive', () => {
  const code =
    'for await (const { type } of (await createTrainer(config)).run()) if (type === "step") break;';
  assert.deepEqual(program('left', code), { status: 0, signal: null, stdout: '', stderr: '' });
});

const hasProc = existsSync('/proc/self/task');
test('trainers that are forgotten give back their threads', { skip: !hasProc }, () => {
  const ended = program(
    'forgotten',
    `
    import { readdirSync } from 'node:fs';
    const threads = () => readdirSync('/proc/self/task').length;
    await createTrainer(config);
    const withOne = threads();
    for (let i = 0; i < 20; i++) {
      await createTrainer(config);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    console.log(threads() - withOne < 20);
    `,
  );
  assert.deepEqual(ended, { status: 0, signal: null, stdout: 'true\n', stderr: '' });
});

test('two trainers at a time do not disturb each other', () => {
  const ended = program(
    'two',
    `
    import { readFile } from 'node:fs/promises';
    const short = { ...config, epochs: 1 };
    const run = async (out) => (await train({ ...short, out: config.out + out })).files.model;
    const models = [await run('-alone'), ...(await Promise.all([run('-left'), run('-right')]))];
    const [alone, left, right] = await Promise.all(models.map((path) => readFile(path)));
    console.log(left.equals(alone), right.equals(alone));
    `,
  );
  assert.deepEqual(ended, { status: 0, signal: null, stdout: 'true true\n', stderr: '' });
});
