import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** How many times a program is ended in each way, at random moments. */
const ROUNDS = Number(process.env.MOCO_ENDS ?? 1);

/** A program that does not end within this time, in milliseconds, hangs. */
const HANGS = 120_000;

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What keeps native threads busy. */
export interface Work {
  /** What the program is doing, in words. */
  readonly name: string;
  /**
   * Its code, which calls `begun()` when there is something to interrupt.
   * @param out a name of its own
   */
  code(out: string): string;
  /** Looks at what is left. */
  check?(out: string): Promise<void>;
}

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
type WorkerEnd = keyof typeof WORKER_ENDS;

/** All that is below, in every way. */
export function endsInEveryWay(work: Work): void {
  for (const end of Object.keys(ENDS) as End[]) endsAsWithoutUs(work, end);
  for (const end of Object.keys(WORKER_ENDS) as WorkerEnd[]) workerEndsAlone(work, end);
}

/** Ends a program that does some work, and one that does none: the exit codes and errors are the same. */
export function endsAsWithoutUs(work: Work, end: End): void {
  test(`a program that is ${work.name} ends by ${end} as any other does`, async () => {
    const program = (body: string) => `
      ${BEGINNINGS[end] ?? ''}
      const end = () => { ${ENDS[end]}; };
      ${body}
    `;
    const expected = await endOf(program('setTimeout(end);'));
    await compareEnds(work, end, expected, (moment, code) => {
      const begun = `let begun = () => { begun = () => {}; setTimeout(end, ${moment}); };`;
      return program(begun + code);
    });
  });
}

/** The same of a worker, or of a program with one. */
export function workerEndsAlone(work: Work, end: WorkerEnd): void {
  test(`a worker that is ${work.name} ends by ${end} as any other does`, async () => {
    const waiting = 'begun(); setInterval(() => {}, 1000);';
    const expected = await endOf(programWithWorker(WORKER_ENDS[end], 0, waiting));
    await compareEnds(work, `worker ${end}`, expected, (moment, code) =>
      programWithWorker(WORKER_ENDS[end], moment, code),
    );
  });
}

interface Ended {
  readonly status: unknown;
  readonly signal: unknown;
  readonly stderr: string;
}

async function compareEnds(
  work: Work,
  name: string,
  { stderr, ...expected }: Ended,
  program: (moment: number, code: string) => string,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const out = `${work.name}-${name}-${round}`.replace(/\W+/g, '-');
    const moment = anyMoment();
    const ended = await endOf(program(moment, work.code(out)));
    const context = `after ${moment} ms: ${ended.stderr}`;
    assert.deepEqual({ status: ended.status, signal: ended.signal }, expected, context);
    assert.deepEqual(without(ended.stderr), without(stderr), context);
    await work.check?.(out);
  }
}

/** Runs a program, and says how it ended. */
async function endOf(code: string): Promise<Ended> {
  const words = ['--input-type=module', '--eval', code];
  return await new Promise((resolve) => {
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

interface WorkerProgram {
  readonly inWorker?: string;
  readonly inMain?: string;
  readonly busy?: boolean;
}

/** A program whose worker works, or just waits. Ends well after the worker, if it gets there. */
function programWithWorker(
  { inWorker, inMain, busy }: WorkerProgram,
  moment: number,
  work: string,
) {
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
