import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { availableParallelism, constants } from 'node:os';
import { AlreadyReported } from './alreadyReported.js';

/** Signals that are passed on. A terminal sends Ctrl-C to all processes itself. */
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGXCPU'] as const;

/**
 * Runs a command of `moco` as several processes on this machine, which find each other as those of
 * torchrun do. The first shows what happens; the others only what goes wrong.
 * @param argv of the command
 * @throws AlreadyReported with the exit code of the process that was the first to end by a failure
 */
export async function runProcesses(argv: readonly string[], count: number): Promise<void> {
  const port = await freePort();
  const threads = Math.max(Math.floor(availableParallelism() / count), 1);
  const children = Array.from({ length: count }, (_, rank) => {
    const place = { RANK: `${rank}`, LOCAL_RANK: `${rank}` };
    const run = { WORLD_SIZE: `${count}`, LOCAL_WORLD_SIZE: `${count}` };
    const meeting = { MASTER_ADDR: '127.0.0.1', MASTER_PORT: `${port}` };
    const env = { OMP_NUM_THREADS: `${threads}`, ...process.env, ...place, ...run, ...meeting };
    const show = rank === 0 ? 'inherit' : 'ignore';
    const script = process.argv[1] as string;
    return spawn(process.execPath, [...process.execArgv, script, ...argv], {
      stdio: [show, show, 'inherit'],
      env,
    });
  });
  using _ = passingOn(children);
  let failed: number | undefined;
  await Promise.all(
    children.map(async (child) => {
      const code = await exitCode(child);
      if (code !== 0) failed ??= code;
    }),
  );
  if (failed !== undefined) throw new AlreadyReported(failed);
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
    );
  });
}

function passingOn(children: readonly ChildProcess[]): Disposable {
  const pass = (signal: NodeJS.Signals) => {
    for (const child of children) child.kill(signal);
  };
  const stay = () => {};
  for (const signal of PASSED_ON) process.on(signal, pass);
  process.on('SIGINT', stay);
  return {
    [Symbol.dispose]() {
      for (const signal of PASSED_ON) process.off(signal, pass);
      process.off('SIGINT', stay);
    },
  };
}

/** A port of this machine that nobody uses at this moment. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
