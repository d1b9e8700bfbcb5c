import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { packageRoot } from '#moco/packageRoot.js';

const LOAD = `(await import('#moco/native/load.js')).loadAddon();`;

/** Programs that load the addon in a thread, and then tell what is in the environment. */
const PROGRAMS = {
  'the main thread': LOAD,
  'a worker': `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const worker = new Worker(${JSON.stringify(LOAD)}, { eval: true });
    const [exitCode] = await once(worker, 'exit');
    if (exitCode !== 0) process.exit(exitCode);`,
  'a worker with variables of its own': `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const worker = new Worker(${JSON.stringify(LOAD)}, { eval: true, env: {} });
    const [exitCode] = await once(worker, 'exit');
    if (exitCode !== 0) process.exit(exitCode);`,
  'one of several workers at a time': `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const start = () => new Worker(${JSON.stringify(LOAD)}, { eval: true });
    const workers = Array.from({ length: 4 }, start);
    const ends = await Promise.all(workers.map((worker) => once(worker, 'exit')));
    if (ends.flat().some((exitCode) => exitCode !== 0)) process.exit(1);`,
};

/** The spin count that OpenMP has read, and the two variables as the program sees them afterwards. */
function openMpOf(program: string, env: Record<string, string> = {}) {
  const { OMP_WAIT_POLICY, GOMP_SPINCOUNT, CUBLAS_WORKSPACE_CONFIG, ...others } = process.env;
  const tell = `
    const { GOMP_SPINCOUNT, CUBLAS_WORKSPACE_CONFIG, KEPT } = process.env;
    console.log(JSON.stringify({ GOMP_SPINCOUNT, CUBLAS_WORKSPACE_CONFIG, KEPT }));`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', program + tell],
    {
      cwd: packageRoot,
      encoding: 'utf8',
      env: { ...others, KEPT: 'kept', OMP_DISPLAY_ENV: 'VERBOSE', ...env },
    },
  );
  assert.equal(status, 0, stderr);
  const spins = /GOMP_SPINCOUNT = '(\d+)'/.exec(stderr)?.[1];
  return { spins, ...JSON.parse(stdout.trim().split('\n').at(-1) ?? '') };
}

const skip = process.platform === 'linux' ? false : 'GNU OpenMP is what LibTorch has on Linux';

for (const [thread, program] of Object.entries(PROGRAMS)) {
  test(`OpenMP spins briefly where ${thread} loads the addon first`, { skip }, () => {
    assert.deepEqual(openMpOf(program), {
      ...{ spins: '2000', GOMP_SPINCOUNT: '2000', CUBLAS_WORKSPACE_CONFIG: ':4096:8' },
      KEPT: 'kept',
    });
  });
}

test('variables that are set already stay as they are', { skip }, () => {
  const program = PROGRAMS['a worker'];
  const own = { GOMP_SPINCOUNT: '77', CUBLAS_WORKSPACE_CONFIG: ':16:8' };
  assert.deepEqual(openMpOf(program, own), { spins: '77', ...own, KEPT: 'kept' });
  const { GOMP_SPINCOUNT } = openMpOf(program, { OMP_WAIT_POLICY: 'active' });
  assert.equal(GOMP_SPINCOUNT, undefined);
});
