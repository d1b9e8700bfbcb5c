import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '#moco/packageRoot.js';
import { executable } from '../support/moco.js';
import { temporaryFolder } from '../support/temporaryFolder.js';
import { TINY_RUN } from '../support/tinyRun.js';

const folder = temporaryFolder();

const RUN = { ...TINY_RUN, epochs: 10 };

/** A container: process numbers of its own, and a host name of its own. */
function inContainer(host: string, words: readonly string[]): string[] {
  const namespaces = ['--map-root-user', '--uts', '--pid', '--fork', '--kill-child'];
  return ['unshare', ...namespaces, 'sh', '-c', `hostname ${host}; exec "$@"`, 'sh', ...words];
}

const [program, ...words] = inContainer('trial', ['true']) as [string, ...string[]];
const canUnshare = spawnSync(program, words).status === 0;

/** What a batch system runs, as often as it takes. */
function job(out: string): string[] {
  const settings = Object.entries({ ...RUN, out: join(folder, out) });
  const flags = settings.flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  return [process.execPath, executable, 'train', '--resume', '--or-start', '--json', ...flags];
}

/** Starts a job; `until` returns when its output has this text. */
function start([program, ...words]: string[]) {
  const child = spawn(program as string, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  const ended = once(child, 'close');
  const until = async (text: string) => {
    while (!stdout.includes(text)) {
      await Promise.race([once(child.stdout, 'data'), ended]);
      assert.equal(child.exitCode, null, stdout);
    }
  };
  return {
    child,
    until,
    ended,
    events: () =>
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
  };
}

test('a job whose container was killed goes on in the next one by itself', {
  skip: canUnshare ? false : 'this system lets nobody make a namespace',
}, async () => {
  const first = start(inContainer('node1', job('container')));
  await first.until('"type":"checkpoint"'); // the first one is written while the first steps are done
  first.child.kill('SIGKILL');
  await first.ended;
  const second = start(inContainer('node2', job('container')));
  assert.deepEqual(await second.ended, [0, null]);
  const [waiting, started, ...more] = second.events();
  assert.match(waiting.message, /^waiting for a minute, to see whether process \d+ on node1 /);
  assert.equal(started.resumed.epoch, 1);
  assert.equal(more.at(-1).type, 'done');
});

test('a job that was killed goes on at once on the same machine', async () => {
  const first = start(job('killed'));
  await first.until('"type":"checkpoint"');
  first.child.kill('SIGKILL');
  await first.ended;
  const second = start(job('killed'));
  await second.until('"type":"step"');
  second.child.kill('SIGTERM');
  assert.deepEqual(await second.ended, [143, null]);
  const [started, ...more] = second.events();
  assert.equal(started.type, 'start');
  assert.equal(started.resumed.epoch, 1);
  assert.ok(more.every(({ type }) => type !== 'warning'));
});

test('a run whose worker was terminated goes on in the same process', () => {
  const worker = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { train } from 'moco-node';
    await train(workerData, { onEvent: ({ type }) => parentPort.postMessage(type) });
  `;
  const program = `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    import { train } from 'moco-node';
    const workerData = ${JSON.stringify({ ...RUN, epochs: 3, out: join(folder, 'worker') })};
    const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData });
    while ((await once(worker, 'message'))[0] !== 'step');
    await worker.terminate();
    const { epochs } = await train(workerData, { resume: true });
    console.log(epochs);
  `;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  assert.deepEqual([child.status, child.stdout], [0, '3\n'], child.stderr);
});
