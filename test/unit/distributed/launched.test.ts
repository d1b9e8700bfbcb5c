import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstHost, launched } from '#moco/distributed/launched.js';

const TORCHRUN = {
  ...{ RANK: '3', WORLD_SIZE: '4', MASTER_ADDR: 'worker-0', MASTER_PORT: '29500' },
  ...{ TORCHELASTIC_USE_AGENT_STORE: 'True', TORCHELASTIC_RESTART_COUNT: '2' },
};

const SRUN = {
  ...{ SLURM_PROCID: '1', SLURM_STEP_NUM_TASKS: '16', SLURM_STEP_NODELIST: 'gpu[07-08]' },
  ...{ SLURM_JOB_ID: '4200042' },
};

test('a process that was started alone has no group', () => {
  assert.equal(launched({}), undefined);
  assert.equal(launched({ ...TORCHRUN, RANK: '0', WORLD_SIZE: '1' }), undefined);
});

test('what torchrun says is taken over', () => {
  const place = { rank: 3, processes: 4, host: 'worker-0', port: 29500 };
  assert.deepEqual(launched(TORCHRUN), { ...place, launcherHostsStore: true, attempt: 2 });
  const { RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT } = TORCHRUN;
  const plain = launched({ RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT });
  assert.deepEqual(plain, { ...place, launcherHostsStore: false, attempt: 0 });
});

test('a step of srun meets on its first host, at a port of the job', () => {
  const place = { rank: 1, processes: 16, host: 'gpu07', port: 15_042 };
  assert.deepEqual(launched(SRUN), { ...place, launcherHostsStore: false, attempt: 0 });
  const moved = launched({ ...SRUN, MASTER_ADDR: '10.0.0.7', MASTER_PORT: '29400' });
  assert.deepEqual([moved?.host, moved?.port], ['10.0.0.7', 29_400]);
  assert.equal(launched({ ...SRUN, SLURM_RESTART_COUNT: '1' })?.attempt, 1);
});

test('the script of a batch job trains alone', () => {
  assert.equal(launched({ SLURM_PROCID: '0', SLURM_NTASKS: '16', SLURM_JOB_ID: '7' }), undefined);
});

test('the first host of every form of list is found', () => {
  const cases = [
    ['node1', 'node1'],
    ['node1,node2', 'node1'],
    ['node[003-006,9],login1', 'node003'],
    ['rack2-n[1,5]', 'rack2-n1'],
    ['a[1-2]-ib,b', 'a1-ib'],
  ] as const;
  for (const [list, host] of cases) assert.equal(firstHost(list), host);
});

test('variables that make no sense are named', () => {
  const refused = (environment: Record<string, string>, message: RegExp) =>
    assert.throws(() => launched(environment), { code: 'ERR_MOCO_CONFIG', message });
  refused({ RANK: '0', WORLD_SIZE: '2' }, /MASTER_ADDR and MASTER_PORT are not/);
  refused({ ...TORCHRUN, RANK: 'one' }, /RANK: expected a number, given "one"/);
  refused({ ...TORCHRUN, RANK: '4' }, /rank 4 of 4/);
});
