import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readTensorFile } from '#moco/formats/readTensorFile.js';
import { verifyChecksums } from '#moco/formats/verifyChecksums.js';
import { findCheckpoint } from '#moco/train/checkpoint.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

// A program that uses the package ends as it would without it, at any moment: with the exit code
// that Node gives, no signal and no wait, and with a good checkpoint.

/** How many times a program is ended in each way, at random moments. */
const ROUNDS = Number(process.env.MOCO_ENDS ?? 1);

/** A program that does not end within this time, in milliseconds, hangs. */
const HANGS = 120_000;

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = temporaryFolder();
let model: string;

/** What keeps native threads busy: code that calls `begun()` when there is something to interrupt. */
const WORK = {
  training: `
    await train(config, { onEvent: ({ type }) => { if (type === 'checkpoint') begun(); } });
  `,
  evaluating: `
    begun();
    for (;;) {
      await knn({ ...evaluated, modelPath: model, k: 5 });
      await linear({ ...evaluated, modelPath: model, out: config.out, cached: true, epochs: 2 });
    }
  `,
  embedding: `
    const encoder = await loadEncoder(model, { threads: 1 });
    const picture = { data: new Uint8Array(32 * 32 * 3), width: 32, height: 32, channels: 3 };
    begun();
    for (;;) {
      const many = encoder.embed(new Array(600).fill(picture), { output: 'projection' });
      await Promise.all([many, encoder.embed(picture), loadEncoder(model)]); // one is left to the collector
    }
  `,
  measuring: `
    begun();
    for (;;) await profileStep({ arch: 'resnet18', batchSize: 8, threads: 1, seconds: 1, precision: 'fp32' });
  `,
  converting: `
    begun();
    for (let turn = 0; ; turn++) await convertModel(model, config.out + turn % 2 + '.safetensors');
  `,
} as const;
type Work = keyof typeof WORK;

/** Ways in which a main thread ends, all but the last of them a surprise to the package. */
const ENDS = {
  'process.exit()': 'process.exit(7)',
  'an error that nobody catches': `throw new Error('mine')`,
  'a rejection that nobody handles': `Promise.reject(new Error('mine'))`,
  'an exit listener that throws': `process.exit(7)`,
  'an exit listener that exits': `process.exit(7)`,
  'process.exit() without exit listeners': `process.removeAllListeners('exit'); process.exit(7)`,
  'process.reallyExit()': 'process.reallyExit(7)',
  'an error listener that exits': `throw new Error('mine')`,
  'a signal': `process.kill(process.pid, 'SIGTERM')`,
} as const;
type End = keyof typeof ENDS;

/** What such a program does first, before it loads anything. */
const BEGINNINGS: { readonly [end in End]?: string } = {
  'an exit listener that throws': `process.on('exit', () => { throw new Error('mine'); });`,
  'an exit listener that exits': `process.on('exit', () => process.exit(9));`,
  'an error listener that exits': `process.on('uncaughtException', () => process.exit(11));`,
};

/** The program's part that works; its thread can be the main one or a worker. */
function working(work: Work, out: string): string {
  const { epochs, ...run } = TINY_RUN;
  const { dataset, trainLimit, testLimit, arch, device, threads } = TINY_RUN;
  return `
    const config = ${JSON.stringify({ ...run, epochs: 100_000, checkpointMinutes: 0.001, out: join(folder, out) })};
    const evaluated = ${JSON.stringify({ dataset, trainLimit, testLimit, arch, device, threads })};
    const model = ${JSON.stringify(model ?? '')};
    const { train, knn, linear, loadEncoder, profileStep, convertModel } = await import('moco-node');
    ${WORK[work]}
  `;
}

/** Runs a program, and says how it ended. */
async function endOf(code: string) {
  const words = ['--input-type=module', '--eval', code];
  return await new Promise<{ status: unknown; signal: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, words, { cwd: root, timeout: HANGS }, (error, _, stderr) => {
      resolve({ status: error?.code ?? 0, signal: error?.signal ?? null, stderr });
    });
  });
}

/** A moment after the work has begun, in milliseconds: most work takes a tenth of that. */
function anyMoment(): number {
  return Math.floor(Math.random() * 500);
}

/** The last line that a program writes has the error; stacks differ with the code around them. */
function without(stack: string): string[] {
  return stack.split('\n').filter((line) => /^\w*Error: /.test(line));
}

async function requireGoodCheckpoint(out: string): Promise<void> {
  const directory = join(folder, out, '16_32_0.5_0.999_5_16_100000');
  const { checkpoint } = await findCheckpoint(directory);
  assert.ok((await verifyChecksums(await readTensorFile(checkpoint.source.path))) > 0);
}

