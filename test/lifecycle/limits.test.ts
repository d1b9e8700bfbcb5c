import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

// Where the system refuses what a run asks for, at any moment, the run fails with an error that says
// so, and its program goes on: it trains once more when there is room again.

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = temporaryFolder();
const { error: lacksPrlimit } = spawnSync('prlimit', ['--version']);
const { error: lacksProc } = spawnSync('cat', ['/proc/self/status']);
const skip = lacksPrlimit || lacksProc ? 'it needs prlimit and /proc' : false;

/** Code that takes away all but `rest` of something, and code that gives it back. */
const LIMITS = {
  'MiB of address space': {
    take: (rest: number) => `
      const size = Number(/VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
      const most = size * 1024 + ${rest} * 2 ** 20;
      execFileSync('prlimit', ['--pid', process.pid, '--as=' + most + ':']);
    `,
    giveBack: `execFileSync('prlimit', ['--pid', process.pid, '--as=unlimited:']);`,
  },
  'file descriptors': {
    take: (rest: number) => `
      execFileSync('prlimit', ['--pid', process.pid, '--nofile=200:']);
      try { for (;;) taken.push(openSync('/dev/null')); } catch {}
      for (let i = 0; i < ${rest}; i++) closeSync(taken.pop());
    `,
    giveBack: 'for (const descriptor of taken) closeSync(descriptor);',
  },
} as const;

const MOMENTS = ['before it', 'start', 'step', 'evaluation'] as const;

/** How much is left. V8 ends a process that has no memory to compile its JavaScript, as before a run. */
function restsOf(what: keyof typeof LIMITS, moment: (typeof MOMENTS)[number]): readonly number[] {
  if (what === 'file descriptors') return [0, 4];
  return moment === 'before it' ? [30, 100] : [5, 100];
}

/** Runs a program whose run meets a limit. Prints how the run ended and how the next one did. */
async function trainWithLittle(what: keyof typeof LIMITS, rest: number, moment: string) {
  const { take, giveBack } = LIMITS[what];
  const program = `
    import { execFileSync } from 'node:child_process';
    import { closeSync, openSync, readFileSync } from 'node:fs';
    import { MocoError, train } from 'moco-node';
    const config = ${JSON.stringify({ ...TINY_RUN, threads: 2, out: join(folder, `${what}${rest}${moment}`) })};
    const taken = [];
    const wait = () => new Promise((resolve) => setTimeout(resolve, 10));
    let meetsLimit = () => { meetsLimit = () => {}; ${take(rest)} };
    const ends = [];
    if (${moment === 'before it'}) meetsLimit();
    const attempt = (onEvent) => train(config, { onEvent }).then(({ type }) => ends.push(type));
    await attempt(({ type }) => { if (type === '${moment}') meetsLimit(); }).catch((error) => {
      if (!(error instanceof MocoError)) throw error;
      ends.push(error.code);
    });
    ${giveBack}
    await attempt(() => {});
    console.log(JSON.stringify(ends));
  `;
  return await new Promise<{ error: unknown; ends: string[] }>((resolve) => {
    const words = ['--input-type=module', '--eval', program];
    execFile(process.execPath, words, { cwd: root, timeout: 120_000 }, (error, stdout) => {
      resolve({ error, ends: stdout === '' ? [] : JSON.parse(stdout) });
    });
  });
}

const RIGHT_ENDS = {
  'MiB of address space': ['done', 'ERR_MOCO_OUT_OF_MEMORY', 'ERR_MOCO_LIMIT'],
  'file descriptors': ['done', 'ERR_MOCO_LIMIT', 'ERR_MOCO_OUTPUT'],
} as const;

for (const what of Object.keys(LIMITS) as (keyof typeof LIMITS)[]) {
  for (const moment of MOMENTS) {
    test(`a run to which few ${what} are left (${moment}) fails at most itself`, {
      skip,
    }, async () => {
      for (const rest of restsOf(what, moment)) {
        const { error, ends } = await trainWithLittle(what, rest, moment);
        assert.equal(error, null);
        const [first = '', second] = ends;
        assert.ok(
          (RIGHT_ENDS[what] as readonly string[]).includes(first),
          `${rest} left: ${first}`,
        );
        assert.equal(second, 'done');
      }
    });
  }
}