before(async () => {
  const { train } = await import('moco-node');
  const { files } = await train({ ...TINY_RUN, epochs: 1, out: join(folder, 'model') });
  model = files.model;
});

function endsAsWithoutUs(work: Work, end: End): void {
  test(`a program that is ${work} ends by ${end} as any other does`, async () => {
    const program = (body: string) => `
      ${BEGINNINGS[end] ?? ''}
      const end = () => { ${ENDS[end]}; };
      ${body}
    `;
    const { stderr, ...expected } = await endOf(program('setTimeout(end);'));
    for (let round = 0; round < ROUNDS; round++) {
      const out = `${work}-${end}-${round}`.replace(/\W+/g, '-');
      const moment = anyMoment();
      const begun = `let begun = () => { begun = () => {}; setTimeout(end, ${moment}); };`;
      const ended = await endOf(program(begun + working(work, out)));
      const context = `after ${moment} ms: ${ended.stderr}`;
      assert.deepEqual({ status: ended.status, signal: ended.signal }, expected, context);
      assert.deepEqual(without(ended.stderr), without(stderr), context);
      if (work === 'training') await requireGoodCheckpoint(out);
    }
  });
}

for (const work of ['training', 'embedding'] as const) {
  for (const end of Object.keys(ENDS) as End[]) endsAsWithoutUs(work, end);
}
for (const work of ['evaluating', 'measuring', 'converting'] as const) {
  endsAsWithoutUs(work, 'process.exit()');
  endsAsWithoutUs(work, 'process.reallyExit()');
}

/** Ways in which a worker ends, or the main thread while a worker works. */
const WORKER_ENDS = {
  'process.exit() in it': { inWorker: 'process.exit(3)' },
  'an error in it': { inWorker: `throw new Error('mine')` },
  'terminate()': { inMain: 'worker.terminate()' },
  'terminate() while its handler is busy': { inMain: 'worker.terminate()', busy: true },
  'process.exit() of the main thread': { inMain: 'process.exit(7)' },
  'process.exit() of the main thread while its handler is busy': {
    inMain: 'process.exit(7)',
    busy: true,
  },
  'process.reallyExit() of the main thread': { inMain: 'process.reallyExit(7)' },
  'an error of the main thread': { inMain: `throw new Error('mine')` },
} as const;

interface WorkerEnd {
  readonly inWorker?: string;
  readonly inMain?: string;
  readonly busy?: boolean;
}

/** A program whose worker works, or just waits. Ends well after the worker, if it gets there. */
function programWithWorker({ inWorker, inMain, busy }: WorkerEnd, moment: number, work: string) {
  const begun = busy
    ? `parentPort.postMessage('begun'); for (const start = Date.now(); Date.now() - start < 2000; );`
    : `parentPort.postMessage('begun');`;
  const worker = `
    import { parentPort } from 'node:worker_threads';
    let begun = () => {
      begun = () => {};
      ${inWorker === undefined ? '' : `setTimeout(() => { ${inWorker}; }, ${moment});`}
      ${begun}
    };
    ${work}
  `;
  return `
    import { Worker } from 'node:worker_threads';
    const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
    worker.on('error', (error) => console.error('Error: caught ' + error.message));
    worker.once('message', () => {
      ${inMain === undefined ? '' : `setTimeout(() => { ${inMain}; }, ${moment});`}
    });
    await new Promise((resolve) => worker.on('exit', resolve));
    process.exitCode = 5;
  `;
}

function workerEndsAlone(work: Work, name: keyof typeof WORKER_ENDS): void {
  test(`a worker that is ${work} ends by ${name} as any other does`, async () => {
    const waiting = 'begun(); setInterval(() => {}, 1000);';
    const { stderr, ...expected } = await endOf(programWithWorker(WORKER_ENDS[name], 0, waiting));
    for (let round = 0; round < ROUNDS; round++) {
      const out = `worker-${work}-${name}-${round}`.replace(/\W+/g, '-');
      const moment = anyMoment();
      const ended = await endOf(programWithWorker(WORKER_ENDS[name], moment, working(work, out)));
      const context = `after ${moment} ms: ${ended.stderr}`;
      assert.deepEqual({ status: ended.status, signal: ended.signal }, expected, context);
      assert.deepEqual(without(ended.stderr), without(stderr), context);
      if (work === 'training') await requireGoodCheckpoint(out);
    }
  });
}

for (const name of Object.keys(WORKER_ENDS) as (keyof typeof WORKER_ENDS)[]) {
  workerEndsAlone('training', name);
  workerEndsAlone('embedding', name);
}
for (const work of ['evaluating', 'measuring', 'converting'] as const) {
  workerEndsAlone(work, 'process.exit() in it');
  workerEndsAlone(work, 'terminate()');
}
